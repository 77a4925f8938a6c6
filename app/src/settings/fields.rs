//! The settings as shown in forms: labels, help texts, ranges and options.

use crate::mark;
use crate::tr;
use crate::wording::grouped;

/// A numeric setting: its label, help text and range.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Flag of the command line and key of the link.
    pub key: &'static str,
    /// Label of the input.
    pub label: &'static str,
    /// Help text below the input.
    pub help: &'static str,
    /// Placeholder: the meaning of an empty input.
    pub default: &'static str,
    /// Minimum value.
    pub min: f64,
    /// Maximum value.
    pub max: f64,
    /// Whether only integers are valid.
    pub whole: bool,
}

impl Field {
    /// Returns the range of valid values as text.
    pub fn range(&self) -> String {
        let words = |value: f64| match value {
            value if value >= 1e6 => format!("{value:.1e}"),
            value if value > 0.0 && value < 1e-4 => format!("{value:e}"),
            value if value.fract() == 0.0 => grouped(value as u64),
            value => format!("{value}"),
        };
        tr!(
            "{least} to {most}.",
            least = words(self.min),
            most = words(self.max)
        )
    }
}

/// Fields under "More settings", in the order shown.
pub const FIELDS: [Field; 8] = [
    whole(
        "vocab-size",
        mark!("Vocabulary size"),
        mark!("Entries at most, special tokens included."),
        "8000",
        (20.0, 200_000.0),
    ),
    whole(
        "max-len",
        mark!("Longest example"),
        mark!("Tokens, [CLS] and [SEP] included."),
        "32",
        (3.0, 4096.0),
    ),
    whole(
        "batch-size",
        mark!("Batch size"),
        mark!("Examples per step."),
        mark!("by the amount of text"),
        (1.0, 4096.0),
    ),
    real(
        "lr",
        mark!("Learning rate"),
        mark!("At its peak, after the warm-up."),
        mark!("by preset"),
        (1e-8, 1.0),
    ),
    real(
        "mask-rate",
        mark!("Mask rate"),
        mark!("Share of tokens to guess, 0.4 for fast, 0.15 for BERT."),
        mark!("by preset"),
        (0.01, 0.9),
    ),
    whole(
        "max-predictions",
        mark!("Most guesses"),
        mark!("In one example, at most."),
        mark!("by the mask rate"),
        (1.0, 4096.0),
    ),
    whole(
        "hidden-size",
        mark!("Width"),
        mark!("Of the model, where it is not the preset's."),
        mark!("by preset"),
        (2.0, 3072.0),
    ),
    whole(
        "seed",
        mark!("Seed"),
        mark!("Every use of chance derives from it."),
        "1",
        (0.0, u64::MAX as f64),
    ),
];

/// Alternative units for the length of a run.
pub const LENGTHS: [Field; 3] = [
    real(
        "epochs",
        mark!("passes over the text"),
        "",
        mark!("by the amount of text"),
        (0.001, 10_000.0),
    ),
    real("minutes", mark!("minutes"), "", "", (0.01, 10_080.0)),
    whole("steps", mark!("steps"), "", "", (1.0, 100_000_000.0)),
];

/// Fields of fine-tuning only.
pub const FINETUNE_FIELDS: [Field; 3] = [
    real(
        "finetune-epochs",
        mark!("Epochs"),
        mark!("Passes over the labelled documents."),
        "5",
        (0.001, 10_000.0),
    ),
    real(
        "finetune-lr",
        mark!("Learning rate"),
        mark!("At its peak, after the warm-up."),
        mark!("by preset"),
        (1e-8, 1.0),
    ),
    real(
        "label-fraction",
        mark!("Share of the labels"),
        mark!("Learn from a part of the labelled documents."),
        "1",
        (1e-6, 1.0),
    ),
];

/// A setting with a fixed list of options.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Flag of the command line and key of the link.
    pub key: &'static str,
    /// Label of the input.
    pub label: &'static str,
    /// Help text below the input.
    pub help: &'static str,
    /// Pairs of value and label, the default first.
    pub options: &'static [(&'static str, &'static str)],
}

