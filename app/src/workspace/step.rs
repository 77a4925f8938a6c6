//! The steps of the page and their names: in links, in the navigation and in headings. Pure.

use crate::mark;

/// A step: a part of the job with its own settings and panels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Files and what was read from them.
    Data,
    /// Masked-LM pre-training.
    Pretrain,
    /// Fine-tuning to a classifier.
    Finetune,
    /// Predictions for a typed text.
    Try,
    /// Attention heads.
    Attention,
    /// Labelling documents by hand.
    Label,
    /// Error analysis of a classifier.
    Errors,
    /// Runs and models.
    Runs,
    /// Lessons.
    Learn,
}

impl Step {
    /// All steps in their order.
    pub const ALL: [Step; 9] = [
        Step::Data,
        Step::Pretrain,
        Step::Finetune,
        Step::Try,
        Step::Attention,
        Step::Label,
        Step::Errors,
        Step::Runs,
        Step::Learn,
    ];

    /// Id of the step's section, by which links refer to it.
    pub fn anchor(self) -> &'static str {
        match self {
            Step::Data => "data",
            Step::Pretrain => "pretrain",
            Step::Finetune => "finetune",
            Step::Try => "try",
            Step::Attention => "attention",
            Step::Label => "label",
            Step::Errors => "review",
            Step::Runs => "runs-panel",
            Step::Learn => "learn",
        }
    }

    /// `data-testid` of the step's navigation entry.
    pub fn nav_testid(self) -> &'static str {
        match self {
            Step::Data => "nav-data",
            Step::Pretrain => "nav-pretrain",
            Step::Finetune => "nav-finetune",
            Step::Try => "nav-try",
            Step::Attention => "nav-attention",
            Step::Label => "nav-label",
            Step::Errors => "nav-errors",
            Step::Runs => "nav-runs",
            Step::Learn => "nav-learn",
        }
    }

    /// Title, in English.
    pub fn title(self) -> &'static str {
        match self {
            Step::Data => mark!("Data"),
            Step::Pretrain => mark!("Pre-train"),
            Step::Finetune => mark!("Fine-tune"),
            Step::Try => mark!("Try it"),
            Step::Attention => mark!("Attention"),
            Step::Label => mark!("Label"),
            Step::Errors => mark!("Errors"),
            Step::Runs => mark!("Runs"),
            Step::Learn => mark!("Learn"),
        }
    }

    /// Returns whether the step is numbered: the first three are done in this order.
    pub fn is_numbered(self) -> bool {
        matches!(self, Step::Data | Step::Pretrain | Step::Finetune)
    }

    /// Returns whether the step shows the panels of pre-training: the masked line, the loss and the
    /// heads. Lessons act on them.
    pub fn shows_stage(self) -> bool {
        matches!(self, Step::Pretrain | Step::Learn)
    }

    /// Returns the step that an address names, with or without `#`.
    pub fn of_anchor(anchor: &str) -> Option<Self> {
        match anchor.trim_start_matches('#') {
            "stage" => Some(Step::Pretrain),
            "errors" => Some(Step::Errors),
            "runs" => Some(Step::Runs),
            anchor => Self::ALL.into_iter().find(|step| step.anchor() == anchor),
        }
    }
}

/// How the steps are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// One step at a time, on one screen.
    #[default]
    Steps,
    /// All steps in one column.
    Page,
}

impl View {
    /// Name of the view in links and in the style sheet.
    pub fn name(self) -> &'static str {
        match self {
            View::Steps => "steps",
            View::Page => "page",
        }
    }

    /// Returns the other view.
    pub fn other(self) -> Self {
        match self {
            View::Steps => View::Page,
            View::Page => View::Steps,
        }
    }

    /// Returns the view with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        [View::Steps, View::Page]
            .into_iter()
            .find(|view| view.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_found_by_its_address() {
        for step in Step::ALL {
            assert_eq!(Step::of_anchor(step.anchor()), Some(step));
            assert_eq!(Step::of_anchor(&format!("#{}", step.anchor())), Some(step));
        }
        assert_eq!(Step::of_anchor("#errors"), Some(Step::Errors));
        assert_eq!(Step::of_anchor("#cooking"), None);
        assert_eq!(Step::of_anchor(""), None);
    }

    #[test]
    fn views_round_trip_by_name() {
        for view in [View::Steps, View::Page] {
            assert_eq!(View::of_name(view.name()), Some(view));
        }
        assert_eq!(View::of_name("columns"), None);
    }
}
