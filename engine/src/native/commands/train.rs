//! Executes a training run from start to end: claims the directory, reads the input, drives the
//! session and saves the model. Pre-training and fine-tuning, new or resumed, and the runs of the
//! demo all go through [`execute`].

use crate::data::{InputFile, Opened, ReadOptions};
use crate::error::Error;
use crate::native::args::{self, Common, Training};
use crate::native::host::{NativeHost, OpenRun};
use crate::native::inputs::{self, Source};
use crate::native::report;
use crate::native::run_dir::checkpoints;
use crate::native::run_dir::journal::{self, Journal};
use crate::native::run_dir::model_digests::digests_of;
use crate::native::run_dir::record::{Input, Origin, Record, Status, Versions};
use crate::native::run_dir::rescue;
use crate::native::run_dir::resume::resumed;
use crate::native::run_dir::store::{RunDir, WriteFailure, shown};
use crate::native::terminal::{output, signals};
use crate::native::text_refusals::{naming, naming_vectors};
use crate::session::{Host, ModelFiles, RunOutcome, Session, Snapshot, failed, sha256};
use futures_lite::future::block_on;
use protocol::{FileRole, Phase, RunConfig, Setting, StartFrom, message};
use std::path::{Path, PathBuf};

/// How a command ended, unless it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// The command completed.
    Done,
    /// The command was stopped and can be resumed.
    Interrupted,
}

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

/// Runs the `pretrain` command.
///
/// # Errors
/// Returns an error if an argument, the input or the directory cannot be used, or the run fails.
pub(crate) fn pretrain(common: &Common, args: &args::Pretrain) -> Result<ExitStatus, Error> {
    let request = Request {
        phase: Phase::Pretrain,
        out: &args.out,
        paths: vec![
            (&args.corpus, FileRole::Train),
            (&args.valid, FileRole::Valid),
        ],
        from: args.from.as_deref(),
        training: &args.training,
    };
    train(common, &request)
}

/// Runs the `finetune` command.
///
/// # Errors
/// Returns an error if an argument, the input or the directory cannot be used, or the run fails.
pub(crate) fn finetune(common: &Common, args: &args::Finetune) -> Result<ExitStatus, Error> {
    let request = Request {
        phase: Phase::Finetune,
        out: &args.out,
        paths: vec![
            (&args.train, FileRole::Train),
            (&args.valid, FileRole::Valid),
            (&args.test, FileRole::Test),
        ],
        from: args.from.as_deref(),
        training: &args.training,
    };
    train(common, &request)
}

fn train(common: &Common, request: &Request<'_>) -> Result<ExitStatus, Error> {
    let run = if request.training.resume {
        resumed(common, request)?
    } else {
        Some(new_run(common, request)?)
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
    outcome.map(|outcome| report_outcome(common, &out, outcome))
}

fn report_outcome(common: &Common, out: &Path, outcome: RunOutcome) -> ExitStatus {
    if outcome.stopped {
        output::print_stderr(&format!(
            "Saved {} at step {}; continue with --resume.",
            shown(out),
            outcome.step
        ));
        return ExitStatus::Interrupted;
    }
    if !common.quiet {
        output::print_stderr(&format!(
            "The model is in {}, with its charts in report.html.",
            shown(out)
        ));
    }
    ExitStatus::Done
}

/// Executes one run in a session and writes all of its files.
///
/// # Errors
/// Returns an error if the input is rejected (nothing is then left on disk), the run fails or a
/// file cannot be written.
pub(crate) fn execute(session: &mut Session<NativeHost>, run: Run) -> Result<RunOutcome, Error> {
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
        StartFrom::Scratch
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
    // Besides the language model that it has just trained, the session may hold a classifier.
    let model = block_on(async {
        match phase {
            Phase::Pretrain => session.export_language_model().await,
            Phase::Finetune => session.export().await,
        }
    })?;
    finish(open, &model, &outcome)?;
    Ok(outcome)
}

/// Writes the last files of a run. If the directory is lost, the model is saved next to it and the
/// run ends with an error.
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
            message: message!(
                "the run was stopped, but step {step} could not be saved",
                step = outcome.step
            ),
            hint: message!(
                "{resume} continues from the last checkpoint that was saved.",
                resume = Setting::named("resume")
            ),
        });
    }
    let mut write = || {
        dir.write_model(model)?;
        // Retry the queued log lines, since there may be room by now. A failure was reported
        // already.
        let _ = journal.as_mut().map(Journal::write_waiting);
        write_last_files(&dir, &record)
    };
    // A stopped run resumes from its checkpoint, which must not be deleted to make room for an
    // unfinished model.
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

/// Writes the report and then the record. The record comes last, so that a kill in between leaves a
/// run that `--resume` can still complete.
fn write_last_files(dir: &RunDir, record: &Record) -> Result<(), WriteFailure> {
    let title = dir
        .path()
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let report = report::render(&title, &journal::events(dir.path()));
    dir.write(report::REPORT_FILE, report.as_bytes())?;
    dir.write(
        crate::native::run_dir::record::RECORD_FILE,
        &record.to_json(),
    )
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

/// Prepares a new run. Its directory is claimed first, so that a conflict is reported before a long
/// read.
fn new_run(common: &Common, request: &Request<'_>) -> Result<Run, Error> {
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
    // A file that cannot be opened is reported before training starts.
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
        .find(|(name, _)| name == crate::interop::WEIGHTS_FILE);
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
/// Returns an error if a value cannot be parsed.
pub(crate) fn apply_flags(
    common: &Common,
    request: &Request<'_>,
    config: &mut RunConfig,
) -> Result<(), Error> {
    common.settings.apply(config)?;
    request.training.settings.apply(config)
}

/// Returns the name of the command for a phase, which is also the name of its run.
pub(crate) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Pretrain => "pretrain",
        Phase::Finetune => "finetune",
    }
}
