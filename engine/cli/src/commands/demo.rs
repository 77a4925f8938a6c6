//! The `demo` command: shows what pre-training gains on the bundled corpus, in a few minutes on a
//! CPU.
//!
//! Three runs share one session: pre-training on all bundled text, then the same fine-tuning twice
//! under the same budget, from the pre-trained weights and from random ones. Each has an ordinary
//! run directory, and the text is saved next to them, so that every run can be repeated, resumed
//! and inspected with the other commands.

use crate::args::{Common, Demo};
use crate::commands::run::{Run, files_of, new_record, origin};
use crate::commands::train::execute;
use crate::exit::ExitStatus;
use crate::host::NativeHost;
use crate::inputs::Source;
use crate::run_dir::store::{RunDir, shown};
use crate::terminal::{output, signals};
use data::InputFile;
use engine::error::Error;
use engine::session::{DecisionRule, ModelFiles, Session};
use futures_lite::future::block_on;
use protocol::{ClassifierMetrics, Cloze, FileRole, MaskPrediction, Metrics, Phase, RunConfig};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Bundled training text with labels, one document per line.
pub(crate) const TRAIN: &str = include_str!("../../../../public/bundle/train.txt");
/// Bundled validation text with labels, one document per line.
pub(crate) const VALID: &str = include_str!("../../../../public/bundle/valid.txt");
const TEST: &str = include_str!("../../../../public/bundle/test.txt");
const EXTRA: &str = include_str!("../../../../public/bundle/pretrain_extra.txt");
/// Licence of the bundled text, which is copied along with it.
const LICENCE: &str = include_str!("../../../../public/bundle/LICENSE.wordnet");

/// Number of labelled documents for fine-tuning: few, since pre-training matters most when labels
/// are scarce.
const LABELLED_LINES: usize = 2000;
/// Epochs of pre-training: about two minutes on two cores.
const PRETRAIN_EPOCHS: f64 = 3.0;
/// Epochs of each fine-tuning run, as in the reference runs of `docs/recipes.md`.
const FINETUNE_EPOCHS: f64 = 5.0;
/// Cloze sentences in the style of the bundled text, each with the words that fit.
const CLOZES: &str = include_str!("../../../../public/bundle/cloze.txt");
/// Predictions per mask; a sentence counts as solved if a fitting word is among them.
const TOP_K: usize = 5;

/// Test metrics of one fine-tuning run.
#[derive(Serialize)]
struct Arm {
    start: &'static str,
    #[serde(flatten)]
    test: ClassifierMetrics,
    seconds: f64,
}

/// A cloze sentence with its predictions.
#[derive(Serialize)]
struct Filled {
    text: String,
    /// Whether a fitting word is among the predictions.
    found: bool,
    masks: Vec<MaskPrediction>,
}

impl Filled {
    fn new(cloze: Cloze, masks: Vec<MaskPrediction>) -> Self {
        let candidates = masks.iter().flat_map(|mask| &mask.candidates);
        let found = cloze.is_found(candidates.map(|candidate| candidate.token.as_str()));
        Self {
            text: cloze.text,
            found,
            masks,
        }
    }
}

/// The last line of the output of `demo --json`.
#[derive(Serialize)]
struct Comparison<'a> {
    comparison: &'a [Arm],
    fill_mask: &'a [Filled],
    out: String,
}

/// Runs the `demo` command.
///
/// # Errors
/// Returns an error if `--out` cannot be used or a run fails.
pub(crate) fn demo(common: &Common, args: &Demo) -> Result<ExitStatus, Error> {
    let mut config = RunConfig::default();
    common.settings.apply(&mut config)?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("runs/demo-{}", stamp(SystemTime::now()))));
    let root = RunDir::create(&out)?;
    signals::listen(signals::A_CHECKPOINT);
    let mut session = block_on(Session::open(NativeHost::of(common), config.device))?;
    root.write("LICENSE.wordnet", LICENCE.as_bytes())?;
    let corpus = Corpus { root: &root };
    if !corpus.pretrain(&mut session, &config)? {
        return Ok(interrupted(&out, "pretrained"));
    }
    let model = block_on(session.export())?;
    let fill = |cloze: Cloze| {
        let masks = block_on(session.fill_mask(&cloze.text, TOP_K))?;
        Ok::<_, Error>(Filled::new(cloze, masks))
    };
    let filled = Cloze::read(CLOZES)
        .into_iter()
        .map(fill)
        .collect::<Result<Vec<_>, _>>()?;
    let mut arms = Vec::new();
    for (folder, start, from) in [
        ("finetuned", "pre-trained", Some(&model)),
        ("scratch", "from scratch", None),
    ] {
        match corpus.finetune(&mut session, &config, folder, start, from)? {
            Some(arm) => arms.push(arm),
            None => return Ok(interrupted(&out, folder)),
        }
    }
    show(common, &arms, &filled, &out)
}

