//! The `compare` command: runs the comparison of a session, saves each finished trial so that an
//! interrupted comparison can be resumed, and writes `report.json` and `report.html`.

use crate::args::{self, Common};
use crate::commands::run::{files_of, read_options, warn_other_phase, warn_unused};
use crate::exit::ExitStatus;
use crate::host::NativeHost;
use crate::inputs;
use crate::report;
use crate::report::compare_report;
use crate::run_dir::record::Versions;
use crate::run_dir::store::{RunDir, WriteFailure, shown};
use crate::run_dir::{journal, rescue};
use crate::terminal::output::{self, Reader};
use crate::terminal::signals;
use crate::text_refusals::naming;
use data::Opened;
use engine::error::Error;
use engine::session::{ComparisonProgress, Session, check_numbers, sha256};
use futures_lite::future::block_on;
use protocol::{
    CompareConfig, Comparison, ComparisonTrial, Event, FileRole, Message, Phase, RunConfig,
    Setting, message,
};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::path::Path;

/// File with the settings; marks the directory as that of a comparison.
const SETTINGS_FILE: &str = "compare.json";
/// File with the results as JSON.
const REPORT_JSON: &str = "report.json";
/// File with the finished trials, one per line.
const TRIALS_FILE: &str = "runs.jsonl";
/// Text before and after the digest of a line.
const DIGEST_START: &str = ",\"sha256\":\"";
const DIGEST_END: &str = "\"}";
/// Name of the comparison in its events.
const RUN: &str = "compare";

/// Everything that determines the results: a comparison is resumed only if all of it is unchanged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    config: RunConfig,
    compare: CompareConfig,
    model: String,
    inputs: Vec<String>,
    versions: Versions,
}

