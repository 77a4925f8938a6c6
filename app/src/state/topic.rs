//! Which part of the page an event concerns, so that a training step does not redraw a file table.

use protocol::Event;

/// One part of what the page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
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

impl Topic {
    /// Number of topics.
    pub const COUNT: usize = 9;

    pub(super) fn touched_by(event: &Event) -> &'static [Topic] {
        match event {
            Event::Hello { .. } | Event::Alive {} | Event::Exported { .. } => &[],
            Event::Ready { .. } => &[Topic::Engine],
            Event::Corpus { .. } => &[Topic::Corpus, Topic::Masking, Topic::Vocabulary],
            Event::Masking { .. } | Event::Attention { request: 0, .. } => &[Topic::Masking],
            Event::Vocabulary { .. } => &[Topic::Vocabulary],
            Event::Step { .. } => &[Topic::Progress],
            Event::Started { .. }
            | Event::RolledBack { .. }
            | Event::Checkpoint { .. }
            | Event::ComparedRun { .. }
            | Event::Compiling { .. }
            | Event::Evaluated { .. }
            | Event::Paused { .. }
            | Event::Resumed { .. } => &[Topic::Runs, Topic::Progress],
            // What the model before said is not of this one.
            Event::Finished { .. } => &[Topic::Runs, Topic::Progress, Topic::Answers],
            Event::Warning { run, .. } if run.is_empty() => &[Topic::Warnings],
            Event::Warning { .. } => &[Topic::Runs],
            Event::Failed { .. } => &[
                Topic::Notice,
                Topic::Engine,
                Topic::Corpus,
                Topic::Runs,
                Topic::Progress,
                Topic::Answers,
            ],
            // From then on a run can begin again.
            Event::Labelled { documents, of, .. } if documents == of => {
                &[Topic::Answers, Topic::Runs]
            }
            Event::Labelled { .. } => &[Topic::Answers],
            Event::Baseline { .. } => &[Topic::Answers, Topic::Runs],
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
            | Event::Counted { .. } => &[Topic::Answers],
            Event::History { .. } => &[Topic::Runs, Topic::Progress],
            Event::Imported { .. } => &[
                Topic::Runs,
                Topic::Answers,
                Topic::Vocabulary,
                Topic::Masking,
                Topic::Notice,
            ],
        }
    }
}
