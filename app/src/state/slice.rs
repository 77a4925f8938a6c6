//! Which part of the page an event concerns, so that a training step does not redraw a file table.

use protocol::Event;

/// One part of what the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateSlice {
    /// Engine and device.
    Engine,
    /// Files and documents.
    Corpus,
    /// What is odd about them: apart from the files, since a folder of pictures has a warning for each of its files.
    Warnings,
    /// The masking preview.
    Masking,
    /// The vocabulary table.
    Vocabulary,
    /// Which runs there are and what they are doing; what the model can do.
    Runs,
    /// Figures that change many times a second while a run computes.
    Progress,
    /// Guesses and labels for typed text.
    Answers,
    /// What went wrong.
    Notice,
}

impl StateSlice {
    /// Number of topics.
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
            // What the model before said is not of this one.
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
            // From then on a run can begin again.
            Event::Labelled { documents, of, .. } if documents == of => {
                &[StateSlice::Answers, StateSlice::Runs]
            }
            Event::Labelled { .. } => &[StateSlice::Answers],
            Event::Baseline { .. } => &[StateSlice::Answers, StateSlice::Runs],
            Event::Guesses { .. }
            | Event::FilledMasks { .. }
            | Event::Classified { .. }
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
