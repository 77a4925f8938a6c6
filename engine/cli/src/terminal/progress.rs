//! Prints events as text on stderr: one live line on a terminal, otherwise a line every ten
//! seconds. [`describe`] is pure and turns an event into text; [`Progress`] decides when it is
//! printed.

use crate::terminal::output::plain;
use protocol::{ClassifierMetrics, Event, FileReport, Metrics, Phase, is_note};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Interval between progress lines when stderr is not a terminal: long enough for a log, short
/// enough to show that the run is alive.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Minimum interval between redraws of the live line; faster updates are not visible.
const LIVE_INTERVAL: Duration = Duration::from_millis(100);
/// Width of the live line in columns if `COLUMNS` is not set.
const DEFAULT_COLUMNS: usize = 80;
/// Maximum number of reasons for dropped lines that are listed.
const LISTED_REASONS: usize = 3;

/// Level of detail of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Only warnings.
    Quiet,
    /// A progress line every [`LOG_INTERVAL`].
    Lines,
    /// One progress line that is redrawn in place.
    Live,
}

/// Prints the progress of a run to stderr.
#[derive(Debug)]
pub(crate) struct Progress {
    mode: Mode,
    colour: bool,
    shown_at: Option<Instant>,
    steps: u64,
    live: bool,
}

impl Progress {
    /// Creates the progress display for the stderr of this process.
    pub fn new(quiet: bool) -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = std::io::stderr().is_terminal() && !dumb;
        let mode = match (quiet, terminal) {
            (true, _) => Mode::Quiet,
            (false, true) => Mode::Live,
            (false, false) => Mode::Lines,
        };
        Self {
            mode,
            colour: terminal && !is_set("NO_COLOR"),
            shown_at: None,
            steps: 0,
            live: false,
        }
    }

    /// Prints an event, unless it is a step within the current interval or hidden by the mode.
    pub fn show(&mut self, event: &Event) {
        if let Event::Started { steps, .. } = event {
            self.steps = *steps;
        }
        let Some(text) = describe(event, self.steps) else {
            return;
        };
        match event {
            Event::Step { .. } => self.step(&text),
            Event::Warning { code, .. } if !is_note(code) => self.line(&self.highlighted(&text)),
            _ if self.mode == Mode::Quiet => {}
            _ => self.line(&text),
        }
    }

    fn highlighted(&self, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[33m{text}\u{1b}[0m")
        } else {
            text.into()
        }
    }

    fn step(&mut self, text: &str) {
        let interval = if self.mode == Mode::Live {
            LIVE_INTERVAL
        } else {
            LOG_INTERVAL
        };
        let due = self.shown_at.is_none_or(|at| at.elapsed() >= interval);
        if self.mode == Mode::Quiet || !due {
            return;
        }
        self.shown_at = Some(Instant::now());
        if self.mode == Mode::Live {
            self.live = true;
            let _ = write!(std::io::stderr(), "\r\u{1b}[2K{}", cut(text, columns()));
        } else {
            crate::terminal::output::print_stderr(text);
        }
    }

    /// Prints a separate line. The live line is erased first and reappears with the next step.
    fn line(&mut self, text: &str) {
        if std::mem::take(&mut self.live) {
            let _ = write!(std::io::stderr(), "\r\u{1b}[2K");
        }
        crate::terminal::output::print_stderr(text);
    }
}

/// Describes an event in one line. Returns `None` for events that are not shown to users. `steps`
/// is the planned number of steps.
pub(crate) fn describe(event: &Event, steps: u64) -> Option<String> {
    match event {
        Event::Ready { device } => {
            let reason = device
                .reason
                .as_ref()
                .map(|reason| format!(": {}", plain(&reason.to_string())))
                .unwrap_or_default();
            Some(format!("Computing on {}{reason}", plain(&device.name)))
        }
        Event::Corpus {
            files,
            documents,
            labelled_train,
            labelled_valid,
            labelled_test,
            ..
        } => Some(corpus(
            files,
            *documents,
            [*labelled_train, *labelled_valid, *labelled_test],
        )),
        Event::Started { .. } => started(event),
        Event::Compiling { message, .. } => Some(plain(&message.to_string())),
        Event::Step {
            step,
            loss,
            lr,
            tokens_per_sec,
            elapsed_secs,
            eta_secs,
            ..
        } => Some(format!(
            "step {step}{}  loss {loss:.3}  lr {lr:.1e}  {} tokens/s  {} elapsed, {} left",
            // Under a time budget, the number of steps is an estimate.
            if *step <= steps {
                format!("/{steps}")
            } else {
                String::new()
            },
            count(*tokens_per_sec),
            clock(*elapsed_secs),
            clock(*eta_secs)
        )),
        Event::Evaluated {
            step: 0,
            split,
            metrics,
            ..
        } => Some(format!("{}: {}", plain(split), measured(metrics))),
        Event::Evaluated {
            epoch,
            split,
            metrics,
            ..
        } => Some(format!(
            "{} after {epoch:.1} epochs: {}",
            plain(split),
            measured(metrics)
        )),
        Event::Warning { code, message, .. } if is_note(code) => Some(plain(&message.to_string())),
        Event::Warning { message, .. } => Some(format!("warning: {}", plain(&message.to_string()))),
        Event::Finished {
            step: 0,
            stopped: false,
            ..
        } => Some("Done".into()),
        Event::Finished {
            step,
            stopped,
            elapsed_secs,
            ..
        } => {
            let word = if *stopped { "Stopped" } else { "Done" };
            Some(format!(
                "{word} after {step} steps ({})",
                clock(*elapsed_secs)
            ))
        }
        _ => None,
    }
}

