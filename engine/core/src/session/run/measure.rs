//! Evaluation in a run: the current network during training, and the finished model at the end.

use super::{Run, Score};
use crate::error::Result;
use crate::model::ModelConfig;
use crate::session::Host;
use crate::session::commands::compare::figures;
use crate::session::run::clock::Clock;
use crate::session::run::diagnosis;
use crate::session::run::task::{Split, Task};
use protocol::{Event, Metrics};

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Evaluates the current network and emits the metrics. `None` if there is nothing to evaluate
    /// on, or a stop interrupted it.
    pub(super) async fn evaluate(
        &mut self,
        split: Split,
        clock: &mut Clock,
    ) -> Result<Option<Metrics>> {
        let metrics = self.measure_network(split, clock).await?;
        if let Some(metrics) = &metrics {
            let network = self.network(metrics);
            self.report_evaluated(split, network, metrics.clone());
        }
        Ok(metrics)
    }

    /// Evaluates the current network. `None` as for [`Self::evaluate`].
    async fn measure_network(
        &mut self,
        split: Split,
        clock: &mut Clock,
    ) -> Result<Option<Metrics>> {
        let Self {
            task,
            trainer,
            control,
            ..
        } = self;
        let (params, device) = (trainer.params(), &trainer.optimizer.device);
        let mut model = trainer.model.clone();
        let mut should_continue = async || {
            Ok(control
                .poll_during_evaluation(trainer, clock)
                .await?
                .is_continue())
        };
        let metrics = task
            .evaluate(&mut model, &params, device, split, &mut should_continue)
            .await?;
        trainer.model = model;
        self.at.owes_evaluation = metrics.is_none() && self.control.stop_requested();
        let Some(metrics) = metrics else {
            return Ok(None);
        };
        self.learned = self.task.is_learned(&metrics);
        self.score(split, &metrics);
        Ok(Some(metrics))
    }

    /// Returns the number of the current network of a classifier, from 1.
    fn network(&self, metrics: &Metrics) -> Option<u64> {
        matches!(metrics, Metrics::Classifier(_))
            .then_some((self.at.networks.len() as u64 + 1).min(self.plan.networks))
    }

    fn report_evaluated(&mut self, split: Split, network: Option<u64>, metrics: Metrics) {
        self.measured.retain(|(other, _)| *other != split);
        self.measured.push((split, metrics.clone()));
        let event = Event::Evaluated {
            run: self.control.run.into(),
            step: self.trainer.step(),
            epoch: self.trainer.step() as f64 / self.plan.steps_per_epoch as f64,
            split: split.name().into(),
            network,
            metrics,
        };
        self.control.host.emit(event);
    }

    /// Records the metrics of a classifier.
    fn score(&mut self, split: Split, metrics: &Metrics) {
        let Metrics::Classifier(measured) = metrics else {
            return;
        };
        let epoch = self.trainer.values.step as f64 / self.plan.steps_per_epoch as f64;
        self.scores.push(Score {
            split,
            epoch,
            figures: figures(measured),
        });
        if split == Split::Valid && self.task.restores_best_step() {
            self.remember(measured.micro_f1);
        }
    }

    /// Combines the networks and other parts into the final model. Returns its metrics, or `None`
    /// if there is nothing to combine.
    async fn build_ensemble(&mut self, clock: &mut Clock) -> Result<Option<Vec<(Split, Metrics)>>> {
        let Some(first) = self.at.networks.first().cloned() else {
            return Ok(None);
        };
        let networks = self
            .at
            .networks
            .iter()
            .map(|network| network.groups.clone())
            .collect();
        let Self {
            task,
            trainer,
            control,
            ..
        } = self;
        let (layout, device) = (
            trainer.optimizer.layout.clone(),
            trainer.optimizer.device.clone(),
        );
        // Other programs load the first network, with its own thresholds.
        let (threshold, thresholds) = (first.threshold, first.thresholds.clone());
        let mut model = ModelConfig {
            threshold,
            thresholds,
            ..trainer.model.clone()
        };
        let mut should_continue = async || {
            Ok(control
                .poll_during_evaluation(trainer, clock)
                .await?
                .is_continue())
        };
        let measured = task
            .build_ensemble(&mut model, &layout, networks, &device, &mut should_continue)
            .await?;
        if measured.is_empty() || self.control.stop_requested() {
            return Ok(None);
        }
        self.leave(first);
        self.trainer.model = model;
        let test = measured
            .iter()
            .find(|(split, _)| *split == Split::Test)
            .map(|(_, metrics)| metrics.clone());
        test.into_iter()
            .for_each(|metrics| self.score(Split::Test, &metrics));
        Ok(Some(measured))
    }

    /// Warns if the metrics of the finished model indicate a problem.
    fn diagnose(&self, last: Option<&Metrics>) {
        if self.trainer.step() < diagnosis::MIN_STEPS {
            return;
        }
        let (code, message) = match last {
            Some(Metrics::MaskedLm(metrics)) => (
                "only-frequencies",
                diagnosis::only_frequencies(metrics, &self.entropy_baselines),
            ),
            Some(Metrics::Classifier(metrics)) => {
                ("never-predicted", diagnosis::never_predicted(metrics))
            }
            None => return,
        };
        if let Some(message) = message {
            self.note(code, message);
        }
    }

    /// Final evaluation: of the last parameters on the validation set and, unless stopped, of the
    /// best ones on the test set.
    pub(super) async fn measure(&mut self, clock: &mut Clock) -> Result<()> {
        // Skip what was just evaluated. Metrics are reported once all of them are there: if a stop
        // interrupted the later ones, a resumed run would report the earlier ones twice.
        let (mut unreported, mut final_metrics) = (None, None);
        if !self.learned {
            let last = self.measure_network(Split::Valid, clock).await?;
            unreported = last
                .clone()
                .map(|metrics| (self.network(&metrics), metrics));
            let recalled = self.set_aside();
            if self.control.stop_requested() {
                return Ok(());
            }
            // A problem of the last parameters need not be one of the best ones.
            final_metrics = last.filter(|_| !recalled);
        }
        let concluded = self.build_ensemble(clock).await?;
        if self.control.stop_requested() {
            return Ok(());
        }
        let joined = concluded
            .iter()
            .flatten()
            .find(|(split, _)| *split == Split::Valid);
        self.diagnose(
            joined
                .map(|(_, metrics)| metrics)
                .or(final_metrics.as_ref()),
        );
        if let Some((network, last)) = unreported {
            self.report_evaluated(Split::Valid, network, last);
        }
        match concluded {
            Some(measured) => measured
                .into_iter()
                .for_each(|(split, metrics)| self.report_evaluated(split, None, metrics)),
            None => {
                self.evaluate(Split::Test, clock).await?;
            }
        }
        Ok(())
    }
}