/// Runs the `compare` command.
///
/// # Errors
/// Returns an error if an argument, the input or the directory cannot be used, or a run fails.
pub(crate) fn compare(common: &Common, args: &args::Compare) -> Result<ExitStatus, Error> {
    let mut config = RunConfig::default();
    common.settings.apply(&mut config)?;
    let settings = args.training.settings.of_phase(Phase::Finetune);
    settings.apply(&mut config)?;
    warn_other_phase(&args.training, Phase::Finetune, "compare");
    check_numbers(&config)?;
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
        .find(|(name, _)| name == engine::interop::WEIGHTS_FILE)
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
        saved_trials(dir.path(), &settings)?
    } else {
        Vec::new()
    };
    signals::listen("and saving the finished runs");
    let mut session = block_on(Session::open(NativeHost::of(common), config.device))?;
    session.import(model)?;
    let files = files_of(sources);
    let options = read_options(&config, args.training.encoding.clone(), Phase::Finetune);
    session
        .set_corpus(&Opened::new(&files), &options)
        .and_then(|()| session.check_comparison(&config, &compare))
        .map_err(|error| naming(error, &files))?;
    dir.write(SETTINGS_FILE, &json(&settings))?;
    write_trials(&dir, &known)?;
    signals::resumable();
    let done = RefCell::new(known.clone());
    let mut on_cell = |trial: &ComparisonTrial| {
        done.borrow_mut().push(trial.clone());
        write_trials(&dir, &done.borrow())
            .map_err(|failure| rescue_trials(failure, &settings, &done.borrow()))
    };
    let progress = ComparisonProgress {
        known,
        on_cell: &mut on_cell,
        pretraining_secs: pretraining_secs(&args.from),
    };
    let Some(comparison) = block_on(session.compare(RUN, &config, &compare, progress))? else {
        output::print_stderr(&format!(
            "The finished runs are saved in {}; continue with --resume.",
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
        .map_err(|failure| rescue_trials(failure, &settings, &done.borrow()))?;
    print_results(common, &comparison, &args.out)
}

/// Rejects flags that the comparison sets itself, and warns about flags that have no effect on it.
fn check_flags(config: &RunConfig, training: &args::Training) -> Result<(), Error> {
    let refuse = |flag: &str, other: &str| Error::Input {
        code: "bad-setting",
        message: message!(
            "{flag} cannot be used with compare, which tries several values",
            flag
        ),
        hint: message!("Use {other} instead.", other),
    };
    if config.lr.is_some() {
        return Err(refuse("--lr", "--lrs"));
    }
    if config.label_fraction.is_some() {
        return Err(refuse("--label-fraction", "--label-fractions"));
    }
    warn_unused(&training.shape_flags());
    if training.tui {
        output::print_stderr(
            "warning: --tui not used: a comparison prints its progress line by line",
        );
    }
    if training.tensorboard {
        output::print_stderr("warning: --tensorboard not used: a comparison records no curves");
    }
    Ok(())
}

fn print_results(
    common: &Common,
    comparison: &Comparison,
    out: &Path,
) -> Result<ExitStatus, Error> {
    if !common.json && output::result(&compare_report::table(comparison))? == Reader::Gone {
        return Ok(ExitStatus::Done);
    }
    if !common.quiet {
        output::print_stderr(&format!(
            "Charts and results are in {}.",
            shown(&out.join(report::REPORT_FILE))
        ));
    }
    Ok(ExitStatus::Done)
}

/// Reads the finished trials of an interrupted comparison, after checking that it has the same
/// settings.
fn saved_trials(dir: &Path, settings: &Settings) -> Result<Vec<ComparisonTrial>, Error> {
    let refuse = |message: Message| Error::Input {
        code: "not-the-same-run",
        message,
        hint: message!(
            "Repeat the original command, or choose another {out}.",
            out = Setting::named("out")
        ),
    };
    let path = dir.join(SETTINGS_FILE);
    let bytes = std::fs::read(&path).unwrap_or_default();
    Versions::check(&path, &bytes)?;
    let Ok(before) = serde_json::from_slice::<Settings>(&bytes) else {
        return Err(refuse(message!(
            "{dir} contains no comparison that can be resumed",
            dir = shown(dir)
        )));
    };
    if before != *settings {
        return Err(refuse(message!(
            "{dir} contains a comparison with different settings, text or model",
            dir = shown(dir)
        )));
    }
    let bytes = std::fs::read(dir.join(TRIALS_FILE)).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let trials: Vec<ComparisonTrial> = text.lines().filter_map(parse_trial).collect();
    let damaged = text.lines().count() - trials.len();
    if damaged > 0 {
        let path = shown(&dir.join(TRIALS_FILE));
        output::print_stderr(&format!(
            "warning: damaged lines in {path}: {damaged}; their runs are repeated"
        ));
    }
    Ok(trials)
}

/// Formats a finished trial as a line of JSON. Its last field is the SHA-256 of the JSON without
/// that field.
fn format_trial(trial: &ComparisonTrial) -> String {
    let json = serde_json::to_string(trial).expect("a run serialises");
    let open = json.strip_suffix('}').expect("a run is an object");
    format!(
        "{open}{DIGEST_START}{}{DIGEST_END}\n",
        sha256(json.as_bytes())
    )
}

/// Parses a line of [`format_trial`]. Returns `None` if it is not what was written.
fn parse_trial(line: &str) -> Option<ComparisonTrial> {
    let Some((open, end)) = line.split_once(DIGEST_START) else {
        // Lines of older versions have no digest; they are intact if serialising them again gives
        // the same text.
        let trial: ComparisonTrial = serde_json::from_str(line).ok()?;
        return (serde_json::to_string(&trial).ok()? == line).then_some(trial);
    };
    let json = format!("{open}}}");
    let is_intact = end.strip_suffix(DIGEST_END)? == sha256(json.as_bytes());
    is_intact
        .then(|| serde_json::from_str(&json).ok())
        .flatten()
}

/// Returns the error that ends a comparison. If its directory is lost, the finished trials are
/// saved next to it.
fn rescue_trials(failure: WriteFailure, settings: &Settings, trials: &[ComparisonTrial]) -> Error {
    let WriteFailure::Lost { path } = &failure else {
        return failure.into();
    };
    let saved = rescue::save(path, |dir| {
        dir.write(SETTINGS_FILE, &json(settings))?;
        write_trials(dir, trials)
    });
    let what = format!("{} finished runs", trials.len());
    rescue::ended(path, &what, saved, |place| {
        message!(
            "Repeat the command with {resume} {out} {place} to continue.",
            place,
            resume = Setting::named("resume"),
            out = Setting::named("out")
        )
    })
}

fn write_trials(dir: &RunDir, trials: &[ComparisonTrial]) -> Result<(), WriteFailure> {
    dir.write(
        TRIALS_FILE,
        trials
            .iter()
            .map(format_trial)
            .collect::<String>()
            .as_bytes(),
    )
}

/// Returns the duration of the pre-training run in a model directory, in seconds, if its log
/// records one.
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

    fn trial() -> ComparisonTrial {
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
    fn a_trial_is_read_back_unchanged_or_rejected() {
        let line = format_trial(&trial());
        let line = line.trim_end();
        assert_eq!(parse_trial(line), Some(trial()));
        assert_eq!(
            parse_trial(&serde_json::to_string(&trial()).expect("plain data")),
            Some(trial()),
            "of an older version"
        );
        for at in 0..line.len() {
            assert_eq!(parse_trial(&line[..at]), None, "cut at {at}");
            let mut bytes = line.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert_eq!(
                parse_trial(&String::from_utf8_lossy(&bytes)),
                None,
                "byte {at}"
            );
        }
    }
}
