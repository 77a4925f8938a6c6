//! Slices of the state by which the page is updated, so that a training step does not redraw the
//! table of files.

use protocol::Event;

/// A part of the state that is updated as a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateSlice {
    /// Engine and device.
    Engine,
    /// Files and documents.
    Corpus,
    /// Warnings about the files; separate from the files, since a folder of pictures causes a
    /// warning for each.
    Warnings,
    /// Masking preview.
    Masking,
    /// Vocabulary table.
    Vocabulary,
    /// List of runs and their stages; capabilities of the model.
    Runs,
    /// Metrics that change many times a second during a run.
    Progress,
    /// Answers to queries.
    Answers,
    /// Error notice.
    Notice,
}

impl StateSlice {
    /// Number of slices.
    pub const COUNT: usize = 9;

    pub(super) fn touched_by(event: &Event) -> &'static [StateSlice] {
        match event {
            Event::Hello { .. } | Event::Alive {} | Event::Exported { .. } => &[],
            Event::Ready { .. } => &[StateSlice::Engine],
            Event::Corpus { .. } => &[
                StateSlice::Corpus,
                StateSlice::Masking,
                StateSlice::Vocabulary,
            ],
            Event::Masking { .. } | Event::Attention { request: 0, .. } => &[StateSlice::Masking],
            Event::Vocabulary { .. } => &[StateSlice::Vocabulary],
            Event::Step { .. } => &[StateSlice::Progress],
            Event::Started { .. }
            | Event::RolledBack { .. }
            | Event::Checkpoint { .. }
            | Event::ComparedRun { .. }
            | Event::Compiling { .. }
            | Event::Evaluated { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. } => &[StateSlice::Runs, StateSlice::Progress],
            // Answers of the previous model do not apply to this one.
            Event::Finished { .. } => {
                &[StateSlice::Runs, StateSlice::Progress, StateSlice::Answers]
            }
            Event::Warning { run, .. } if run.is_empty() => &[StateSlice::Warnings],
            Event::Warning { .. } => &[StateSlice::Runs],
            Event::Failed { .. } => &[
                StateSlice::Notice,
                StateSlice::Engine,
                StateSlice::Corpus,
                StateSlice::Runs,
                StateSlice::Progress,
                StateSlice::Answers,
            ],
            // A new run can start once the file is labelled.
            Event::Labelled { documents, of, .. } if documents == of => {
                &[StateSlice::Answers, StateSlice::Runs]
            }
            Event::Labelled { .. } => &[StateSlice::Answers],
            Event::Baseline { .. } => &[StateSlice::Answers, StateSlice::Runs],
            Event::Guesses { .. }
            | Event::FilledMasks { .. }
            | Event::Classified { .. }
            | Event::Explained { .. }
            | Event::Mapped { .. }
            | Event::LabelsMeasured { .. }
            | Event::SlowMotion { .. }
            | Event::Attention { .. }
            | Event::Tokenized { .. }
            | Event::Neighbours { .. }
            | Event::Reviewed { .. }
            | Event::Lines { .. }
            | Event::Estimated { .. }
            | Event::Compared { .. }
            | Event::Counted { .. } => &[StateSlice::Answers],
            Event::History { .. } => &[StateSlice::Runs, StateSlice::Progress],
            Event::Imported { .. } => &[
                StateSlice::Runs,
                StateSlice::Answers,
                StateSlice::Vocabulary,
                StateSlice::Masking,
                StateSlice::Notice,
            ],
        }
    }
}
