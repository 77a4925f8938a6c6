//! One run as the page knows it: its row, its figures and its curves. Steps only rise, so a repeated event changes
//! nothing, and what is over stays over.

mod name;
mod parts;
mod resume;

pub use parts::{HeldOut, Origin, Plan, Progress, Score, Stage};
pub use resume::{Resume, Text};

use crate::chart::curve::Curve;
use protocol::{Event, Metrics, Phase, StartFrom};
use serde::{Deserialize, Serialize};

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its name in every event.
    pub id: String,
    /// What tells it from the runs of other days, in this browser's storage.
    #[serde(default)]
    pub key: String,
    /// What a person called it.
    #[serde(default)]
    pub title: Option<String>,
    /// Whether charts show it.
    #[serde(default)]
    pub shown: bool,
    /// Bytes of its model in this browser's storage, where it is kept there.
    #[serde(default)]
    pub kept: Option<u64>,
    /// Whether a link brought it.
    #[serde(default)]
    pub shared: bool,
    /// Whether it is of another day: of another tab, or of this one before it was opened anew.
    #[serde(skip)]
    pub old: bool,
    /// Which text it read, counted in this tab.
    #[serde(skip)]
    pub text: u64,
    /// Which word vectors were there, counted in this tab.
    #[serde(skip)]
    pub vectors: u64,
    /// What it does.
    pub phase: Phase,
    /// Its configuration in one line; empty where the page did not start it.
    pub settings: String,
    /// Its configuration as (key, value), what is at its default left out.
    #[serde(default)]
    pub pairs: Vec<(String, String)>,
    /// Where fine-tuning took its weights.
    pub from: Option<StartFrom>,
    /// Whose values it began with, where they were not new.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// What it is doing.
    pub stage: Stage,
    /// What was planned, once known.
    pub plan: Option<Plan>,
    /// The latest figures.
    pub progress: Option<Progress>,
    /// Training loss by step.
    pub curve: Curve,
    /// Learning rate by step.
    #[serde(default)]
    pub lr: Curve,
    /// Norm of the gradient by step.
    #[serde(default)]
    pub grad_norm: Curve,
    /// Tokens per second by step.
    #[serde(default)]
    pub speed: Curve,
    /// Held-out quality in pre-training.
    pub held_out: Vec<HeldOut>,
    /// Quality in fine-tuning.
    pub scores: Vec<Score>,
    /// Mean F1 of n-grams on the same documents, where they learned beside it.
    #[serde(default)]
    pub baseline: Option<f64>,
    /// When it was begun, in the words of the place it was begun at.
    #[serde(default)]
    pub begun: Option<String>,
    /// What a comparison came to, as the engine told it: written anew, its form would make the page larger twice over.
    #[serde(default)]
    pub comparison: Option<String>,
    /// Warnings as (code, message).
    pub warnings: Vec<(String, String)>,
    /// What it needs to be resumed.
    #[serde(default)]
    pub resume: Resume,
    reached: u64,
}

impl Run {
    /// A run that was asked for.
    pub fn new(id: String, phase: Phase) -> Self {
        Self {
            id,
            phase,
            key: String::new(),
            title: None,
            shown: true,
            kept: None,
            shared: false,
            old: false,
            text: 0,
            vectors: 0,
            settings: String::new(),
            pairs: vec![],
            from: None,
            origin: None,
            stage: Stage::Requested,
            plan: None,
            progress: None,
            curve: Curve::default(),
            lr: Curve::default(),
            grad_norm: Curve::default(),
            speed: Curve::default(),
            held_out: vec![],
            scores: vec![],
            baseline: None,
            begun: None,
            comparison: None,
            warnings: vec![],
            resume: Resume::default(),
            reached: 0,
        }
    }

    /// A run that only events tell of.
    pub(super) fn unknown(id: &str) -> Self {
        let phase = if id.starts_with("pretrain") {
            Phase::Pretrain
        } else {
            Phase::Finetune
        };
        Self::new(id.into(), phase)
    }

    /// Whether it was begun in this tab.
    pub fn is_here(&self) -> bool {
        !self.old && !self.shared
    }

    /// Whether its model stays at hand: not that of a comparison or of the counting task.
    pub fn is_own(&self) -> bool {
        !self.id.starts_with("compare") && !self.id.starts_with("counting")
    }

