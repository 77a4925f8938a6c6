//! Messages shared by the page, the command line and the engine: [`Command`]s go in, [`Event`]s
//! come out, and a [`RunConfig`] holds the user's settings. Depends on serde only: no tensors, no
//! clock, no platform.
//!
//! Bulk bytes (dropped files, exported models) are never part of a message. They are sent alongside
//! it, as files or transferred buffers, in the order in which the message names them.

mod cloze;
mod command;
mod compare;
mod event;
mod found;
mod insight;
mod message;
mod metrics;
mod presets;
#[cfg(test)]
mod properties;
mod run;
mod settings;
mod spreadsheet;
mod text_hash;
mod token;

pub use cloze::Cloze;
pub use command::{Command, CommandKind, ExportFormat, FileInfo, FileRole, StartFrom};
pub use compare::{
    CompareConfig, Comparison, ComparisonCondition, ComparisonPoint, ComparisonRun,
    ComparisonTrial, EpochFigures, Figures, LinearResult, SWEPT_RATES, Spread, SweepPoint,
};
pub use event::{Event, FoundCheckpoint, STOPPED, is_note};
pub use found::{DeviceInfo, Dropped, FileReport, TableColumns};
pub use insight::{
    Annotations, ConfidencePoint, CorpusTraits, CoveragePoint, Estimate, HandLabelScores,
    HeadTrace, LabelCount, LabelPoint, LengthCount, LineQuery, MapPoint, MapSource,
    PredictedDocument, ReliabilityBin, Review, Sampler, SlowMotion, ThresholdPoint, WordEvidence,
    WordPrediction,
};
pub use message::{Argument, IntoArgument, Message, Setting, fill};
pub use metrics::{ClassifierMetrics, LabelMetrics, MaskedLmMetrics, Metrics, ScoreInterval};
pub use presets::{PRESET_NAMES, Preset, PresetFamily};
pub use run::{Phase, RunId};
pub use settings::{
    BackboneKind, BackendChoice, ClassWeights, ConfigError, EmbeddingInit, LabelMap,
    NearDuplicates, OptimizerKind, PartsKind, Pooling, Quoting, RunConfig, SettingGroup,
    SettingKind, SettingRange, SettingSpec, TaskKind, TokenizerKind,
};
pub use spreadsheet::inert_cell;
pub use text_hash::text_hash;
pub use token::{Candidate, LabelScore, MaskKind, MaskPrediction, MaskedToken, VocabularyEntry};

/// Version of the message format. The page refuses an engine with another version (a stale file in
/// the browser's cache).
pub const PROTOCOL_VERSION: u32 = 8;
