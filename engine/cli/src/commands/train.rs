//! Executes a training run from start to end: claims the directory, reads the input, drives the
//! session and saves the model. Pre-training and fine-tuning, new or resumed, and the runs of the
//! demo all go through [`execute`].

use crate::args::{self, Common};
use crate::commands::resume::resumed;
use crate::commands::run::{
    Request, Run, apply_flags, files_of, new_record, origin, read_options, read_sources,
    warn_other_phase, warn_unused,
};
use crate::exit::ExitStatus;
use crate::host::NativeHost;
use crate::inputs;
use crate::report;
use crate::run_dir::checkpoints;
use crate::run_dir::journal::{self, Journal};
use crate::run_dir::model_digests::digests_of;
use crate::run_dir::open_run::OpenRun;
use crate::run_dir::record::{Record, Status, phase_name};
use crate::run_dir::rescue;
use crate::run_dir::store::{RunDir, WriteFailure, shown};
use crate::terminal::{output, signals};
use crate::text_refusals::{naming, naming_vectors};
use data::Opened;
use engine::error::Error;
use engine::session::{Host, ModelFiles, RunOutcome, Session, failed};
use futures_lite::future::block_on;
use protocol::{FileRole, Phase, RunConfig, Setting, StartFrom, message};
use std::path::Path;

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
    if request.training.tensorboard {
        session.host().write_tensorboard();
    }
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
        session.host().emit(failed(&name, error));
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
    dir.write(crate::run_dir::store::RECORD_FILE, &record.to_json())
}

/// Prepares a new run. Its directory is claimed first, so that a conflict is reported before a long
/// read.
fn new_run(common: &Common, request: &Request<'_>) -> Result<Run, Error> {
    let mut config = RunConfig::default();
    apply_flags(common, request, &mut config)?;
    warn_other_phase(request.training, request.phase, phase_name(request.phase));
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