    /// Whether it came with an imported model.
    pub fn is_imported(&self) -> bool {
        self.id.starts_with("imported-")
    }

    /// The same run, its curves in at most so many points each.
    pub fn reduced(mut self, points: usize) -> Self {
        for curve in [
            &mut self.curve,
            &mut self.lr,
            &mut self.grad_norm,
            &mut self.speed,
        ] {
            *curve = curve.reduced(points);
        }
        self
    }

    /// Takes in an event of this run.
    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::Started {
                phase,
                parameters,
                steps,
                vocab_size,
                uniform,
                unigram,
                bigram,
                labels,
                step,
                ..
            } => {
                self.phase = phase;
                self.plan = Some(Plan {
                    parameters,
                    steps,
                    vocab_size,
                    uniform,
                    unigram,
                    bigram,
                    labels: labels.len(),
                });
                self.reached = self.reached.max(step);
                self.enter(Stage::Started);
            }
            Event::Compiling { message, .. } => self.enter(Stage::Compiling(message)),
            Event::Step {
                step,
                loss,
                tokens_per_sec,
                eta_secs,
                lr,
                grad_norm,
                ..
            } => {
                self.lr.push(step, lr);
                self.grad_norm.push(step, grad_norm);
                self.speed.push(step, tokens_per_sec);
                self.step(Progress {
                    step,
                    loss,
                    tokens_per_sec,
                    eta_secs,
                });
            }
            Event::Evaluated {
                step,
                epoch,
                split,
                network,
                metrics,
                ..
            } => {
                self.evaluated((step, epoch), split, network, metrics);
            }
            Event::RolledBack { step, .. } => self.return_to(step),
            Event::Checkpoint { step, .. } => self.resume.saved = Some(step),
            Event::ComparedRun { cell, .. } => self.resume.cells.push(cell),
            Event::Paused { step, .. } => self.wait_or_go(step, Stage::Paused),
            Event::Resumed { step, .. } => self.wait_or_go(step, Stage::Running),
            Event::Finished { step, stopped, .. } => {
                self.wait_or_go(
                    step,
                    if stopped {
                        Stage::Stopped
                    } else {
                        Stage::Finished
                    },
                );
            }
            _ => {}
        }
    }

    pub(super) fn fail(&mut self, message: &str) {
        self.enter(Stage::Failed(message.into()));
    }

    /// Share of the planned steps done, 0 to 1.
    pub fn share(&self) -> f64 {
        let steps = self.plan.as_ref().map_or(0, |plan| plan.steps);
        if steps == 0 {
            0.0
        } else {
            (self.reached as f64 / steps as f64).min(1.0)
        }
    }

    /// Where an axis of steps ends: at the planned ones or, of what is over, at those that were done.
    pub fn axis(&self) -> u64 {
        let planned = self
            .plan
            .as_ref()
            .filter(|_| !self.stage.is_over())
            .map_or(0, |plan| plan.steps);
        planned.max(self.reached)
    }

    /// Steps done, as far as any event told.
    pub fn steps_done(&self) -> u64 {
        self.reached
    }

    /// Validation scores of the model that the run keeps: of all parts of a classifier together, else of the values with the
    /// best micro F1, of equals the later ones.
    pub fn kept_valid(&self) -> Option<&Score> {
        let valid = || self.scores.iter().filter(|score| score.split != "test");
        if valid().any(|score| score.network.is_some())
            && let Some(joined) = valid().rfind(|score| score.network.is_none())
        {
            return Some(joined);
        }
        valid().max_by(|a, b| a.metrics.micro_f1.total_cmp(&b.metrics.micro_f1))
    }

    /// The scores to show: while it learns the last ones; of what is over those of the values that are kept, on test
    /// documents where there are any.
    pub fn kept_score(&self) -> Option<&Score> {
        let last = self.scores.last()?;
        if last.split == "test" || !self.stage.is_over() {
            Some(last)
        } else {
            self.kept_valid()
        }
    }

    /// A run whose steps no event tells, up to this one.
    pub fn reach(&mut self, step: u64) {
        self.reached = self.reached.max(step);
    }

    fn enter(&mut self, stage: Stage) {
        if !self.stage.is_over() {
            self.stage = stage;
        }
    }

    fn step(&mut self, progress: Progress) {
        self.curve.push(progress.step, progress.loss);
        let new = self.progress.is_none_or(|last| progress.step > last.step);
        if new {
            self.progress = Some(progress);
        }
        if progress.step > self.reached {
            self.reached = progress.step;
            self.enter(Stage::Running);
        }
    }

    fn evaluated(
        &mut self,
        (step, epoch): (u64, f64),
        split: String,
        network: Option<u64>,
        metrics: Metrics,
    ) {
        self.reached = self.reached.max(step);
        match metrics {
            Metrics::MaskedLm(metrics) => {
                self.phase = Phase::Pretrain;
                let pairs = metrics
                    .next_sentence_loss
                    .zip(metrics.next_sentence_accuracy);
                let (loss, accuracy) = (metrics.masked_lm_loss, metrics.masked_accuracy);
                let quality = HeldOut {
                    step,
                    loss,
                    accuracy,
                    pairs,
                };
                self.held_out.retain(|old| old.step != step);
                self.held_out.push(quality);
            }
            Metrics::Classifier(metrics) => {
                self.phase = Phase::Finetune;
                self.scores
                    .retain(|old| (old.step, old.network, &old.split) != (step, network, &split));
                self.scores.push(Score {
                    step,
                    epoch,
                    split,
                    network,
                    metrics,
                });
                // The table by label shows the last scores or the kept ones; a hundred thousand labels are not kept for each
                // pass.
                let kept = self.kept_valid().map(|score| (score.step, score.network));
                let last = self.scores.len() - 1;
                for (_, old) in self
                    .scores
                    .iter_mut()
                    .enumerate()
                    .filter(|(place, _)| *place != last)
                {
                    if old.split == "test" || Some((old.step, old.network)) != kept {
                        old.metrics.per_label = vec![];
                    }
                }
            }
        }
    }

    fn wait_or_go(&mut self, step: u64, stage: Stage) {
        if step >= self.reached || stage.is_over() {
            self.reached = self.reached.max(step);
            self.enter(stage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{ClassifierMetrics, LabelMetrics};

    fn evaluated(step: u64, split: &str, micro_f1: f64, mean_f1: f64) -> Event {
        let per_label = vec![LabelMetrics {
            label: "bird".into(),
            ..LabelMetrics::default()
        }];
        let metrics = ClassifierMetrics {
            micro_f1,
            mean_f1,
            per_label,
            ..ClassifierMetrics::default()
        };
        Event::Evaluated {
            run: "finetune-1".into(),
            step,
            epoch: step as f64,
            split: split.into(),
            network: None,
            metrics: Metrics::Classifier(metrics),
        }
    }

    #[test]
    fn of_a_run_that_is_over_the_scores_are_those_of_the_values_it_keeps() {
        let mut run = Run::new("finetune-1".into(), Phase::Finetune);
        for (step, micro, mean) in [(1, 0.5, 0.4), (2, 0.7, 0.3), (3, 0.6, 0.5)] {
            run.apply(evaluated(step, "valid", micro, mean));
        }
        assert_eq!(
            run.kept_score().map(|score| score.step),
            Some(3),
            "while it learns, the last ones"
        );
        run.apply(Event::Finished {
            run: "finetune-1".into(),
            step: 3,
            stopped: false,
            elapsed_secs: 1.0,
        });
        let kept = run.kept_score().expect("scores");
        assert_eq!(
            (kept.step, kept.metrics.per_label.len()),
            (2, 1),
            "the best micro F1, with its labels"
        );
        assert!(run.result().contains("0.300"), "{}", run.result());
        assert!(
            run.scores[0].metrics.per_label.is_empty(),
            "labels of a pass that nobody asks for are not kept"
        );
        run.apply(evaluated(3, "test", 0.1, 0.1));
        assert_eq!(
            run.kept_score().map(|score| score.split.as_str()),
            Some("test")
        );
    }

    #[test]
    fn an_axis_ends_where_a_run_does() {
        let mut run = Run::new("pretrain-1".into(), Phase::Pretrain);
        run.plan = Some(Plan {
            steps: 1000,
            ..Plan::default()
        });
        run.reach(40);
        assert_eq!(run.axis(), 1000);
        run.apply(Event::Finished {
            run: "pretrain-1".into(),
            step: 40,
            stopped: true,
            elapsed_secs: 1.0,
        });
        assert_eq!(run.axis(), 40);
    }
}
