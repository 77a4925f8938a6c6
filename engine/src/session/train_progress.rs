//! Where a run stands between two steps besides its values: what it measured and has not told, what it holds for its best.

use super::read::read_groups;
use super::snapshot::RunState;
use crate::error::Result;
use crate::train::StepReport;
use burn::tensor::Tensor;

/// A run between two steps.
pub struct TrainProgress {
    /// Seconds of training so far, pauses left out.
    pub elapsed_secs: f64,
    /// Steps since the last report.
    pub window: LossAccumulator,
    /// Step of the newest checkpoint.
    pub kept: Option<u64>,
    /// The best values on validation documents so far, of a classifier.
    pub best: Option<Best>,
    /// Whether a stop cut the evaluation of this step short: it is made up for when the run goes on.
    pub owes_evaluation: bool,
    /// The networks that are trained, each at its best.
    pub networks: Vec<Best>,
    /// Seconds of training when the present network began.
    pub began_secs: f64,
    /// How often it returned to an earlier checkpoint since its loss diverged.
    pub rollbacks: u32,
    /// What the learning rate is multiplied by since then.
    pub rate_scale: f64,
    /// Whether a step was skipped.
    pub has_skipped: bool,
    /// The first loss that was reported.
    pub first_loss: Option<f64>,
}

impl Default for TrainProgress {
    fn default() -> Self {
        Self {
            elapsed_secs: 0.0,
            window: LossAccumulator::default(),
            kept: None,
            best: None,
            owes_evaluation: false,
            networks: Vec::new(),
            began_secs: 0.0,
            rollbacks: 0,
            rate_scale: 1.0,
            has_skipped: false,
            first_loss: None,
        }
    }
}

impl TrainProgress {
    /// Where a checkpoint left it.
    pub fn resumed(state: &RunState, best: Option<Best>, networks: Vec<Best>) -> Self {
        Self {
            elapsed_secs: state.elapsed_secs,
            window: LossAccumulator::restored(state),
            kept: Some(state.step),
            best,
            owes_evaluation: state.owes_evaluation,
            networks,
            began_secs: state.began_secs,
            rollbacks: state.rollbacks,
            rate_scale: state.rate_scale,
            has_skipped: false,
            first_loss: state.first_loss,
        }
    }
}

/// Steps that were not reported yet.
#[derive(Clone, Debug, Default)]
pub struct LossAccumulator {
    /// Those of before the run was resumed.
    before: Sums,
    /// What the others left on the device.
    reports: Vec<StepReport>,
}

/// Losses of several steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Sum of the losses.
    pub loss: f32,
    /// Its part from next-sentence prediction, where that is learned.
    pub next_sentence: Option<f32>,
    /// Steps in the sums.
    pub steps: u64,
    /// Steps beside them whose loss or gradient was not finite, which the optimiser skipped.
    pub skipped: u64,
    /// Gradient norm of the last step in the sums that was not taken from a checkpoint.
    pub grad_norm: f32,
}

/// Values of a step that validation liked best so far. An early stop that costs no decision (Prechelt 1998).
#[derive(Clone)]
pub struct Best {
    /// Micro F1 on validation documents.
    pub score: f64,
    /// Optimisation steps done.
    pub step: u64,
    /// Threshold that was tuned then.
    pub threshold: Option<f64>,
    /// Thresholds per label that were tuned then.
    pub thresholds: Option<Vec<f64>>,
    /// Values, one flat array per group of the layout.
    pub groups: Vec<Tensor<1>>,
}

impl LossAccumulator {
    /// Takes one more step in.
    pub fn add(&mut self, report: StepReport) {
        self.reports.push(report);
    }

    /// Whether it has no steps.
    pub fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.before.steps + self.before.skipped == 0
    }

    /// The sums over its steps, in one transfer from the device.
    ///
    /// # Errors
    /// When the device no longer answers.
    pub async fn read(&self) -> Result<Sums> {
        let mut sums = self.before;
        if self.reports.is_empty() {
            return Ok(sums);
        }
        let tensors = |report: &StepReport| {
            [report.loss.clone(), report.grad_norm.clone()]
                .into_iter()
                .chain(report.next_sentence.clone())
        };
        let tensors: Vec<Tensor<1>> = self.reports.iter().flat_map(tensors).collect();
        let read = read_groups(&tensors).await?;
        for step in read.chunks(tensors.len() / self.reports.len()) {
            sums.add(step[0][0], step[1][0], step.get(2).map(|part| part[0]));
        }
        Ok(sums)
    }

    /// The window that a snapshot left.
    fn restored(state: &RunState) -> Self {
        let before = Sums {
            loss: state.window_loss_sum,
            next_sentence: state.window_next_sentence_sum,
            steps: state.window_steps,
            skipped: state.window_skipped,
            ..Sums::default()
        };
        Self {
            before,
            reports: Vec::new(),
        }
    }
}

impl Sums {
    fn add(&mut self, loss: f32, grad_norm: f32, next_sentence: Option<f32>) {
        if !loss.is_finite() || !grad_norm.is_finite() {
            self.skipped += 1;
            return;
        }
        self.loss = if self.steps == 0 {
            loss
        } else {
            self.loss + loss
        };
        self.next_sentence = match (self.next_sentence, next_sentence) {
            (Some(sum), Some(part)) if self.steps > 0 => Some(sum + part),
            (_, part) => part,
        };
        self.steps += 1;
        self.grad_norm = grad_norm;
    }

    /// The mean loss and its part from next-sentence prediction; `None` if every step was skipped.
    pub fn mean(&self) -> Option<(f64, Option<f64>)> {
        let mean = |sum: f32| f64::from(sum) / self.steps as f64;
        (self.steps > 0).then(|| (mean(self.loss), self.next_sentence.map(mean)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_are_not_finite_are_counted_and_not_summed() {
        let mut sums = Sums::default();
        for (loss, norm) in [
            (2.0, 0.5),
            (f32::NAN, 1.0),
            (4.0, f32::INFINITY),
            (3.0, 0.25),
        ] {
            sums.add(loss, norm, Some(1.0));
        }
        assert_eq!((sums.steps, sums.skipped, sums.grad_norm), (2, 2, 0.25));
        assert_eq!(sums.mean(), Some((2.5, Some(1.0))));
        assert_eq!(Sums::default().mean(), None);
    }
}
