//! What can be wrong with a model from outside. Each variant is one thing a person can do something about.

use std::fmt;

/// Longest piece of a foreign name that an error repeats, in characters.
const QUOTED_CHARS: usize = 60;
/// Names that an error lists before it counts the rest.
const LISTED_NAMES: usize = 10;

/// A model directory, or its `.zip`, that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InteropError {
    /// The weights are not a safetensors file, or a damaged one.
    Weights {
        /// What is wrong.
        reason: String,
    },
    /// One tensor cannot be used.
    Tensor {
        /// Its name as the file has it.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// `config.json` is not one that this engine can build.
    Config {
        /// The key, empty for the file as a whole.
        key: String,
        /// What is wrong.
        reason: String,
    },
    /// The model is larger than any machine this engine serves.
    TooLarge {
        /// What training it would need, in words.
        needs: String,
    },
    /// `config.json` and the weights contradict each other.
    Mismatch {
        /// Names that the configuration calls for and the weights lack.
        missing: Vec<String>,
        /// Names that the configuration has no place for.
        unexpected: Vec<String>,
        /// Tensors of another shape, in words.
        shapes: Vec<String>,
    },
    /// `classifier.json` is not one that this engine can use.
    Classifier {
        /// What is wrong.
        reason: String,
    },
    /// A `.zip` that is damaged, hostile or not a model.
    Archive {
        /// What is wrong.
        reason: String,
    },
    /// A sound model of a kind that this engine does not compute.
    Unsupported {
        /// What it is, and what is supported.
        reason: String,
    },
    /// Files that are no model, or one in another form.
    NotAModel {
        /// What there is.
        found: String,
        /// What to do.
        remedy: String,
    },
}

impl InteropError {
    /// Stable name of the kind of error, for events.
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

    /// What to do, in one sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Weights { .. } | Self::Tensor { .. } => {
                "Take model.safetensors anew from where it was made; other formats must first be converted to \
                 safetensors with Hugging Face transformers (save_pretrained)."
            }
            Self::Config { .. } => "Use the config.json that was saved together with the weights.",
            Self::Classifier { .. } => "Use all files of one and the same model directory, or remove classifier.json.",
            Self::TooLarge { .. } => "Use a smaller model; bert-base and everything below it fits.",
            Self::Mismatch { .. } => "Use config.json and model.safetensors from one and the same model directory.",
            Self::Unsupported { .. } => "Use a BERT or DistilBERT model, or pre-train one on your own text.",
            Self::NotAModel { remedy, .. } => remedy,
            Self::Archive { .. } => "Zip the files of one model directory (configuration, weights, tokenizer) anew.",
        }
        .into()
    }
}

impl fmt::Display for InteropError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights { reason } => f.write_str(reason),
            Self::Tensor { name, reason } => {
                write!(f, "the tensor {} cannot be used: {reason}", quoted(name))
            }
            Self::Config { key, reason } if key.is_empty() => {
                write!(f, "config.json cannot be used: {reason}")
            }
            Self::Config { key, reason } => {
                write!(f, "config.json cannot be used: {} {reason}", quoted(key))
            }
            Self::Classifier { reason } => write!(f, "classifier.json cannot be used: {reason}"),
            Self::TooLarge { needs } => write!(f, "the model is too large: {needs}"),
            Self::Mismatch {
                missing,
                unexpected,
                shapes,
            } => {
                let parts = [
                    part("missing", missing.iter().map(|name| quoted(name))),
                    part("unexpected", unexpected.iter().map(|name| quoted(name))),
                    part("of another shape", shapes.iter().cloned()),
                ];
                let parts: Vec<String> = parts.into_iter().flatten().collect();
                write!(
                    f,
                    "config.json and the weights contradict each other: {}",
                    parts.join("; ")
                )
            }
            Self::Unsupported { reason } => write!(f, "this model is not supported: {reason}"),
            Self::NotAModel { found, .. } => f.write_str(found),
            Self::Archive { reason } => write!(f, "the archive cannot be used: {reason}"),
        }
    }
}

impl std::error::Error for InteropError {}

/// A foreign name made harmless for a terminal and a log: escaped and cut.
pub(super) fn quoted(name: &str) -> String {
    let cut: String = name.chars().take(QUOTED_CHARS).collect();
    let rest = if cut.len() < name.len() { "…" } else { "" };
    format!("\"{}{rest}\"", cut.escape_debug())
}

/// The first names, and how many there are besides.
pub(super) fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let count = names.len();
    let listed: Vec<String> = names.take(LISTED_NAMES).collect();
    let rest = if count > LISTED_NAMES {
        format!(" and {} more", count - LISTED_NAMES)
    } else {
        String::new()
    };
    listed.join(", ") + &rest
}

fn part(what: &str, names: impl ExactSizeIterator<Item = String>) -> Option<String> {
    (names.len() > 0).then(|| format!("{what}: {}", listed(names)))
}
