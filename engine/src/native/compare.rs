//! The `compare` command: drives a session's comparison, keeps each finished run beside it so that an interrupted one
//! can go on, and writes `report.json` and `report.html`.

use super::args::{self, Common};
use super::compare_report;
use super::host::NativeHost;
use super::inputs;
use super::output::{self, Reader};
use super::record::Versions;
use super::store::{RunDir, WriteFailure, shown};
use super::text_refusals::naming;
use super::train::{ExitStatus, files_of, read_options, warn_unused};
use super::{journal, report, rescue, signals};
use crate::data::Opened;
use crate::error::Error;
use crate::session::{ComparisonProgress, Session, sha256};
use futures_lite::future::block_on;
use protocol::{CompareConfig, Comparison, ComparisonTrial, Event, FileRole, Phase, RunConfig};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::path::Path;

/// What was asked for; marks the directory as a comparison's.
const SETTINGS_FILE: &str = "compare.json";
/// The comparison as data.
const REPORT_JSON: &str = "report.json";
/// Finished runs, one per line.
const CELLS_FILE: &str = "runs.jsonl";
/// Before and after a line's digest.
const DIGEST_START: &str = ",\"sha256\":\"";
const DIGEST_END: &str = "\"}";
/// Names the comparison in events.
const RUN: &str = "compare";

/// All that the outcome depends on: a comparison goes on only as the same one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    config: RunConfig,
    compare: CompareConfig,
    model: String,
    inputs: Vec<String>,
    versions: Versions,
}

/// The `compare` command.
///
/// # Errors
/// When an argument, the input or the directory cannot be used, or a run fails.
pub(super) fn compare(common: &Common, args: &args::Compare) -> Result<ExitStatus, Error> {
    let mut config = RunConfig::default();
    common.apply(&mut config)?;
    args.training.apply(&mut config)?;
    args::set_given(&mut config, &[("task", &args.task)])?;
    let compare = args.settings()?;
    check_flags(&config, &args.training)?;
    let dir = if args.training.resume {
        RunDir::reopen(&args.out, SETTINGS_FILE)
    } else {
        RunDir::create(&args.out)
    }?;
    let mut sources = Vec::new();
    for (paths, role) in [
        (&args.train, FileRole::Train),
        (&args.valid, FileRole::Valid),
        (&args.test, FileRole::Test),
    ] {
        let found = if role == FileRole::Train {
            inputs::read_for_training(paths)
        } else {
            inputs::read(paths, Some(role))
        };
        sources.extend(found?);
    }
    let model = inputs::read_model(&args.from)?;
    let weights = model
        .iter()
        .find(|(name, _)| name == crate::interop::WEIGHTS_FILE)
        .expect("a model has weights");
    let settings = Settings {
        config: config.clone(),
        compare: compare.clone(),
        model: sha256(&weights.1),
        inputs: sources
            .iter()
            .map(|source| inputs::sha256_of(&source.path, &*source.file.content))
            .collect::<Result<_, _>>()?,
        versions: Versions::current(),
    };
    let known = if args.training.resume {
        remembered(dir.path(), &settings)?
    } else {
        Vec::new()
    };
    signals::listen("and keeping the runs that are done");
    let mut session = block_on(Session::open(NativeHost::of(common), config.device))?;
    session.import(model)?;
    let files = files_of(sources);
    let options = read_options(&config, args.training.encoding.clone(), Phase::Finetune);
    session
        .set_corpus(&Opened::new(&files), &options)
        .and_then(|()| session.check_comparison(&config, &compare))
        .map_err(|error| naming(error, &files))?;
    dir.write(SETTINGS_FILE, &json(&settings))?;
    write_cells(&dir, &known)?;
    signals::resumable();
    let done = RefCell::new(known.clone());
    let mut on_cell = |cell: &ComparisonTrial| {
        done.borrow_mut().push(cell.clone());
        write_cells(&dir, &done.borrow())
            .map_err(|failure| unwritten(failure, &settings, &done.borrow()))
    };
    let progress = ComparisonProgress {
        known,
        on_cell: &mut on_cell,
        pretraining_secs: pretraining_secs(&args.from),
    };
    let Some(comparison) = block_on(session.compare(RUN, &config, &compare, progress))? else {
        output::to_people(&format!(
            "{} keeps the finished runs; --resume goes on from them.",
            shown(&args.out)
        ));
        return Ok(ExitStatus::Interrupted);
    };
    dir.write(REPORT_JSON, &json(&comparison))
        .and_then(|()| {
            dir.write(
                report::REPORT_FILE,
                compare_report::render(&comparison).as_bytes(),
            )
        })
        .map_err(|failure| unwritten(failure, &settings, &done.borrow()))?;
    tell(common, &comparison, &args.out)
}

/// What each arm decides for itself cannot be given, and what the model brings along is not used.
fn check_flags(config: &RunConfig, training: &args::Training) -> Result<(), Error> {
    let refuse = |flag: &str, other: &str| Error::Input {
        code: "bad-setting",
        message: format!("{flag} is not for compare, which tries more than one"),
        hint: format!("Use {other} instead."),
    };
    if config.lr.is_some() {
        return Err(refuse("--lr", "--lrs"));
    }
    if config.label_fraction.is_some() {
        return Err(refuse("--label-fraction", "--label-fractions"));
    }
    warn_unused(&training.shape_flags());
    if training.tui {
        output::to_people("warning: --tui not used: a comparison shows its progress line by line");
    }
    Ok(())
}

