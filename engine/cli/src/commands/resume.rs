//! Resumes an interrupted run: with the same flags, the same text and the newest intact checkpoint.
//! Any difference is rejected before anything is changed, since a run that continues differently is
//! a different run.

use crate::args::Common;
use crate::commands::run::{Request, Run, apply_flags, files_of, new_record, origin, read_sources};
use crate::inputs::{self, Source};
use crate::run_dir::checkpoints;
use crate::run_dir::journal::JOURNAL_FILE;
use crate::run_dir::model_digests;
use crate::run_dir::record::phase_name;
use crate::run_dir::record::{Input, Origin, Record, Status};
use crate::run_dir::store::{RECORD_FILE, RunDir, shown};
use crate::terminal::output;
use data::InputFile;
use engine::error::Error;
use engine::session::{ModelFiles, Snapshot, resumable};
use protocol::{Message, Phase, Setting, SettingSpec, message};
use std::path::Path;

/// Prepares an interrupted run to continue as it was. Returns `None` if it is already finished.
///
/// # Errors
/// Returns an error if the directory holds no such run or is in use, a flag or the text differs, or
/// all checkpoints are damaged.
pub(crate) fn resumed(common: &Common, request: &Request<'_>) -> Result<Option<Run>, Error> {
    if !request.out.join(RECORD_FILE).exists() && !checkpoints::steps(request.out).is_empty() {
        return resumed_from_page(common, request).map(Some);
    }
    let dir = RunDir::reopen(request.out, RECORD_FILE)?;
    let record = Record::read(request.out)?;
    check_same_run(common, request, &record)?;
    if record.status == Status::Finished {
        model_digests::check_on_disk(request.out)?;
        output::print_stderr(&format!(
            "{} is already finished; there is nothing to resume. Use --from to start another run from it.",
            shown(request.out)
        ));
        return Ok(None);
    }
    let files = read_again(request, &record)?;
    let snapshot = newest_checkpoint(request.out)?;
    // A checkpoint contains the weights. Without one, the run starts over from the model that it
    // started from.
    let origin = record.from.as_ref().filter(|_| snapshot.is_none());
    let from = origin.map(same_model).transpose()?;
    Ok(Some(Run {
        dir,
        record,
        files,
        from,
        snapshot,
    }))
}

/// Prepares a run that was started on the page: its directory has checkpoints but no record. The
/// text has to be given, and the session checks that it is the text of the run.
fn resumed_from_page(common: &Common, request: &Request<'_>) -> Result<Run, Error> {
    let dir = RunDir::reopen(request.out, JOURNAL_FILE)?;
    let sources = read_sources(request)?;
    if sources.is_empty() {
        let text = if request.phase == Phase::Pretrain {
            "--corpus"
        } else {
            "--train"
        };
        return Err(Error::Input {
            code: "no-text",
            message: message!(
                "{dir} does not record which text the run was trained on",
                dir = shown(request.out)
            ),
            hint: message!(
                "Pass the original files with {text} (and {valid}, if it was used).",
                text,
                valid = Setting::named("valid")
            ),
        });
    }
    let snapshot = newest_checkpoint(request.out)?
        .expect("a directory with checkpoints has a whole one, or an error");
    let (phase, config) = resumable(&snapshot)?;
    let record = new_record(
        phase,
        phase_name(phase),
        config,
        request.training.encoding.clone(),
        None,
        &sources,
    )?;
    check_same_run(common, request, &record)?;
    Ok(Run {
        dir,
        record,
        files: files_of(sources),
        from: None,
        snapshot: Some(snapshot),
    })
}

fn newest_checkpoint(out: &Path) -> Result<Option<Snapshot>, Error> {
    let (snapshot, damaged) = checkpoints::newest(out);
    let reasons = damaged
        .iter()
        .map(|checkpoint| format!("step {}: {}", checkpoint.step, checkpoint.reason));
    let reasons: Vec<String> = reasons.collect();
    if snapshot.is_none() && !damaged.is_empty() {
        return Err(Error::Input {
            code: "no-whole-checkpoint",
            message: message!(
                "{out} has no intact checkpoint ({reasons})",
                out = shown(out),
                reasons = reasons.join("; ")
            ),
            hint: message!(
                "Start a new run in another {out}; nothing was changed here.",
                out = Setting::named("out")
            ),
        });
    }
    if let Some(snapshot) = snapshot.as_ref().filter(|_| !damaged.is_empty()) {
        let step = snapshot.step;
        output::print_stderr(&format!(
            "warning: resuming from step {step}, because newer checkpoints are damaged ({})",
            reasons.join("; ")
        ));
    }
    Ok(snapshot)
}

