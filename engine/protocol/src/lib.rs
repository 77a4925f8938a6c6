//! The words that the page, the command line and the engine share: [`Command`]s go in, [`Event`]s come out, a
//! [`RunConfig`] says what a person asked for. Serde only: no tensor, no clock, no platform.
//!
//! Bulk bytes (dropped files, exported models) never stand inside a message: they travel beside it, as
//! files or transferred buffers, in the order in which the message names them.

mod cloze;
mod command;
mod compare;
mod config;
mod event;
mod found;
mod insight;
mod metrics;
#[cfg(test)]
mod properties;
mod spreadsheet;
mod token;

pub use cloze::Cloze;
pub use command::{Command, FileInfo, FileRole, StartFrom};
pub use compare::{
    CompareConfig, Comparison, ComparisonCondition, ComparisonPoint, ComparisonRun,
    ComparisonTrial, EpochFigures, Figures, LinearResult, SWEPT_RATES, Spread, SweepPoint,
};
pub use config::{
    BackboneKind, BackendChoice, ClassWeights, ConfigError, EmbeddingInit, LabelMap,
    NearDuplicates, OptimizerKind, PRESET_NAMES, PartsKind, Pooling, Quoting, RunConfig, TaskKind,
    TokenizerKind,
};
pub use event::{Event, Phase, RunId, STOPPED, is_note};
pub use found::{DeviceInfo, Dropped, FileReport, TableColumns};
pub use insight::{
    CorpusTraits, CoveragePoint, Estimate, LabelCount, LabelPoint, LengthCount, LineQuery,
    PredictedDocument, ReliabilityBin, Review, SurestShare, ThresholdPoint,
};
pub use metrics::{ClassifierMetrics, LabelMetrics, MaskedLmMetrics, Metrics, ScoreInterval};
pub use spreadsheet::inert_cell;
pub use token::{Candidate, LabelScore, MaskKind, MaskPrediction, MaskedToken, VocabularyEntry};

/// Version of the messages. The page refuses an engine that speaks another one (a stale file in the browser's cache).
pub const PROTOCOL_VERSION: u32 = 7;
