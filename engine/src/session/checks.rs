//! Refusals that need no device: what a session lacks, and what its corpus cannot give.

use super::loaded_model::LoadedModel;
use crate::error::{Error, Result};

/// Fewer tokens than this are a phrase, not a corpus.
const MIN_TOKENS: usize = 64;

/// Refuses a corpus of a few words.
///
/// # Errors
/// When it is one.
pub fn check_enough(tokens: usize) -> Result<()> {
    if tokens >= MIN_TOKENS {
        return Ok(());
    }
    let message =
        format!("the corpus has {tokens} tokens, and learning from it needs at least {MIN_TOKENS}");
    Err(Error::input(
        "corpus-too-small",
        message,
        "Give more text: a few thousand lines are a good start.",
    ))
}

/// Refuses to go on with a run on another text than it began with.
///
/// # Errors
/// When the fingerprints differ.
pub fn check_same_corpus(saved: &str, now: &str) -> Result<()> {
    if saved == now {
        return Ok(());
    }
    let message = "the text is not the text that this run began with, so it cannot go on exactly";
    Err(Error::input(
        "other-corpus",
        message,
        "Give the same files, or start a new run with --from this directory.",
    ))
}

/// Refuses outputs of a model that are not finite numbers: it has diverged, or its weights are damaged.
///
/// # Errors
/// When one of `outputs` is not.
pub fn finite<F: Into<f64> + Copy>(outputs: Vec<F>) -> Result<Vec<F>> {
    if outputs.iter().all(|output| (*output).into().is_finite()) {
        return Ok(outputs);
    }
    let hint =
        "Use a model from before its loss diverged, or train it again with a lower learning rate.";
    Err(Error::input(
        "not-finite",
        "the outputs of this model are not finite numbers",
        hint,
    ))
}

/// Refuses a model without the head that guesses.
///
/// # Errors
/// When it has none.
pub fn needs_masked_lm(model: &LoadedModel) -> Result<()> {
    if model.heads.masked_lm {
        return Ok(());
    }
    let hint = "Ask a pre-trained model: a fine-tuned one keeps only its labels.";
    Err(Error::input(
        "no-masked-lm",
        "this model does not guess masked words",
        hint,
    ))
}

/// No files were given.
pub fn no_corpus() -> Error {
    Error::input(
        "no-corpus",
        "there is no text yet",
        "Give or drop text files first.",
    )
}

/// Nothing was trained or imported.
pub fn no_model() -> Error {
    Error::input(
        "no-model",
        "there is no model yet",
        "Pre-train one, or import one.",
    )
}

/// Fine-tuning was to start from weights that do not exist.
pub fn no_pretrained_model() -> Error {
    let hint = "Pre-train first, import a model, or fine-tune from scratch.";
    Error::input(
        "no-pretrained-model",
        "there are no pre-trained weights to start from",
        hint,
    )
}
