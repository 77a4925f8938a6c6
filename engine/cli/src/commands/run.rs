//! What the commands that train have in common: a run as requested, its files and its record.

use crate::args::{Common, Training};
use crate::inputs::{self, Source};
use crate::run_dir::record::{Input, Origin, Record, Status, Versions};
use crate::run_dir::store::RunDir;
use crate::terminal::output;
use data::{InputFile, ReadOptions};
use engine::error::Error;
use engine::session::{ModelFiles, Snapshot, check_numbers, sha256};
use protocol::{FileRole, Phase, RunConfig};
use std::path::{Path, PathBuf};

/// A run that is ready to start. For a new run, only the lock of its directory is on disk so far.
pub(crate) struct Run {
    /// The claimed run directory.
    pub dir: RunDir,
    /// The record, which becomes `run.json`.
    pub record: Record,
    /// The input files, in the order in which they are read.
    pub files: Vec<InputFile>,
    /// Files of the model to start from, if any.
    pub from: Option<ModelFiles>,
    /// The checkpoint to resume from, if any.
    pub snapshot: Option<Snapshot>,
}

/// A training run as the command line specifies it.
pub(crate) struct Request<'a> {
    /// The phase: pre-training or fine-tuning.
    pub phase: Phase,
    /// Path of the run directory.
    pub out: &'a Path,
    /// Input paths by role.
    pub paths: Vec<(&'a [PathBuf], FileRole)>,
    /// Path of the model to start from, if any.
    pub from: Option<&'a Path>,
    /// Flags that both commands share.
    pub training: &'a Training,
}

/// Warns about flags that have no effect together with `--from`.
pub(crate) fn warn_unused(flags: &[String]) {
    if !flags.is_empty() {
        let flags = flags.join(", ");
        output::print_stderr(&format!(
            "warning: {flags} not used: the model in --from has its own architecture and vocabulary"
        ));
    }
}

/// Creates the record of a run that has yet to start.
///
/// # Errors
/// Returns an error if a file can no longer be read.
pub(crate) fn new_record(
    phase: Phase,
    run: &str,
    config: RunConfig,
    encoding: Option<String>,
    from: Option<Origin>,
    sources: &[Source],
) -> Result<Record, Error> {
    Ok(Record {
        status: Status::Running,
        phase,
        run: run.into(),
        seed: config.seed,
        config,
        encoding,
        from,
        embeddings: None,
        inputs: sources.iter().map(Input::of).collect::<Result<_, _>>()?,
        device: None,
        parameters: None,
        model_sha256: Default::default(),
        versions: Versions::current(),
    })
}

/// Returns the options with which a run reads its files.
pub(crate) fn read_options(
    config: &RunConfig,
    encoding: Option<String>,
    phase: Phase,
) -> ReadOptions {
    // Pre-training reads plain lines, whatever folders the files are in.
    let reads_folder_classes = phase == Phase::Finetune;
    let RunConfig {
        text_column,
        label_column,
        label_separator,
        quoting,
        label_map,
        ..
    } = config.clone();
    ReadOptions {
        encoding,
        text_column,
        label_column,
        label_separator,
        quoting,
        label_map,
        reads_folder_classes,
        ..ReadOptions::default()
    }
}

/// Describes the model that a run starts from, for its record.
pub(crate) fn origin(path: &Path, model: &ModelFiles) -> Origin {
    let weights = model
        .iter()
        .find(|(name, _)| name == engine::interop::WEIGHTS_FILE);
    let weights = weights
        .map(|(_, bytes)| bytes.as_slice())
        .unwrap_or_default();
    Origin {
        path: path.into(),
        sha256: sha256(weights),
    }
}

/// Returns the files of `sources` without their paths.
pub(crate) fn files_of(sources: Vec<Source>) -> Vec<InputFile> {
    sources.into_iter().map(|source| source.file).collect()
}

/// Resolves the input paths of the command line to files.
///
/// # Errors
/// Returns an error if a path cannot be read.
pub(crate) fn read_sources(request: &Request<'_>) -> Result<Vec<Source>, Error> {
    let read = |(paths, role): &(&[PathBuf], FileRole)| match (request.phase, role) {
        (Phase::Finetune, FileRole::Train) => inputs::read_for_training(paths),
        (_, role) => inputs::read(paths, Some(*role)),
    };
    request
        .paths
        .iter()
        .map(read)
        .collect::<Result<Vec<_>, _>>()
        .map(|sources| sources.concat())
}

/// Sets the fields of `config` whose flags were given.
///
/// # Errors
/// Returns an error if a value cannot be parsed or is out of range.
pub(crate) fn apply_flags(
    common: &Common,
    request: &Request<'_>,
    config: &mut RunConfig,
) -> Result<(), Error> {
    common.settings.apply(config)?;
    request
        .training
        .settings
        .of_phase(request.phase)
        .apply(config)?;
    check_numbers(config)
}

/// Warns about flags that the command accepts and ignores, since they apply to the other phase only.
pub(crate) fn warn_other_phase(training: &Training, phase: Phase, command: &str) {
    let flags = training.settings.of_other_phase(phase);
    if !flags.is_empty() {
        output::print_stderr(&format!(
            "warning: {} not used: {command} has no such setting",
            flags.join(", ")
        ));
    }
}