/// Checks that the flags are those of the recorded run: they may be repeated, but not changed.
fn check_same_run(common: &Common, request: &Request<'_>, record: &Record) -> Result<(), Error> {
    if record.phase != request.phase {
        let command = phase_name(record.phase);
        return Err(another_run(message!(
            "{dir} contains a run of the {command} command",
            dir = shown(request.out),
            command
        )));
    }
    let mut config = record.config.clone();
    apply_flags(common, request, &mut config)?;
    let (before, now) = (record.config.pairs(), config.pairs());
    if let Some((flag, _)) = now
        .iter()
        .chain(&before)
        .find(|pair| !before.contains(pair) || !now.contains(pair))
    {
        let value = |pairs: &[(&str, String)]| {
            let found = pairs.iter().find(|(name, _)| name == flag);
            found.map_or("the default".to_string(), |(_, value)| value.clone())
        };
        let (before, now, flag) = (
            value(&before),
            value(&now),
            SettingSpec::find(flag).map_or(*flag, |spec| spec.key),
        );
        return Err(another_run(message!(
            "the interrupted run used {before} for --{flag}, not {now}",
            flag,
            before,
            now
        )));
    }
    if let Some(vectors) = request.training.embeddings_file() {
        // The path may be relative to another folder now.
        let before = record.embeddings.as_deref().and_then(Path::file_name);
        if before != vectors.file_name() {
            return Err(another_run(message!(
                "the interrupted run did not start from the word vectors in {file}",
                file = shown(&vectors)
            )));
        }
    }
    if request.training.encoding.is_some() && request.training.encoding != record.encoding {
        return Err(another_run(message!(
            "the interrupted run used a different {encoding}",
            encoding = Setting::named("encoding")
        )));
    }
    request
        .from
        .map_or(Ok(()), |path| check_same_origin(path, record.from.as_ref()))
}

/// Checks that the model given with `--from` is the one that the run started from, wherever it is
/// now.
fn check_same_origin(path: &Path, before: Option<&Origin>) -> Result<(), Error> {
    let Some(before) = before else {
        return Err(another_run(message!(
            "the interrupted run was started without {from}",
            from = Setting::named("from")
        )));
    };
    let now = origin(path, &inputs::read_model(path)?);
    if now.sha256 == before.sha256 {
        return Ok(());
    }
    let (path, before) = (shown(path), shown(&before.path));
    Err(another_run(message!(
        "{path} is not the model that the interrupted run started from, which was {before}",
        path,
        before
    )))
}

fn another_run(message: Message) -> Error {
    Error::Input {
        code: "not-the-same-run",
        message,
        hint: message!(
            "Use the original command and flags to continue the run, or start a new one in another {out}.",
            out = Setting::named("out")
        ),
    }
}

/// Returns the error for text other than that of the run: files on the command line, or the run's own
/// files if they have changed.
fn another_text(name: &str, given: bool) -> Error {
    let file = output::plain(name);
    let from = Setting::named("from");
    let (message, hint) = if given {
        (
            message!(
                "{file} is not what the interrupted run read, so the run cannot be resumed with it",
                file
            ),
            message!(
                "Leave the files out to read the original ones, or start a new run from the weights of this one with {from}.",
                from
            ),
        )
    } else {
        (
            message!(
                "{file} has changed since the interrupted run read it, so the run cannot be resumed exactly",
                file
            ),
            message!(
                "Restore the original text, or start a new run from the weights of this one with {from}.",
                from
            ),
        )
    };
    Error::Input {
        code: "corpus-changed",
        message,
        hint,
    }
}

/// Returns the input files of the run: those given on the command line, otherwise the recorded
/// ones. In both cases the content must be unchanged.
fn read_again(request: &Request<'_>, record: &Record) -> Result<Vec<InputFile>, Error> {
    let given = request.paths.iter().any(|(paths, _)| !paths.is_empty());
    let mut sources = if given {
        read_sources(request)?
    } else {
        read_recorded(record)?
    };
    let found = sources
        .iter()
        .map(Input::of)
        .collect::<Result<Vec<Input>, _>>()?;
    let same = |(now, then): (&Input, &Input)| now.sha256 == then.sha256 && now.role == then.role;
    let differs = found
        .iter()
        .zip(&record.inputs)
        .position(|pair| !same(pair));
    if differs.is_some() || found.len() != record.inputs.len() {
        let read = if given { &found } else { &record.inputs };
        let name = differs.map_or("the list of files", |index| &read[index].name);
        return Err(another_text(name, given));
    }
    // Events contain file names; a resumed run uses the same ones as before.
    sources
        .iter_mut()
        .zip(&record.inputs)
        .for_each(|(source, then)| source.file.name = then.name.clone());
    Ok(files_of(sources))
}

fn read_recorded(record: &Record) -> Result<Vec<Source>, Error> {
    let read = |input: &Input| inputs::read(std::slice::from_ref(&input.path), input.role);
    record
        .inputs
        .iter()
        .map(read)
        .collect::<Result<Vec<_>, _>>()
        .map(|sources| sources.concat())
}

fn same_model(from: &Origin) -> Result<ModelFiles, Error> {
    let model = inputs::read_model(&from.path)?;
    if origin(&from.path, &model) == *from {
        return Ok(model);
    }
    Err(Error::Input {
        code: "model-changed",
        message: message!(
            "the model in {from} is not the one that the run started from",
            from = shown(&from.path)
        ),
        hint: message!(
            "Start a new run in another {out}.",
            out = Setting::named("out")
        ),
    })
}
