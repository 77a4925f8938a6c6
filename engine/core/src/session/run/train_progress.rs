//! Progress of a run besides its parameters: unreported losses, the best checkpoint so far, and
//! finished networks.

use crate::error::Result;
use crate::session::read::read_groups;
use crate::session::run::snapshot::best::Best;
use crate::session::run::snapshot::run_state::RunState;
use crate::train::StepReport;
use burn::tensor::Tensor;

/// Mutable progress of a run, as of the last step.
pub struct TrainProgress {
    /// Seconds of training so far, without pauses.
    pub elapsed_secs: f64,
    /// Losses since the last report.
    pub window: LossAccumulator,
    /// Step of the newest checkpoint.
    pub kept: Option<u64>,
    /// Best parameters on the validation set so far, of a classifier.
    pub best: Option<Best>,
    /// Whether a stop interrupted the evaluation at this step; the resumed run makes up for it.
    pub owes_evaluation: bool,
    /// Finished networks, each at its best step.
    pub networks: Vec<Best>,
    /// Seconds of training when the current network began.
    pub began_secs: f64,
    /// Rollbacks to an earlier checkpoint after the loss diverged.
    pub rollbacks: u32,
    /// Factor on the learning rate, from these rollbacks.
    pub rate_scale: f64,
    /// Whether the warning about skipped steps is settled: emitted, or superseded by a rollback.
    pub has_skipped: bool,
    /// The first reported loss without its next-sentence part, in nats.
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
    /// Restores the progress of a checkpoint.
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

/// Losses of steps that were not reported yet. They stay on the device until they are read.
#[derive(Clone, Debug, Default)]
pub struct LossAccumulator {
    /// Sums of the steps before the run was resumed.
    before: Sums,
    /// Loss and gradient norm of each later step, on the device.
    reports: Vec<StepReport>,
}

/// Sums of the losses of several steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Sum of the losses, in nats.
    pub loss: f32,
    /// Its next-sentence part, if that is trained.
    pub next_sentence: Option<f32>,
    /// Number of steps in the sums.
    pub steps: u64,
    /// Further steps with a non-finite loss or gradient, which the optimiser skipped.
    pub skipped: u64,
    /// Gradient norm of the last summed step; 0 if all steps come from a checkpoint.
    pub grad_norm: f32,
}

impl LossAccumulator {
    /// Adds a step.
    pub fn add(&mut self, report: StepReport) {
        self.reports.push(report);
    }

    /// Whether it holds no steps.
    pub fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.before.steps + self.before.skipped == 0
    }

    /// Reads the sums over its steps, in one transfer from the device.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
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

    /// Restores the unreported losses of a checkpoint.
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

    /// Returns the mean loss and its next-sentence part; `None` if every step was skipped.
    pub fn mean(&self) -> Option<(f64, Option<f64>)> {
        let mean = |sum: f32| f64::from(sum) / self.steps as f64;
        (self.steps > 0).then(|| (mean(self.loss), self.next_sentence.map(mean)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_finite_steps_are_counted_but_not_summed() {
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
