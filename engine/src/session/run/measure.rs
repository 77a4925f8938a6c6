//! What a run measures: its network on the way, and all that it has learned at its end.

use super::{Run, Score};
use crate::error::Result;
use crate::model::ModelConfig;
use crate::session::Host;
use crate::session::clock::Clock;
use crate::session::compare::figures;
use crate::session::diagnosis;
use crate::session::run_control::Wish;
use crate::session::task::{Split, Task};
use protocol::{Event, Metrics};

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Measures and tells. `None` where there is nothing to measure on, or a stop cut it short.
    pub(super) async fn evaluate(
        &mut self,
        split: Split,
        clock: &mut Clock,
    ) -> Result<Option<Metrics>> {
        let metrics = self.measure_network(split, clock).await?;
        if let Some(metrics) = &metrics {
            let network = self.network(metrics);
            self.tell_evaluated(split, network, metrics.clone());
        }
        Ok(metrics)
    }

    /// Measures the present network. `None` as for [`Self::evaluate`].
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
        let mut goes_on =
            async || Ok(control.poll_during_evaluation(trainer, clock).await? == Wish::GoOn);
        let metrics = task
            .evaluate(&mut model, &params, device, split, &mut goes_on)
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

    /// Which network of a classifier is the present one, from 1.
    fn network(&self, metrics: &Metrics) -> Option<u64> {
        matches!(metrics, Metrics::Classifier(_))
            .then_some((self.at.networks.len() as u64 + 1).min(self.plan.networks))
    }

    fn tell_evaluated(&mut self, split: Split, network: Option<u64>, metrics: Metrics) {
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
        self.control.host.emit(event, Vec::new());
    }

    /// Remembers a classifier's figures.
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
        if split == Split::Valid && self.task.keeps_best_step() {
            self.remember(measured.micro_f1);
        }
    }

    /// Joins the networks and what else was learned to the model that the run leaves; its figures, or `None` where there is
    /// nothing to join.
    async fn conclude(&mut self, clock: &mut Clock) -> Result<Option<Vec<(Split, Metrics)>>> {
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
        // The first network stands where other programs look, with its own thresholds.
        let (threshold, thresholds) = (first.threshold, first.thresholds.clone());
        let mut model = ModelConfig {
            threshold,
            thresholds,
            ..trainer.model.clone()
        };
        let mut goes_on =
            async || Ok(control.poll_during_evaluation(trainer, clock).await? == Wish::GoOn);
        let measured = task
            .conclude(&mut model, &layout, networks, &device, &mut goes_on)
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

    /// Says what the figures of the model that a run leaves mean, where they mean trouble.
    fn diagnose(&self, last: Option<&Metrics>) {
        if self.trainer.step() < diagnosis::MIN_STEPS {
            return;
        }
        let (code, message) = match last {
            Some(Metrics::MaskedLm(metrics)) => (
                "only-frequencies",
                diagnosis::only_frequencies(metrics, &self.floors),
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

    /// The last figures: of the last values on validation text and, unless it was stopped, of the best ones on test text.
    pub(super) async fn measure(&mut self, clock: &mut Clock) -> Result<()> {
        // What was just measured need not be measured again. Figures are told once all of them are there: a stop amid the
        // later ones would have the run that goes on repeat the earlier ones.
        let (mut untold, mut left) = (None, None);
        if !self.learned {
            let last = self.measure_network(Split::Valid, clock).await?;
            untold = last
                .clone()
                .map(|metrics| (self.network(&metrics), metrics));
            let recalled = self.set_aside();
            if self.control.stop_requested() {
                return Ok(());
            }
            // What the last values lack the recalled ones may have.
            left = last.filter(|_| !recalled);
        }
        let concluded = self.conclude(clock).await?;
        if self.control.stop_requested() {
            return Ok(());
        }
        let joined = concluded
            .iter()
            .flatten()
            .find(|(split, _)| *split == Split::Valid);
        self.diagnose(joined.map(|(_, metrics)| metrics).or(left.as_ref()));
        if let Some((network, last)) = untold {
            self.tell_evaluated(Split::Valid, network, last);
        }
        match concluded {
            Some(measured) => measured
                .into_iter()
                .for_each(|(split, metrics)| self.tell_evaluated(split, None, metrics)),
            None => {
                self.evaluate(Split::Test, clock).await?;
            }
        }
        Ok(())
    }
}
