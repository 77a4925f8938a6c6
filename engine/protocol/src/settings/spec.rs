//! What is known about a setting apart from its value: the basis of flags, form fields, links, help
//! texts and range checks.

use crate::run::Phase;

/// A setting of a run: one entry of `RunConfig::SETTINGS`.
#[derive(Clone, Copy, Debug)]
pub struct SettingSpec {
    /// Name of the flag, without dashes, and of the field in `run.json`.
    pub key: &'static str,
    /// Key in the page's link.
    pub link_key: &'static str,
    /// Label of the field in a form.
    pub label: &'static str,
    /// Help text: one or two sentences.
    pub help: &'static str,
    /// Kind of value.
    pub kind: SettingKind,
    /// Range of a numeric value.
    pub range: SettingRange,
    /// The value, or the rule, that applies if the setting is not given; empty if there is none.
    pub default: &'static str,
    /// What the setting belongs to.
    pub group: SettingGroup,
}

/// Kind of value of a setting.
#[derive(Clone, Copy, Debug)]
pub enum SettingKind {
    /// An integer.
    Integer,
    /// A real number.
    Real,
    /// On or off.
    Switch,
    /// One of these names.
    Choice(fn() -> Vec<&'static str>),
    /// Any text.
    Text,
    /// New names of labels, as a JSON object.
    LabelMap,
}

/// What a setting belongs to, in the order of a form or a help text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SettingGroup {
    /// Every command.
    General,
    /// The architecture, and the initial weights.
    Model,
    /// The tokenizer and its vocabulary.
    Vocabulary,
    /// Length, batches and optimiser of a run.
    Training,
    /// The masked-LM objective.
    Masking,
    /// A classifier and its documents.
    Classifier,
    /// Reading of tables.
    Tables,
}

impl SettingGroup {
    /// Returns the phase that the settings of this group apply to; `None` means both.
    pub fn phase(self) -> Option<Phase> {
        match self {
            Self::Masking => Some(Phase::Pretrain),
            Self::Classifier => Some(Phase::Finetune),
            Self::General | Self::Model | Self::Vocabulary | Self::Training | Self::Tables => None,
        }
    }
}

/// Range of a numeric setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SettingRange {
    /// Lower bound.
    pub min: f64,
    /// Upper bound, included.
    pub max: f64,
    /// Whether the lower bound itself is valid.
    pub includes_min: bool,
}

impl SettingRange {
    /// All numbers.
    pub(super) const ANY: Self = Self::new(f64::NEG_INFINITY, f64::INFINITY);

    /// The numbers from `min` to `max`.
    pub(super) const fn new(min: f64, max: f64) -> Self {
        Self {
            min,
            max,
            includes_min: true,
        }
    }

    /// The numbers above 0, up to `max`.
    pub(super) const fn positive(max: f64) -> Self {
        Self {
            min: 0.0,
            max,
            includes_min: false,
        }
    }

    /// Whether a value is in the range. NaN never is.
    pub fn contains(&self, value: f64) -> bool {
        let is_above = if self.includes_min {
            value >= self.min
        } else {
            value > self.min
        };
        is_above && value <= self.max
    }
}

impl SettingSpec {
    /// Returns the names of a choice; empty for other kinds.
    pub fn names(&self) -> Vec<&'static str> {
        match self.kind {
            SettingKind::Choice(names) => names(),
            _ => Vec::new(),
        }
    }
}