/// A setting that is on or off.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// Flag of the command line and key of the link.
    pub key: &'static str,
    /// Label of the checkbox.
    pub label: &'static str,
    /// Help text below the checkbox.
    pub help: &'static str,
}

/// Kind of tokenizer.
pub const TOKENIZER: Choice = Choice {
    key: "tokenizer",
    label: mark!("Tokens"),
    help: mark!("Characters suit Chinese, Japanese and Thai."),
    options: &[
        ("wordpiece", mark!("pieces of words")),
        ("word", mark!("words between spaces")),
        ("char", mark!("characters")),
    ],
};

/// Classification task.
pub const TASK: Choice = Choice {
    key: "task",
    label: mark!("Labels per document"),
    help: mark!("A pair has a tab between its two texts."),
    options: &[
        ("auto", mark!("as the lines show")),
        ("multi-label", mark!("any number")),
        ("single-label", mark!("exactly one")),
        ("pair", mark!("of a pair of texts")),
    ],
};

/// Whether fine-tuning trains the encoder or only the output layer.
pub const FREEZE: Choice = Choice {
    key: "freeze",
    label: mark!("Encoder"),
    help: mark!(
        "Frozen, only the output layer is fitted, which is fast. Sentence encoders are frozen by default."
    ),
    options: &[
        ("", mark!("automatic")),
        ("true", mark!("frozen")),
        ("false", mark!("trained")),
    ],
};

/// Weighting of each label's errors.
pub const CLASS_WEIGHTS: Choice = Choice {
    key: "class-weights",
    label: mark!("Class weights"),
    help: mark!(
        "Balanced: rare labels count as much as frequent ones. Automatic: validation decides for the linear part; networks are unweighted."
    ),
    options: &[
        ("", mark!("automatic")),
        ("none", mark!("none")),
        ("balanced", mark!("balanced")),
    ],
};

/// Treatment of held-out documents that are near-duplicates of training documents.
pub const NEAR_DUPLICATES: Choice = Choice {
    key: "near-duplicates",
    label: mark!("Near-duplicates"),
    help: mark!(
        "Validation and test documents that are almost the same as a training document make scores look better than they are."
    ),
    options: &[
        ("keep", mark!("count in scores")),
        ("drop", mark!("left out of scores")),
    ],
};

/// Next-sentence prediction in pre-training.
pub const NSP: Switch = Switch {
    key: "nsp",
    label: mark!("Next-sentence prediction"),
    help: mark!("Beside guessing tokens: does B follow A? Wants documents of several sentences."),
};

/// Other switches of pre-training.
pub const SWITCHES: [Switch; 3] = [
    Switch {
        key: "whole-word",
        label: mark!("Whole words"),
        help: mark!("Hide a word with all its pieces."),
    },
    Switch {
        key: "cased",
        label: mark!("Upper case"),
        help: mark!("Keep it, and accents."),
    },
    Switch {
        key: "seed-masking",
        label: mark!("Masking as in 2018"),
        help: mark!("Ten tokens per example, one of them to guess."),
    },
];

const fn whole(
    key: &'static str,
    label: &'static str,
    help: &'static str,
    default: &'static str,
    (min, max): (f64, f64),
) -> Field {
    Field {
        key,
        label,
        help,
        default,
        min,
        max,
        whole: true,
    }
}

const fn real(
    key: &'static str,
    label: &'static str,
    help: &'static str,
    default: &'static str,
    (min, max): (f64, f64),
) -> Field {
    Field {
        key,
        label,
        help,
        default,
        min,
        max,
        whole: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_state_their_range() {
        let range = |key: &str| {
            FIELDS
                .iter()
                .find(|field| field.key == key)
                .expect("a field")
                .range()
        };
        assert_eq!(
            [range("vocab-size"), range("mask-rate")],
            ["20 to 200,000.", "0.01 to 0.9."]
        );
        assert_eq!([range("seed"), range("lr")], ["0 to 1.8e19.", "1e-8 to 1."]);
        assert_eq!(LENGTHS[0].range(), "0.001 to 10,000.");
    }
}