/// Formats the metrics of an evaluation as text.
pub(crate) fn measured(metrics: &Metrics) -> String {
    match metrics {
        Metrics::MaskedLm(m) => {
            format!(
                "masked-LM loss {:.3}, masked accuracy {:.1} %",
                m.masked_lm_loss,
                100.0 * m.masked_accuracy
            )
        }
        Metrics::Classifier(ClassifierMetrics {
            micro_f1,
            macro_f1,
            mean_f1,
            loss,
            accuracy,
            ..
        }) => {
            let accuracy = accuracy
                .map(|a| format!(", accuracy {a:.3}"))
                .unwrap_or_default();
            format!(
                "F1 micro {micro_f1:.3}, macro {macro_f1:.3}, mean {mean_f1:.3}{accuracy}, loss {loss:.3}"
            )
        }
    }
}

/// Formats a duration in seconds as `h:mm:ss`, or as `m:ss` below one hour.
pub(crate) fn clock(secs: f64) -> String {
    // The cast saturates: NaN and negative values become 0 and infinity a very long time, without a
    // panic.
    let secs = secs.max(0.0).round() as u64;
    let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{secs:02}")
    } else {
        format!("{minutes}:{secs:02}")
    }
}

/// Formats a number with the suffix k, M or G from 10,000 on.
pub(crate) fn count(number: f64) -> String {
    match number {
        n if n >= 1e9 => format!("{:.2} G", n / 1e9),
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e4 => format!("{:.1} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// Summarises a corpus. `labelled` counts the labelled documents for training, validation and test.
fn corpus(files: &[FileReport], documents: u64, labelled: [u64; 3]) -> String {
    let dropped: Vec<_> = files
        .iter()
        .flat_map(|file| file.dropped.iter().map(move |d| (file, d)))
        .collect();
    let total: u64 = dropped.iter().map(|(_, dropped)| dropped.count).sum();
    let training = match labelled[0] {
        0 => "for training".into(),
        all if all == documents => "for training, all with labels".into(),
        some => format!("for training, {some} of them with labels"),
    };
    let used = [
        (documents, training.as_str()),
        (labelled[1], "with labels for model selection"),
        (labelled[2], "with labels for testing"),
    ];
    let used: Vec<String> = used
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, purpose)| format!("{count} {purpose}"))
        .collect();
    let noun = if files.len() == 1 { "file" } else { "files" };
    let mut text = format!("Read {} {noun}", files.len());
    if !used.is_empty() {
        text += &format!("; documents: {}", used.join("; "));
    }
    if total > 0 {
        let listed = dropped.iter().take(LISTED_REASONS).map(|(file, dropped)| {
            format!(
                "{} {} (first: line {} of {})",
                dropped.count,
                plain(&dropped.reason.to_string()),
                dropped.first_line,
                plain(&file.name)
            )
        });
        text += &format!(
            "; lines skipped: {total}, of which {}",
            listed.collect::<Vec<_>>().join(", ")
        );
    }
    text
}

fn started(event: &Event) -> Option<String> {
    let Event::Started {
        phase,
        parameters,
        steps,
        tokens,
        uniform,
        unigram,
        labels,
        step,
        ..
    } = event
    else {
        return None;
    };
    let (parameters, tokens) = (count(*parameters as f64), count(*tokens as f64));
    let resumed = if *step > 0 {
        format!(", resuming after step {step}")
    } else {
        String::new()
    };
    Some(match phase {
        Phase::Pretrain => format!(
            "Pre-training {parameters} parameters for {steps} steps on {tokens} tokens{resumed}; loss of the uniform \
             baseline {uniform:.2}, of the unigram baseline {unigram:.2}"
        ),
        Phase::Finetune if *steps == 0 => {
            format!(
                "Fitting an output layer for {} labels on a frozen encoder; {parameters} parameters in total",
                labels.len()
            )
        }
        Phase::Finetune => {
            format!(
                "Fine-tuning {parameters} parameters for {} labels in {steps} steps{resumed}",
                labels.len()
            )
        }
    })
}

fn columns() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .unwrap_or(DEFAULT_COLUMNS)
}

/// Truncates `text` to less than one line: a live line that wraps could not be redrawn in place.
fn cut(text: &str, columns: usize) -> String {
    text.chars().take(columns.saturating_sub(1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_fits_on_one_line() {
        let event = Event::Step {
            run: "r".into(),
            step: 123_456,
            loss: 4.3219,
            masked_lm_loss: None,
            next_sentence_loss: None,
            lr: 1.25e-3,
            tokens_per_sec: 12_345.6,
            elapsed_secs: 3725.0,
            eta_secs: 59.6,
            grad_norm: 1.0,
        };
        let text = describe(&event, 200_000).expect("shown");
        assert_eq!(
            text,
            "step 123456/200000  loss 4.322  lr 1.3e-3  12.3 k tokens/s  1:02:05 elapsed, 1:00 left"
        );
        assert_eq!(cut(&text, 20).chars().count(), 19);
        let beyond = describe(&event, 100_000).expect("shown");
        assert!(beyond.starts_with("step 123456  loss"), "{beyond}");
    }

    #[test]
    fn invalid_durations_do_not_panic() {
        for (secs, expected) in [
            (f64::NAN, "0:00"),
            (-5.0, "0:00"),
            (0.4, "0:00"),
            (3599.9, "1:00:00"),
        ] {
            assert_eq!(clock(secs), expected);
        }
        assert!(!clock(f64::INFINITY).is_empty());
    }

    #[test]
    fn control_characters_are_escaped() {
        let event = Event::Warning {
            run: String::new(),
            code: "c".into(),
            message: protocol::Message::verbatim("\u{1b}]0;owned\u{7}"),
        };
        assert_eq!(
            describe(&event, 0).expect("shown"),
            "warning: \\u{1b}]0;owned\\u{7}"
        );
    }
}