fn tell(common: &Common, comparison: &Comparison, out: &Path) -> Result<ExitStatus, Error> {
    if !common.json && output::result(&compare_report::table(comparison))? == Reader::Gone {
        return Ok(ExitStatus::Done);
    }
    if !common.quiet {
        output::to_people(&format!(
            "Charts and figures are in {}.",
            shown(&out.join(report::REPORT_FILE))
        ));
    }
    Ok(ExitStatus::Done)
}

/// The runs of an interrupted comparison, if it is this one.
fn remembered(dir: &Path, settings: &Settings) -> Result<Vec<ComparisonTrial>, Error> {
    let refuse = |message: String| Error::Input {
        code: "not-the-same-run",
        message,
        hint: "Repeat the command as it was, or choose another --out.".into(),
    };
    let path = dir.join(SETTINGS_FILE);
    let bytes = std::fs::read(&path).unwrap_or_default();
    Versions::check(&path, &bytes)?;
    let Ok(before) = serde_json::from_slice::<Settings>(&bytes) else {
        return Err(refuse(format!(
            "{} holds no comparison to go on with",
            shown(dir)
        )));
    };
    if before != *settings {
        return Err(refuse(format!(
            "{} holds a comparison with other settings, text or model",
            shown(dir)
        )));
    }
    let bytes = std::fs::read(dir.join(CELLS_FILE)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let cells: Vec<ComparisonTrial> = text.lines().filter_map(cell_of).collect();
    let damaged = text.lines().count() - cells.len();
    if damaged > 0 {
        let path = shown(&dir.join(CELLS_FILE));
        output::to_people(&format!(
            "warning: damaged lines in {path}: {damaged}; their runs are repeated"
        ));
    }
    Ok(cells)
}

/// A finished run as a line: its JSON, at whose end the SHA-256 of the JSON without it is inserted.
fn line_of(cell: &ComparisonTrial) -> String {
    let json = serde_json::to_string(cell).expect("a run serialises");
    let open = json.strip_suffix('}').expect("a run is an object");
    format!(
        "{open}{DIGEST_START}{}{DIGEST_END}\n",
        sha256(json.as_bytes())
    )
}

/// The finished run of a line; nothing where it is not what was written.
fn cell_of(line: &str) -> Option<ComparisonTrial> {
    let Some((open, end)) = line.split_once(DIGEST_START) else {
        // From before lines had a digest: the same characters are written again.
        let cell: ComparisonTrial = serde_json::from_str(line).ok()?;
        return (serde_json::to_string(&cell).ok()? == line).then_some(cell);
    };
    let json = format!("{open}}}");
    let is_whole = end.strip_suffix(DIGEST_END)? == sha256(json.as_bytes());
    is_whole.then(|| serde_json::from_str(&json).ok()).flatten()
}

/// The error that ends a comparison. Where its directory is lost, the finished runs are saved beside it.
fn unwritten(failure: WriteFailure, settings: &Settings, cells: &[ComparisonTrial]) -> Error {
    let WriteFailure::Lost { path } = &failure else {
        return failure.into();
    };
    let saved = rescue::save(path, |dir| {
        dir.write(SETTINGS_FILE, &json(settings))?;
        write_cells(dir, cells)
    });
    let what = format!("{} finished runs", cells.len());
    rescue::ended(path, &what, saved, |place| {
        format!("Repeat the command with --resume --out {place} to go on.")
    })
}

fn write_cells(dir: &RunDir, cells: &[ComparisonTrial]) -> Result<(), WriteFailure> {
    dir.write(
        CELLS_FILE,
        cells.iter().map(line_of).collect::<String>().as_bytes(),
    )
}

/// Seconds of the pre-training that made a model directory, where its events tell.
fn pretraining_secs(model: &Path) -> Option<f64> {
    let events = journal::events(model);
    let pretrained = events.iter().any(|event| {
        matches!(
            event,
            Event::Started {
                phase: Phase::Pretrain,
                ..
            }
        )
    });
    events.iter().rev().find_map(|event| match event {
        Event::Finished { elapsed_secs, .. } if pretrained => Some(*elapsed_secs),
        _ => None,
    })
}

fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("plain data serialises");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{ComparisonRun, Figures};

    fn cell() -> ComparisonTrial {
        let test = Figures {
            micro_f1: 0.1 + 0.2,
            ..Figures::default()
        };
        let run = ComparisonRun {
            seed: 7,
            valid_micro_f1: 0.25,
            test,
            valid: Vec::new(),
            elapsed_secs: 1.5,
            diverged: false,
        };
        ComparisonTrial {
            pretrained: true,
            label_fraction: 0.5,
            lr: 3e-3,
            run,
        }
    }

    #[test]
    fn a_line_comes_back_as_it_was_or_not_at_all() {
        let line = line_of(&cell());
        let line = line.trim_end();
        assert_eq!(cell_of(line), Some(cell()));
        assert_eq!(
            cell_of(&serde_json::to_string(&cell()).expect("plain data")),
            Some(cell()),
            "of an older version"
        );
        for at in 0..line.len() {
            assert_eq!(cell_of(&line[..at]), None, "cut at {at}");
            let mut bytes = line.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert_eq!(cell_of(&String::from_utf8_lossy(&bytes)), None, "byte {at}");
        }
    }
}
