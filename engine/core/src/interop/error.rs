//! Errors about external models. Each variant calls for a different action by the user.

use data::quoted;
use protocol::{Message, message};
use std::fmt;

/// Maximum number of names listed in a message.
const MAX_LISTED_NAMES: usize = 10;

/// The reason why a model directory, or its `.zip`, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InteropError {
    /// The weights are not a safetensors file, or a damaged one.
    Weights {
        /// Description of the problem.
        reason: Message,
    },
    /// A tensor cannot be used.
    Tensor {
        /// Name of the tensor in the file.
        name: String,
        /// Description of the problem.
        reason: Message,
    },
    /// `config.json` is invalid or not supported.
    Config {
        /// The offending key; empty for the whole file.
        key: String,
        /// Description of the problem.
        reason: Message,
    },
    /// The model is larger than any supported machine can train.
    TooLarge {
        /// Resources needed for training, as text.
        needs: Message,
    },
    /// `config.json` and the weights do not match.
    Mismatch {
        /// Required tensors that the weights lack.
        missing: Vec<String>,
        /// Tensors that the configuration does not account for.
        unexpected: Vec<String>,
        /// Tensors with a wrong shape, as text.
        shapes: Vec<Message>,
    },
    /// `classifier.json` is invalid or not supported.
    Classifier {
        /// Description of the problem.
        reason: Message,
    },
    /// A `.zip` is damaged, malicious or not a model.
    Archive {
        /// Description of the problem.
        reason: Message,
    },
    /// A valid model of an unsupported kind.
    Unsupported {
        /// The kind of model, and the supported ones.
        reason: Message,
    },
    /// The files are not a model, or a model in another format.
    NotAModel {
        /// Description of what was found.
        found: Message,
        /// The suggested action.
        remedy: Message,
    },
}

impl InteropError {
    /// Stable identifier of the kind of error, for events.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Weights { .. } => "bad-weights",
            Self::Tensor { .. } => "bad-tensor",
            Self::Config { .. } => "bad-model-config",
            Self::Classifier { .. } => "bad-classifier",
            Self::TooLarge { .. } => "model-too-large",
            Self::Mismatch { .. } => "weights-contradict-config",
            Self::Archive { .. } => "bad-archive",
            Self::Unsupported { .. } => "unsupported-model",
            Self::NotAModel { .. } => "no-model",
        }
    }

    /// Returns the suggested action as one sentence.
    pub fn hint(&self) -> Message {
        match self {
            Self::Weights { .. } | Self::Tensor { .. } => {
                message!(
                    "Download or copy model.safetensors from its source again; other formats must first be converted to safetensors with Hugging Face transformers (save_pretrained)."
                )
            }
            Self::Config { .. } => {
                message!("Use the config.json that was saved together with the weights.")
            }
            Self::Classifier { .. } => message!(
                "Use files that all come from the same model directory, or remove classifier.json."
            ),
            Self::TooLarge { .. } => {
                message!("Use a smaller model; bert-base and smaller models fit.")
            }
            Self::Mismatch { .. } => {
                message!("Use config.json and model.safetensors from the same model directory.")
            }
            Self::Unsupported { .. } => {
                message!("Use a BERT or DistilBERT model, or pre-train one on your own text.")
            }
            Self::NotAModel { remedy, .. } => remedy.clone(),
            Self::Archive { .. } => message!(
                "Zip the files of one model directory (configuration, weights, tokenizer) again."
            ),
        }
    }

    /// Returns what is wrong, in one sentence.
    pub fn message(&self) -> Message {
        match self {
            Self::Weights { reason } => reason.clone(),
            Self::Tensor { name, reason } => {
                message!(
                    "the tensor {name} cannot be used: {reason}",
                    name = quoted(name),
                    reason
                )
            }
            Self::Config { key, reason } if key.is_empty() => {
                message!("config.json cannot be used: {reason}", reason)
            }
            Self::Config { key, reason } => {
                message!(
                    "config.json cannot be used: {key} {reason}",
                    key = quoted(key),
                    reason
                )
            }
            Self::Classifier { reason } => {
                message!("classifier.json cannot be used: {reason}", reason)
            }
            Self::TooLarge { needs } => message!("the model is too large: {needs}", needs),
            Self::Mismatch {
                missing,
                unexpected,
                shapes,
            } => {
                let quoted = |names: &[String]| listed(names.iter().map(|name| quoted(name)));
                let wrong = listed(shapes.iter().map(Message::to_string));
                let parts = [
                    (
                        missing.len(),
                        message!("missing: {names}", names = quoted(missing)),
                    ),
                    (
                        unexpected.len(),
                        message!("unexpected: {names}", names = quoted(unexpected)),
                    ),
                    (
                        shapes.len(),
                        message!("wrong shape: {shapes}", shapes = wrong),
                    ),
                ];
                let parts = parts.into_iter().filter(|(count, _)| *count > 0);
                message!(
                    "config.json and the weights do not match: {parts}",
                    parts = Message::joined(parts.map(|(_, part)| part), "; ")
                )
            }
            Self::Unsupported { reason } => {
                message!("this model is not supported: {reason}", reason)
            }
            Self::NotAModel { found, .. } => found.clone(),
            Self::Archive { reason } => message!("the archive cannot be used: {reason}", reason),
        }
    }
}

impl fmt::Display for InteropError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl std::error::Error for InteropError {}

/// Lists the first names and the number of remaining ones.
pub(super) fn listed(names: impl ExactSizeIterator<Item = String>) -> Message {
    let more = names.len().saturating_sub(MAX_LISTED_NAMES);
    let names = names.take(MAX_LISTED_NAMES).collect::<Vec<_>>().join(", ");
    match more {
        0 => Message::verbatim(names),
        more => message!("{names} and {more} more", names, more),
    }
}

/// Returns an error about a key.
pub(super) fn refuse(key: &str, reason: Message) -> InteropError {
    InteropError::Config {
        key: key.into(),
        reason,
    }
}