/// The bundled text, saved next to the runs that read it.
struct Corpus<'a> {
    root: &'a RunDir,
}

impl Corpus<'_> {
    /// Pre-trains on the bundled text. Returns false if the run was stopped.
    fn pretrain(
        &self,
        session: &mut Session<NativeHost>,
        config: &RunConfig,
    ) -> Result<bool, Error> {
        let config = RunConfig {
            epochs: Some(PRETRAIN_EPOCHS),
            ..config.clone()
        };
        let texts = [
            ("train.txt", TRAIN, FileRole::Train),
            ("pretrain_extra.txt", EXTRA, FileRole::Train),
            ("valid.txt", VALID, FileRole::Valid),
        ];
        let sources = texts
            .map(|(name, text, role)| self.source(name, text, role))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let record = new_record(Phase::Pretrain, "pretrain", config, None, None, &sources)?;
        let dir = RunDir::create(&self.root.path().join("pretrained"))?;
        let run = Run {
            dir,
            record,
            files: files_of(sources),
            from: None,
            snapshot: None,
        };
        Ok(!execute(session, run)?.stopped)
    }

    /// Fine-tunes and evaluates on the test set. Returns `None` if the run was stopped.
    fn finetune(
        &self,
        session: &mut Session<NativeHost>,
        config: &RunConfig,
        folder: &str,
        start: &'static str,
        from: Option<&ModelFiles>,
    ) -> Result<Option<Arm>, Error> {
        let config = RunConfig {
            epochs: Some(FINETUNE_EPOCHS),
            ..config.clone()
        };
        let few: String = TRAIN.split_inclusive('\n').take(LABELLED_LINES).collect();
        let texts = [
            ("train_few.txt", few.as_str(), FileRole::Train),
            ("valid.txt", VALID, FileRole::Valid),
            ("test.txt", TEST, FileRole::Test),
        ];
        let sources = texts
            .map(|(name, text, role)| self.source(name, text, role))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let origin = from.map(|model| origin(&self.root.path().join("pretrained"), model));
        let record = new_record(Phase::Finetune, folder, config, None, origin, &sources)?;
        let dir = RunDir::create(&self.root.path().join(folder))?;
        let run = Run {
            dir,
            record,
            files: files_of(sources),
            from: from.cloned(),
            snapshot: None,
        };
        let seed = run.record.config.seed;
        let outcome = execute(session, run)?;
        if outcome.stopped {
            return Ok(None);
        }
        match block_on(session.evaluate(folder, "test", DecisionRule::Tuned, seed))? {
            Metrics::Classifier(test) => Ok(Some(Arm {
                start,
                test,
                seconds: outcome.elapsed_secs,
            })),
            Metrics::MaskedLm(_) => unreachable!("a fine-tuned model is a classifier"),
        }
    }

    fn source(&self, name: &str, text: &str, role: FileRole) -> Result<Source, Error> {
        self.root.write(name, text.as_bytes())?;
        let file = InputFile::in_memory(name, text, Some(role));
        Ok(Source {
            path: self.root.path().join(name),
            file,
        })
    }
}

fn show(common: &Common, arms: &[Arm], filled: &[Filled], out: &Path) -> Result<ExitStatus, Error> {
    if common.json {
        output::json_line(&Comparison {
            comparison: arms,
            fill_mask: filled,
            out: shown(out),
        })?;
    } else {
        output::result(&table(arms, filled, out))?;
    }
    Ok(ExitStatus::Done)
}

