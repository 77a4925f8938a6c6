//! A training run from its arguments to its last file: claim the directory, read the input, drive the session, put the
//! model in place. Both kinds of training, new or resumed, and each leg of the demonstration go through [`execute`].

use super::args::{self, Common, Training};
use super::checkpoints;
use super::host::{NativeHost, OpenRun};
use super::inputs::{self, Source};
use super::journal::{self, Journal};
use super::model_digests::digests_of;
use super::record::{Input, Origin, Record, Status, Versions};
use super::resume::resumed;
use super::store::{RunDir, WriteFailure, shown};
use super::text_refusals::{naming, naming_vectors};
use super::{output, report, rescue, signals};
use crate::data::{InputFile, Opened, ReadOptions};
use crate::error::Error;
use crate::session::{Host, ModelFiles, RunOutcome, Session, Snapshot, failed, sha256};
use futures_lite::future::block_on;
use protocol::{FileRole, Phase, RunConfig, StartFrom};
use std::path::{Path, PathBuf};

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// All of it was done.
    Done,
    /// It was stopped; a checkpoint is kept.
    Interrupted,
}

/// A run that is ready to start: nothing of it is on disk yet but the claim on its directory.
pub(super) struct Run {
    /// Its claimed directory.
    pub dir: RunDir,
    /// What it will be remembered as.
    pub record: Record,
    /// The text it reads, in order.
    pub files: Vec<InputFile>,
    /// The model it starts from.
    pub from: Option<ModelFiles>,
    /// The checkpoint it goes on from.
    pub snapshot: Option<Snapshot>,
}

/// What the command line asks of a run.
pub(super) struct Request<'a> {
    /// Which command.
    pub phase: Phase,
    /// The run directory.
    pub out: &'a Path,
    /// What to read, for what.
    pub paths: Vec<(&'a [PathBuf], FileRole)>,
    /// The model to start from.
    pub from: Option<&'a Path>,
    task: &'a Option<String>,
    /// The flags of both commands.
    pub training: &'a Training,
}

/// The `pretrain` command.
///
/// # Errors
/// When an argument, the input or the directory cannot be used, or the run fails.
pub(super) fn pretrain(common: &Common, args: &args::Pretrain) -> Result<ExitStatus, Error> {
    let request = Request {
        phase: Phase::Pretrain,
        out: &args.out,
        paths: vec![
            (&args.corpus, FileRole::Train),
            (&args.valid, FileRole::Valid),
        ],
        from: args.from.as_deref(),
        task: &None,
        training: &args.training,
    };
    train(common, &request)
}

/// The `finetune` command.
///
/// # Errors
/// When an argument, the input or the directory cannot be used, or the run fails.
pub(super) fn finetune(common: &Common, args: &args::Finetune) -> Result<ExitStatus, Error> {
    let request = Request {
        phase: Phase::Finetune,
        out: &args.out,
        paths: vec![
            (&args.train, FileRole::Train),
            (&args.valid, FileRole::Valid),
            (&args.test, FileRole::Test),
        ],
        from: args.from.as_deref(),
        task: &args.task,
        training: &args.training,
    };
    train(common, &request)
}

fn train(common: &Common, request: &Request<'_>) -> Result<ExitStatus, Error> {
    let run = if request.training.resume {
        resumed(common, request)?
    } else {
        Some(fresh(common, request)?)
    };
    let Some(run) = run else {
        return Ok(ExitStatus::Done);
    };
    signals::listen(signals::A_CHECKPOINT);
    let host = NativeHost::of(common);
    let mut session = block_on(Session::open(host, run.record.config.device))?;
    let out = run.dir.path().to_path_buf();
    if request.training.tui {
        session.host().open_screen()?;
    }
    let outcome = execute(&mut session, run);
    session.host().close_screen();
    outcome.map(|outcome| ending(common, &out, outcome))
}

fn ending(common: &Common, out: &Path, outcome: RunOutcome) -> ExitStatus {
    if outcome.stopped {
        output::to_people(&format!(
            "{} keeps step {}; --resume goes on from it.",
            shown(out),
            outcome.step
        ));
        return ExitStatus::Interrupted;
    }
    if !common.quiet {
        output::to_people(&format!(
            "The model is in {}; its charts are in report.html there.",
            shown(out)
        ));
    }
    ExitStatus::Done
}

/// Drives a session through one run and puts every file of it in place.
///
/// # Errors
/// When the input is refused (nothing is then left on disk), the run fails or a file cannot be written.
pub(super) fn execute(session: &mut Session<NativeHost>, run: Run) -> Result<RunOutcome, Error> {
    let Run {
        dir,
        mut record,
        files,
        from,
        snapshot,
    } = run;
    let (name, config, phase, encoding) = (
        record.run.clone(),
        record.config.clone(),
        record.phase,
        record.encoding.clone(),
    );
    let embeddings = record.embeddings.clone();
    let start = if record.from.is_some() {
        StartFrom::Pretrained
    } else {
        StartFrom::TempStorage
    };
    record.device = Some(session.device().clone());
    record.status = Status::Running;
    let from_step = snapshot.as_ref().map_or(0, |snapshot| snapshot.step);
    session.host().attach(OpenRun::new(dir, record, from_step));
    let result = (|| {
        session.set_word_vectors(
            embeddings
                .as_deref()
                .map(inputs::vector_lines)
                .transpose()?,
        );
        session.set_corpus(
            &Opened::new(&files),
            &read_options(&config, encoding, phase),
        )?;
        from.map_or(Ok(()), |model| session.import(model))?;
        if session.host().is_watched() {
            session.watch(&config)?;
        }
        block_on(async {
            match phase {
                Phase::Pretrain => session.pretrain(&name, &config, snapshot).await,
                Phase::Finetune => session.finetune(&name, &config, start, snapshot).await,
            }
        })
    })()
    .map_err(|error| naming_vectors(naming(error, &files), embeddings.as_deref()));
    if let Err(error) = &result {
        session.host().emit(failed(&name, error), Vec::new());
    }
    let open = session.host().detach();
    let (outcome, open) = (result?, open?);
    // A session may hold a classifier besides the language model that it has just trained.
    let model = block_on(async {
        match phase {
            Phase::Pretrain => session.export_language_model().await,
            Phase::Finetune => session.export().await,
        }
    })?;
    finish(open, &model, &outcome)?;
    Ok(outcome)
}

