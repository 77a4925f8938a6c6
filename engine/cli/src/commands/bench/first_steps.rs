//! Writes what the first steps of a run start from, so that another program can repeat them: the
//! initial weights and configuration as a Hugging Face model, and batches, learning rates, settings
//! of the optimiser and the losses that came out, as JSON.

use crate::commands::stopwatch::Mark;
use crate::output_file::{output_error, output_exists};
use data::examples::Batch;
use engine::error::Error;
use engine::interop::{config_to_json, weights_to_bytes};
use engine::session::FirstSteps;
use engine::train::OptimizerSettings;
use protocol::Event;
use serde::Serialize;
use std::path::Path;

/// The content of `steps.json`.
#[derive(Serialize)]
struct Steps<'a> {
    /// The learning rate of each step.
    learning_rates: &'a [f64],
    optimizer: OptimizerSettings,
    /// The loss of each step before its update; from 400 steps on, means of several steps.
    losses: Vec<f64>,
    /// The global norm of the gradients before clipping, as often as the loss.
    grad_norms: Vec<f64>,
    /// The batch of each step.
    batches: Vec<MaskedBatch<'a>>,
}

/// What a masked-LM step reads of a batch of `B` rows of `T` tokens.
#[derive(Serialize)]
struct MaskedBatch<'a> {
    /// Token ids, `[B * T]`.
    ids: &'a [i32],
    /// 1 at tokens, 0 at padding, `[B * T]`.
    attention_mask: &'a [u8],
    /// Masked positions as indices into `B * T`, `[M]`; 0 in unused slots.
    masked_positions: &'a [i32],
    /// Tokens to predict there, `[M]`.
    masked_targets: &'a [i32],
    /// 1, or 0 for an unused slot, `[M]`.
    masked_weights: &'a [f32],
}

impl<'a> From<&'a Batch> for MaskedBatch<'a> {
    fn from(batch: &'a Batch) -> Self {
        Self {
            ids: &batch.ids,
            attention_mask: &batch.attention_mask,
            masked_positions: &batch.masked_positions,
            masked_targets: &batch.masked_targets,
            masked_weights: &batch.masked_weights,
        }
    }
}

/// Writes `first`, and the losses that `marks` report, to `folder`.
///
/// # Errors
/// Returns an error if a file cannot be written.
pub(super) fn write(folder: &Path, first: &FirstSteps, marks: &[Mark]) -> Result<(), Error> {
    let reported = marks.iter().filter_map(|mark| match mark.event {
        Event::Step {
            loss, grad_norm, ..
        } => Some((loss, grad_norm)),
        _ => None,
    });
    let (losses, grad_norms) = reported.unzip();
    let steps = Steps {
        learning_rates: &first.learning_rates,
        optimizer: first.optimizer,
        losses,
        grad_norms,
        batches: first.batches.iter().map(MaskedBatch::from).collect(),
    };
    let steps = serde_json::to_vec(&steps).expect("plain data can be written as JSON");
    let files = [
        ("config.json", config_to_json(&first.model)),
        ("model.safetensors", weights_to_bytes(&first.weights)),
        ("steps.json", steps),
    ];
    std::fs::create_dir_all(folder).map_err(|error| output_error(folder, &error))?;
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::write(&path, bytes).map_err(|error| output_error(&path, &error))?;
    }
    Ok(())
}

/// Checks that nothing would be overwritten.
///
/// # Errors
/// Returns an error if there is a file or a folder of this name, unless the folder is empty.
pub(super) fn check_free(folder: &Path) -> Result<(), Error> {
    let is_empty = || std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if !folder.exists() || is_empty() {
        return Ok(());
    }
    Err(output_exists(folder))
}
