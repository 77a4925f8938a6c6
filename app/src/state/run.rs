//! A run as shown on the page: its row, its metrics and its curves. Steps only increase, so a
//! repeated event changes nothing, and a run that has ended stays ended.

mod name;
mod parts;
mod resume;

pub use parts::{HeldOut, Origin, Plan, Progress, Score, Stage};
pub use resume::{Resume, Text};

use crate::chart::curve::Curve;
use protocol::{Event, Message, Metrics, Phase, StartFrom};
use serde::{Deserialize, Serialize};

/// Beginning of the engine's ids of imported runs.
pub(super) const IMPORTED: &str = "imported-";

/// A run of this tab, a saved run, or one from a link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Id in events.
    pub id: String,
    /// Key in the browser's storage, unique across tabs and sessions.
    #[serde(default)]
    pub key: String,
    /// Name given by the user.
    #[serde(default)]
    pub title: Option<String>,
    /// The user's note on it.
    #[serde(default)]
    pub note: String,
    /// Whether the results of other runs are compared with its result.
    #[serde(default)]
    pub is_pinned: bool,
    /// Whether charts show it.
    #[serde(default)]
    pub shown: bool,
    /// Size of its model in the browser's storage in bytes, if saved there.
    #[serde(default)]
    pub kept: Option<u64>,
    /// Whether it comes from a link.
    #[serde(default)]
    pub shared: bool,
    /// Whether it is from another tab, or from before this tab was reloaded.
    #[serde(skip)]
    pub old: bool,
    /// Number of the corpus that it read, counted in this tab.
    #[serde(skip)]
    pub text: u64,
    /// Number of the word vectors in use, counted in this tab.
    #[serde(skip)]
    pub vectors: u64,
    /// Training phase.
    pub phase: Phase,
    /// Configuration in one line; empty if the page did not start the run.
    pub settings: String,
    /// Configuration as (key, value), without defaults.
    #[serde(default)]
    pub pairs: Vec<(String, String)>,
    /// Initial weights of fine-tuning.
    pub from: Option<StartFrom>,
    /// Origin of the initial weights, if they were not random.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Stage of the run.
    pub stage: Stage,
    /// Plan of the run, once known.
    pub plan: Option<Plan>,
    /// Latest progress report.
    pub progress: Option<Progress>,
    /// Training loss by step.
    pub curve: Curve,
    /// Learning rate by step.
    #[serde(default)]
    pub lr: Curve,
    /// Gradient norm by step.
    #[serde(default)]
    pub grad_norm: Curve,
    /// Tokens per second by step.
    #[serde(default)]
    pub speed: Curve,
    /// Held-out metrics of pre-training.
    pub held_out: Vec<HeldOut>,
    /// Scores of fine-tuning.
    pub scores: Vec<Score>,
    /// Mean F1 of the n-gram baseline on the same documents, if it was trained.
    #[serde(default)]
    pub baseline: Option<f64>,
    /// Date and time of its start, in local format.
    #[serde(default)]
    pub begun: Option<String>,
    /// Results of a comparison as the engine's JSON: serialising the type would enlarge the page.
    #[serde(default)]
    pub comparison: Option<String>,
    /// Warnings as (code, message).
    pub warnings: Vec<(String, Message)>,
    /// Data needed to resume the run.
    #[serde(default)]
    pub resume: Resume,
    reached: u64,
}

impl Run {
    /// Creates a run that has been requested.
    pub fn new(id: String, phase: Phase) -> Self {
        Self {
            id,
            phase,
            key: String::new(),
            title: None,
            note: String::new(),
            is_pinned: false,
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

    /// Creates a run known only from its events.
    pub(super) fn unknown(id: &str) -> Self {
        let phase = if id.starts_with("pretrain") {
            Phase::Pretrain
        } else {
            Phase::Finetune
        };
        Self::new(id.into(), phase)
    }

    /// Returns whether the run was started in this tab.
    pub fn is_here(&self) -> bool {
        !self.old && !self.shared
    }

    /// Returns whether its model stays loaded: not that of a comparison or of the counting task.
    pub fn is_own(&self) -> bool {
        !self.id.starts_with("compare") && !self.id.starts_with("counting")
    }

    /// Returns whether the run was imported with a model.
    pub fn is_imported(&self) -> bool {
        self.id.starts_with(IMPORTED) || self.resume.imported.is_some()
    }

    /// Returns the run with its curves reduced to at most `points` points each.
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

    /// Applies an event of this run.
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
            Event::Paused { step, .. } => self.enter_at(step, Stage::Paused),
            Event::Resumed { step, .. } => self.enter_at(step, Stage::Running),
            Event::Finished { step, stopped, .. } => {
                self.enter_at(
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

    pub(super) fn fail(&mut self, message: Message) {
        self.enter(Stage::Failed(message));
    }

    /// Returns the share of planned steps done, 0 to 1.
    pub fn share(&self) -> f64 {
        let steps = self.plan.as_ref().map_or(0, |plan| plan.steps);
        if steps == 0 {
            0.0
        } else {
            (self.reached as f64 / steps as f64).min(1.0)
        }
    }

    /// Returns the end of the step axis: the planned steps, or, if the run has ended, the steps
    /// done.
    pub fn axis(&self) -> u64 {
        let planned = self
            .plan
            .as_ref()
            .filter(|_| !self.stage.is_over())
            .map_or(0, |plan| plan.steps);
        planned.max(self.reached)
    }

    /// Returns the number of steps done, as far as reported.
    pub fn steps_done(&self) -> u64 {
        self.reached
    }

    /// Returns the validation scores of the model that the run saves: those of the whole
    /// classifier, otherwise those of the checkpoint with the best micro F1. The later of equals
    /// wins.
    pub fn kept_valid(&self) -> Option<&Score> {
        let valid = || self.scores.iter().filter(|score| score.split != "test");
        if valid().any(|score| score.network.is_some())
            && let Some(joined) = valid().rfind(|score| score.network.is_none())
        {
            return Some(joined);
        }
        valid().max_by(|a, b| a.metrics.micro_f1.total_cmp(&b.metrics.micro_f1))
    }

    /// Returns the scores to show: the latest during training, those of the saved model afterwards,
    /// on the test set if there is one.
    pub fn kept_score(&self) -> Option<&Score> {
        let last = self.scores.last()?;
        if last.split == "test" || !self.stage.is_over() {
            Some(last)
        } else {
            self.kept_valid()
        }
    }

    /// Records that the run has reached a step, if no event reports its steps.
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
        let is_newer = self.progress.is_none_or(|last| progress.step > last.step);
        if is_newer {
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
                // The per-label table shows the latest or the best scores only, and there may be a
                // hundred thousand labels, so per-label metrics of other epochs are dropped.
                let best = self.kept_valid().map(|score| (score.step, score.network));
                let last = self.scores.len() - 1;
                for (_, old) in self
                    .scores
                    .iter_mut()
                    .enumerate()
                    .filter(|(index, _)| *index != last)
                {
                    if old.split == "test" || Some((old.step, old.network)) != best {
                        old.metrics.per_label = vec![];
                    }
                }
            }
        }
    }

    fn enter_at(&mut self, step: u64, stage: Stage) {
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
    fn finished_runs_show_the_scores_of_the_saved_model() {
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
        let best = run.kept_score().expect("scores");
        assert_eq!(
            (best.step, best.metrics.per_label.len()),
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
    fn axis_ends_where_the_run_ended() {
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