/// The last files of a run. Where its directory is lost, its model is saved beside it and the run ends with an error.
fn finish(open: OpenRun, model: &ModelFiles, outcome: &RunOutcome) -> Result<(), Error> {
    let OpenRun {
        dir,
        mut record,
        mut journal,
        ..
    } = open;
    record.status = if outcome.stopped {
        Status::Interrupted
    } else {
        Status::Finished
    };
    if !outcome.stopped {
        record.model_sha256 = digests_of(model);
    }
    let is_claimed = dir.check_claim().is_ok();
    if is_claimed && outcome.stopped && !checkpoints::steps(dir.path()).contains(&outcome.step) {
        return Err(Error::Io {
            message: format!(
                "the run was stopped, but its step {} could not be kept",
                outcome.step
            ),
            hint: "--resume goes on from the last checkpoint that was.".into(),
        });
    }
    let mut write = || {
        dir.write_model(model)?;
        // The log was told of where it cannot be written; now there may be room.
        let _ = journal.as_mut().map(Journal::write_waiting);
        write_last_files(&dir, &record)
    };
    // A run that was stopped goes on from its checkpoint, which must not make way for a model that is not final.
    let written = if outcome.stopped {
        write()
    } else {
        checkpoints::make_room_for(&dir, write)
    };
    match written {
        Err(failure) if failure.is_lost() => Err(rescue::save_model(dir.path(), &record, model)),
        result => Ok(result?),
    }
}

/// The record says how the run ended only once all other files are in place, so that a kill in between leaves a run that
/// `--resume` still completes.
fn write_last_files(dir: &RunDir, record: &Record) -> Result<(), WriteFailure> {
    let title = dir
        .path()
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let report = report::render(&title, &journal::events(dir.path()));
    dir.write(report::REPORT_FILE, report.as_bytes())?;
    dir.write(super::record::RECORD_FILE, &record.to_json())
}

/// Says which flags have no effect beside `--from`.
pub(super) fn warn_unused(flags: &[&str]) {
    if !flags.is_empty() {
        let flags = flags.join(", ");
        output::to_people(&format!(
            "warning: {flags} not used: the model in --from has its own shape and vocabulary"
        ));
    }
}

/// A new run. Its directory is claimed first, so that one that is taken is told before a long read.
fn fresh(common: &Common, request: &Request<'_>) -> Result<Run, Error> {
    let mut config = RunConfig::default();
    apply_flags(common, request, &mut config)?;
    let dir = RunDir::create(request.out)?;
    let sources = read_sources(request)?;
    let from = request.from.map(inputs::read_model).transpose()?;
    if from.is_some() {
        warn_unused(&request.training.shape_flags());
    }
    let origin = request
        .from
        .zip(from.as_ref())
        .map(|(path, model)| origin(path, model));
    let encoding = request.training.encoding.clone();
    let record = new_record(
        request.phase,
        phase_name(request.phase),
        config,
        encoding,
        origin,
        &sources,
    )?;
    let embeddings = request
        .training
        .embeddings_file()
        .filter(|_| from.is_none());
    // A file that cannot be opened is told before anything is trained.
    embeddings
        .as_deref()
        .map(inputs::vector_lines)
        .transpose()?;
    let record = Record {
        embeddings,
        ..record
    };
    Ok(Run {
        dir,
        record,
        files: files_of(sources),
        from,
        snapshot: None,
    })
}

/// The record of a run that has yet to start.
///
/// # Errors
/// When a file can no longer be read.
pub(super) fn new_record(
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

/// How a run reads its files.
pub(super) fn read_options(
    config: &RunConfig,
    encoding: Option<String>,
    phase: Phase,
) -> ReadOptions {
    // Pre-training reads lines, whatever folders they lie in.
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

/// Where a model came from, for the record.
pub(super) fn origin(path: &Path, model: &ModelFiles) -> Origin {
    let weights = model
        .iter()
        .find(|(name, _)| name == crate::interop::WEIGHTS_FILE);
    let weights = weights
        .map(|(_, bytes)| bytes.as_slice())
        .unwrap_or_default();
    Origin {
        path: path.into(),
        sha256: sha256(weights),
    }
}

/// The files alone.
pub(super) fn files_of(sources: Vec<Source>) -> Vec<InputFile> {
    sources.into_iter().map(|source| source.file).collect()
}

/// Finds what the command line names.
///
/// # Errors
/// When a path cannot be read.
pub(super) fn read_sources(request: &Request<'_>) -> Result<Vec<Source>, Error> {
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

/// Sets what the command line says.
///
/// # Errors
/// When a value cannot be read.
pub(super) fn apply_flags(
    common: &Common,
    request: &Request<'_>,
    config: &mut RunConfig,
) -> Result<(), Error> {
    common.apply(config)?;
    request.training.apply(config)?;
    args::set_given(config, &[("task", request.task)])
}

/// The command of a phase, which also names its run.
pub(super) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Pretrain => "pretrain",
        Phase::Finetune => "finetune",
    }
}
