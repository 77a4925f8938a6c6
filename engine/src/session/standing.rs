//! Where a run stands between two steps besides its values: what it measured and has not told, what it holds for its best.

use super::snapshot::RunState;
use crate::train::StepReport;
use burn::tensor::{Device, Tensor, TensorData};

/// A run between two steps.
#[derive(Default)]
pub struct Standing {
    /// Seconds of training so far, pauses left out.
    pub elapsed_secs: f64,
    /// Losses since the last report.
    pub window: Window,
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
}

impl Standing {
    /// Where a checkpoint left it.
    pub fn resumed(state: &RunState, best: Option<Best>, networks: Vec<Best>, device: &Device) -> Self {
        Self {
            elapsed_secs: state.elapsed_secs,
            window: Window::restored(state, device),
            kept: Some(state.step),
            best,
            owes_evaluation: state.owes_evaluation,
            networks,
            began_secs: state.began_secs,
        }
    }
}

/// Losses that were not reported yet: a sum on the device, and of how many steps.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// `[1]`.
    pub loss_sum: Option<Tensor<1>>,
    /// The part of next-sentence prediction, `[1]`, where that is learned.
    pub next_sentence_sum: Option<Tensor<1>>,
    /// Steps in the sum.
    pub steps: u64,
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

impl Window {
    /// Takes one more step in.
    pub fn add(&mut self, report: &StepReport) {
        self.steps += 1;
        add(&mut self.loss_sum, Some(report.loss.clone()));
        add(&mut self.next_sentence_sum, report.next_sentence.clone());
    }

    /// The window that a snapshot left.
    fn restored(state: &RunState, device: &Device) -> Self {
        let sum = |sum: f32| Tensor::from_data(TensorData::new(vec![sum], [1]), device);
        let steps = state.window_steps;
        Self {
            loss_sum: (steps > 0).then(|| sum(state.window_loss_sum)),
            next_sentence_sum: state.window_next_sentence_sum.filter(|_| steps > 0).map(sum),
            steps,
        }
    }
}

/// Adds to a sum that may not have begun.
fn add(sum: &mut Option<Tensor<1>>, part: Option<Tensor<1>>) {
    let Some(part) = part else { return };
    *sum = Some(match sum.take() {
        Some(sum) => sum + part,
        None => part,
    });
}