fn table(arms: &[Arm], filled: &[Filled], out: &Path) -> String {
    let mut text = format!(
        "\nF1 on {} test documents after fine-tuning on {LABELLED_LINES} documents for {FINETUNE_EPOCHS} epochs\n",
        arms.first().map_or(0, |arm| arm.test.n)
    );
    text += &format!(
        "{:<14}{:>8}{:>8}{:>8}{:>10}\n",
        "", "micro", "macro", "mean", "seconds"
    );
    for Arm {
        start,
        test,
        seconds,
    } in arms
    {
        text += &format!(
            "{start:<14}{:>8.3}{:>8.3}{:>8.3}{seconds:>10.0}\n",
            test.micro_f1, test.macro_f1, test.mean_f1
        );
    }
    let found = filled.iter().filter(|filled| filled.found).count();
    text += &format!(
        "\nPredictions of the pre-trained model for [MASK]; a fitting word is among the top {TOP_K} for {found} of {}\n",
        filled.len()
    );
    for Filled {
        text: cloze, masks, ..
    } in filled
    {
        let candidates = masks.iter().flat_map(|mask| &mask.candidates);
        let predictions: Vec<String> = candidates
            .map(|candidate| {
                format!(
                    "{} {:.0} %",
                    output::plain(&candidate.token),
                    100.0 * candidate.score
                )
            })
            .collect();
        text += &format!("  {cloze}: {}\n", predictions.join(", "));
    }
    text + &format!(
        "\nThe models, their charts and the text are in {}\n",
        shown(out)
    )
}

fn interrupted(out: &Path, folder: &str) -> ExitStatus {
    let command = if folder == "pretrained" {
        "pretrain"
    } else {
        "finetune"
    };
    let dir = shown(&out.join(folder));
    output::print_stderr(&format!(
        "Stopped; run clozelab {command} --resume --out {dir} to continue this run."
    ));
    ExitStatus::Interrupted
}

/// Formats a time as `YYYYMMDD-HHMMSS` in UTC, so that names sort by age.
fn stamp(now: SystemTime) -> String {
    let secs = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (year, month, day) = civil_date(secs / 86_400);
    let (hour, minute, second) = (secs / 3600 % 24, secs / 60 % 60, secs % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

/// Converts days since 1970-01-01 to year, month and day. Source: H. Hinnant, "chrono-compatible
/// low-level date algorithms".
fn civil_date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // Days since 1 March of the year 0, so that leap days come last.
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (400 * era + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stamps_are_utc_dates() {
        for (secs, expected) in [
            (0, "19700101-000000"),
            (951_782_399, "20000228-235959"),
            (951_782_400, "20000229-000000"),
            (1_709_164_800, "20240229-000000"),
            (1_795_348_800, "20261122-120000"),
        ] {
            assert_eq!(stamp(UNIX_EPOCH + Duration::from_secs(secs)), expected);
        }
    }

    #[test]
    fn the_bundled_text_is_embedded() {
        assert!(TRAIN.lines().count() >= LABELLED_LINES);
        for text in [TRAIN, VALID, TEST] {
            assert!(text.lines().all(|line| line.contains("__label__")));
        }
        assert!(!EXTRA.contains("__label__"));
    }

    #[test]
    fn the_table_lists_both_conditions_and_every_prediction() {
        let arm = |start, micro_f1| Arm {
            start,
            test: ClassifierMetrics {
                n: 9,
                micro_f1,
                ..Default::default()
            },
            seconds: 12.3,
        };
        let candidates = vec![protocol::Candidate {
            token: "tool\u{1b}".into(),
            score: 0.5,
        }];
        let filled = [Filled::new(
            Cloze::read(CLOZES).remove(0),
            vec![MaskPrediction {
                position: 2,
                candidates,
            }],
        )];
        let text = table(
            &[arm("pre-trained", 0.7), arm("from scratch", 0.6)],
            &filled,
            Path::new("runs/x"),
        );
        for expected in [
            "pre-trained      0.700",
            "from scratch     0.600",
            "tool\\u{1b} 50 %",
            "on 9 test documents",
            "for 0 of 1",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }
}
