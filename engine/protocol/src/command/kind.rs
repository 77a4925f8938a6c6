//! When each command is handled, the run that it starts, and its request number.

use super::Command;
use crate::run::RunId;

/// When a command is handled while another one is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Steers a run; handled between two steps.
    Control,
    /// A model answers it, also the one in training, between two steps.
    Query,
    /// Answered from the corpus almost at once, between two parts of a long job.
    Lookup,
    /// Replaces the text, the model or the word vectors that later commands refer to.
    Data,
    /// Runs alone, after the commands before it.
    Job,
}

impl Command {
    /// Returns when the command is handled while another one is at work.
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::Pause | Self::Resume | Self::Step { .. } | Self::Stop => CommandKind::Control,
            Self::PreviewMasking { .. }
            | Self::FillMask { .. }
            | Self::FillMasks { .. }
            | Self::Classify { .. }
            | Self::Explain { .. }
            | Self::Attend { .. }
            | Self::Tokenize { .. }
            | Self::ExportModel { .. } => CommandKind::Query,
            Self::Lines { query, .. } if query.is_slow() => CommandKind::Job,
            Self::Lines { .. } | Self::Vocabulary { .. } => CommandKind::Lookup,
            Self::SetCorpus { .. } | Self::SetWordVectors { .. } | Self::ImportModel { .. } => {
                CommandKind::Data
            }
            Self::Open { .. }
            | Self::SaveCheckpoints { .. }
            | Self::Pretrain { .. }
            | Self::Finetune { .. }
            | Self::ResumeRun { .. }
            | Self::StoreCheckpoint { .. }
            | Self::ExportRun { .. }
            | Self::Compare { .. }
            | Self::Toy { .. }
            | Self::LabelFile { .. }
            | Self::Neighbours { .. }
            | Self::Review { .. }
            | Self::Estimate { .. }
            | Self::Map { .. }
            | Self::MeasureLabels { .. }
            | Self::SlowMotion { .. }
            | Self::Baseline { .. } => CommandKind::Job,
        }
    }

    /// Returns the id of the run that this command starts.
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::Pretrain { run, .. }
            | Self::Finetune { run, .. }
            | Self::ResumeRun { run, .. }
            | Self::Compare { run, .. }
            | Self::Toy { run, .. } => Some(run),
            _ => None,
        }
    }

    /// Returns the number of a query. Returns 0 for `PreviewMasking` and for the commands that have
    /// no number but do not replace the corpus either.
    pub fn request(&self) -> Option<u64> {
        match self {
            Self::PreviewMasking { .. } => Some(0),
            Self::FillMask { request, .. }
            | Self::FillMasks { request, .. }
            | Self::Classify { request, .. }
            | Self::Explain { request, .. }
            | Self::Map { request, .. }
            | Self::MeasureLabels { request, .. }
            | Self::SlowMotion { request, .. }
            | Self::LabelFile { request, .. }
            | Self::Attend { request, .. }
            | Self::Tokenize { request, .. }
            | Self::Neighbours { request, .. }
            | Self::Review { request, .. }
            | Self::Lines { request, .. }
            | Self::Estimate { request, .. }
            | Self::ExportRun { request, .. }
            | Self::ExportModel { request, .. } => Some(*request),
            Self::Vocabulary { .. }
            | Self::Baseline { .. }
            | Self::ImportModel { .. }
            | Self::StoreCheckpoint { .. }
            | Self::SetWordVectors { .. } => Some(0),
            _ => None,
        }
    }
}
