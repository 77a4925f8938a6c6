//! Checks that need no device, and errors for a session without a corpus or a model.

use crate::error::{Error, Result};
use protocol::{Setting, message};

/// Minimum size of a corpus, in tokens.
const MIN_TOKENS: usize = 64;

/// Checks that the corpus has enough tokens to train on.
///
/// # Errors
/// Returns an error if there are too few.
pub fn check_enough(tokens: usize) -> Result<()> {
    if tokens >= MIN_TOKENS {
        return Ok(());
    }
    let message = message!(
        "the corpus has {tokens} tokens, but training needs at least {limit}",
        tokens,
        limit = MIN_TOKENS
    );
    Err(Error::input(
        "corpus-too-small",
        message,
        message!("Add more text: a few thousand lines are a good start."),
    ))
}

/// Checks that a run resumes on the corpus that it began with.
///
/// # Errors
/// Returns an error if the fingerprints differ.
pub fn check_same_corpus(saved: &str, now: &str) -> Result<()> {
    if saved == now {
        return Ok(());
    }
    let message = message!(
        "the text differs from the text this run started with, so the run cannot resume exactly"
    );
    Err(Error::input(
        "other-corpus",
        message,
        message!(
            "Use the same files as before, or start a new run with {from} set to this directory.",
            from = Setting::named("from")
        ),
    ))
}

/// Checks that the outputs of a model are finite; otherwise it has diverged, or its weights are
/// damaged.
///
/// # Errors
/// Returns an error if one is not finite.
pub fn finite<F: Into<f64> + Copy>(outputs: Vec<F>) -> Result<Vec<F>> {
    if outputs.iter().all(|output| (*output).into().is_finite()) {
        return Ok(outputs);
    }
    let hint = message!(
        "Use a model saved before its loss diverged, or train again with a lower learning rate."
    );
    Err(Error::input(
        "not-finite",
        message!("the outputs of this model are not finite numbers"),
        hint,
    ))
}

/// The error for a session without a corpus.
pub fn no_corpus() -> Error {
    Error::input(
        "no-corpus",
        message!("there is no text yet"),
        message!("Choose or drop text files first."),
    )
}

/// The error for a session without a model.
pub fn no_model() -> Error {
    Error::input(
        "no-model",
        message!("there is no model yet"),
        message!("Pre-train or import one."),
    )
}

/// The error for fine-tuning without pre-trained weights.
pub fn no_pretrained_model() -> Error {
    let hint = message!("Pre-train first, import a model, or fine-tune from scratch.");
    Error::input(
        "no-pretrained-model",
        message!("there are no pre-trained weights to start from"),
        hint,
    )
}
