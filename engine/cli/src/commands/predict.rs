//! The `predict` command: labels for lines as they arrive, or for the rows of a table. Predictions
//! are JSON on stdout, one per line or row, or with `--out` a copy of the input with the labels
//! added to each row.

mod lines;

pub(crate) use crate::commands::predict::lines::unpacked;

use crate::args::{Common, Predict};
use crate::commands::predict::lines::{Lines, decoded};
use crate::commands::query::session;
use crate::host::NativeHost;
use crate::inputs;
use crate::output_file::{output_error, output_exists};
use crate::run_dir::store::shown;
use crate::terminal::output::{self, Reader};
use data::{
    Answer, DataError, Document, FileRows, InputFile, LabelledTable, Opened, ReadOptions, Shape,
    Taken,
};
use engine::error::Error;
use engine::session::{LABEL_WARNING_CODES, Long, Session, long_texts};
use futures_lite::future::block_on;
use protocol::{Dropped, LabelScore, Setting, is_note, message};
use serde::Serialize;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use tempfile::NamedTempFile;

/// Number of rows that are predicted together, enough to fill a batch.
const CHUNK_ROWS: usize = 256;

/// The prediction for one line or row, as printed.
#[derive(Serialize)]
struct Prediction {
    line: u64,
    /// Row number in a table, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u64>,
    labels: Vec<LabelScore>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    sureness: Option<Sureness>,
}

/// Confidence of a prediction, added by `--min-confidence`.
#[derive(Serialize)]
struct Sureness {
    /// Probability of the best label; 0 without labels.
    confidence: f64,
    /// Whether the confidence is below `--min-confidence`, or no word of the text occurred in a
    /// training document.
    unsure: bool,
    /// Share of the distinct words of the text that occurred in no training document, if the
    /// classifier records the words of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen_words: Option<f64>,
}

/// Predicts the labels of texts with one model.
struct Predictor {
    session: Session<NativeHost>,
    top_k: Option<usize>,
    min_confidence: Option<f64>,
    long: Long,
    /// Whether only warnings and errors are printed.
    quiet: bool,
    /// Number of texts that are longer than the model's input, and of all texts.
    cut: u64,
    texts: u64,
}

/// Runs the `predict` command.
///
/// # Errors
/// Returns an error if the model or the data cannot be used, or the output exists or cannot be
/// written.
pub(crate) fn predict(common: &Common, args: &Predict) -> Result<(), Error> {
    let options = ReadOptions {
        is_for_prediction: true,
        ..args.table.read_options()?
    };
    let path = args.data.as_deref().unwrap_or(Path::new("-"));
    if args.table.renames_labels() {
        return Err(Error::Input {
            code: "bad-argument",
            message: message!(
                "{label_map} has no effect here: the model predicts the labels it was trained with",
                label_map = Setting::named("label-map")
            ),
            hint: message!(
                "Rename labels when training, with finetune {label_map}.",
                label_map = Setting::named("label-map")
            ),
        });
    }
    // Lines on stdin are answered as they arrive; a table is read as from a file.
    let is_stdin = path == Path::new("-") && args.out.is_none();
    let may_stream = is_stdin && !args.table.wants_table();
    // An input that cannot be used is refused before the model is read.
    let file = if may_stream {
        None
    } else {
        Some(single_file(path)?)
    };
    let session = session(common, inputs::read_model(&args.model)?, true)?;
    let options = session.reading_as_trained(options);
    let source = if may_stream && inputs::is_stdin_a_table(&options) {
        Some(single_file(path)?)
    } else {
        file
    };
    let rows = match source
        .as_ref()
        .map(|file| FileRows::open(file, &options, args.out.is_some()))
    {
        Some(Err(DataError::EmptyFile { .. })) if args.out.is_none() => {
            warn_empty(path);
            return Ok(());
        }
        rows => rows.transpose()?,
    };
    let mut predictor = Predictor {
        session,
        top_k: args.top_k,
        min_confidence: args.min_confidence,
        long: if args.long == "split" {
            Long::Split
        } else {
            Long::Cut
        },
        quiet: common.quiet,
        cut: 0,
        texts: 0,
    };
    let done = match (rows, &args.out) {
        (Some(rows), Some(out)) => {
            predictor.write_table(rows, out, args.table.settings.value("label-separator"))
        }
        (Some(rows), None) if rows.shape != Shape::Lines || path == Path::new("-") => {
            predictor.predict_rows(rows)
        }
        _ => {
            let raw: Box<dyn Read + '_> = match &source {
                Some(file) => data::unpacked(&*file.content)
                    .map_err(|error| DataError::reading(&file.name, error))?,
                None => inputs::open(path)?,
            };
            predictor.predict_lines(
                &inputs::plain_name(path),
                raw,
                args.table.encoding.as_deref(),
            )
        }
    };
    predictor.warn_if_cut();
    if done.is_ok() && predictor.texts == 0 {
        warn_empty(path);
    }
    done
}

fn warn_empty(path: &Path) {
    let name = if path == Path::new("-") {
        "the input".into()
    } else {
        shown(path)
    };
    output::print_stderr(&format!(
        "warning: {name} has no text, so there is nothing to predict"
    ));
}

/// Opens the one file that a path names.
fn single_file(path: &Path) -> Result<InputFile, Error> {
    if path.is_dir() {
        return Err(Error::Input {
            code: "not-a-file",
            message: message!(
                "{path} is a folder, but predict reads a single file",
                path = shown(path)
            ),
            hint: message!("Give one file at a time, or a table with one document per row."),
        });
    }
    if path != Path::new("-") {
        inputs::open(path)?;
    }
    let mut found = inputs::read(&[path.into()], None)?;
    let file = found.remove(0).file;
    let name = file.name.clone();
    Ok(Opened::new(&[file]).single(&name)?)
}

impl Predictor {
    /// Prints predictions for lines while they are read.
    fn predict_lines(
        &mut self,
        name: &str,
        raw: Box<dyn Read + '_>,
        encoding: Option<&str>,
    ) -> Result<(), Error> {
        let mut lines = Lines::new(name, decoded(name, unpacked(name, raw)?, encoding)?);
        loop {
            let chunk = lines.chunk()?;
            if chunk.is_empty() {
                return Ok(());
            }
            let texts: Vec<&str> = chunk.iter().map(|(_, text)| text.as_str()).collect();
            let answers = self.answers(&texts)?;
            for ((line, text), labels) in chunk.iter().zip(answers) {
                if self.print(*line, None, text, labels)? == Reader::Gone {
                    return Ok(());
                }
            }
        }
    }

    /// Prints predictions for the rows of a table.
    fn predict_rows(&mut self, mut rows: FileRows<'_>) -> Result<(), Error> {
        let mut number = 0;
        loop {
            let chunk = rows.chunk(CHUNK_ROWS)?;
            if chunk.is_empty() {
                return print_warnings(rows, self.quiet);
            }
            let texts: Vec<String> = chunk.iter().map(text_of).collect();
            let answers = self.answers(&texts.iter().map(String::as_str).collect::<Vec<_>>())?;
            for ((taken, text), labels) in chunk.iter().zip(&texts).zip(answers) {
                if !taken.is_row() {
                    continue;
                }
                number += 1;
                let row = (rows.shape != Shape::Lines).then_some(number);
                if self.print(taken.line, row, text, labels)? == Reader::Gone {
                    return Ok(());
                }
            }
        }
    }

    /// Writes a copy of the input with the labels added to each row.
    fn write_table(
        &mut self,
        mut rows: FileRows<'_>,
        path: &Path,
        separator: Option<&str>,
    ) -> Result<(), Error> {
        let failed = |error: std::io::Error| output_error(path, &error);
        if path.exists() {
            return Err(output_exists(path));
        }
        // Written atomically: the file gets its name when it is complete.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        check_extension(path)?;
        let file = temporary_file(folder).map_err(failed)?;
        let is_packed = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        let mut out: Box<dyn Write> = if is_packed {
            Box::new(flate2::write::GzEncoder::new(
                BufWriter::new(&file),
                flate2::Compression::default(),
            ))
        } else {
            Box::new(BufWriter::new(&file))
        };
        let mut table = LabelledTable::new(&rows, separator, false);
        let mut labelled = 0_u64;
        loop {
            let chunk = rows.chunk(CHUNK_ROWS)?;
            if chunk.is_empty() {
                break;
            }
            let texts: Vec<String> = chunk.iter().map(text_of).collect();
            let answers = self.answers(&texts.iter().map(String::as_str).collect::<Vec<_>>())?;
            for ((taken, text), labels) in chunk.iter().zip(&texts).zip(answers) {
                let answer = (!labels.is_empty()).then(|| self.answer(text, labels));
                labelled += u64::from(answer.is_some());
                let bytes = table.push(taken, rows.column_names(), answer.as_ref());
                out.write_all(&bytes).map_err(failed)?;
            }
        }
        out.write_all(&table.end())
            .and_then(|()| out.flush())
            .map_err(failed)?;
        drop(out);
        file.as_file().sync_all().map_err(failed)?;
        file.persist_noclobber(path)
            .map_err(|error| match error.error.kind() {
                std::io::ErrorKind::AlreadyExists => output_exists(path),
                _ => failed(error.error),
            })?;
        if !self.quiet {
            output::print_stderr(&format!(
                "{labelled} rows labelled, written to {}",
                shown(path)
            ));
        }
        print_warnings(rows, self.quiet)
    }

    /// Returns the labels of each text, best first. An empty text has none.
    fn answers(&mut self, texts: &[&str]) -> Result<Vec<Vec<LabelScore>>, Error> {
        let non_empty: Vec<String> = texts
            .iter()
            .filter(|text| !text.is_empty())
            .map(|text| (*text).to_string())
            .collect();
        // The confidence is that of the best label, so at least one is needed.
        let top_k = if self.min_confidence.is_some() {
            self.top_k.map(|k| k.max(1))
        } else {
            self.top_k
        };
        let scores = if non_empty.is_empty() {
            Vec::new()
        } else {
            block_on(self.session.predict(&non_empty, top_k, self.long))?
        };
        self.texts += non_empty.len() as u64;
        self.cut += non_empty
            .iter()
            .filter(|text| self.session.is_cut(text).is_some_and(|(_, is_cut)| is_cut))
            .count() as u64;
        let mut scores = scores.into_iter();
        let of_text = |text: &&str| {
            if text.is_empty() {
                Vec::new()
            } else {
                scores.next().expect("one answer per text")
            }
        };
        Ok(texts.iter().map(of_text).collect())
    }

    /// Warns if texts are longer than the model's input.
    fn warn_if_cut(&self) {
        let Some((tokens, _)) = self.session.is_cut("") else {
            return;
        };
        if let Some(sentence) = long_texts((self.cut, self.texts), tokens, self.long) {
            let hint = if self.long == Long::Cut {
                "; use --long split to read all of it"
            } else {
                ""
            };
            output::print_stderr(&format!("warning: {sentence}{hint}"));
        }
    }

    fn print(
        &self,
        line: u64,
        row: Option<u64>,
        text: &str,
        labels: Vec<LabelScore>,
    ) -> Result<Reader, Error> {
        let confidence = confidence_of(&labels);
        let labels = labels
            .into_iter()
            .take(self.top_k.unwrap_or(usize::MAX))
            .collect();
        let sureness = self.min_confidence.map(|min| {
            let unseen_words = self.session.unseen_share(text);
            Sureness {
                confidence,
                unsure: confidence < min || unseen_words == Some(1.0),
                unseen_words,
            }
        });
        output::json_line(&Prediction {
            line,
            row,
            labels,
            sureness,
        })
    }

    fn answer(&self, text: &str, labels: Vec<LabelScore>) -> Answer {
        let is_low = self
            .min_confidence
            .is_some_and(|min| confidence_of(&labels) < min);
        let is_unsure = is_low || self.session.unseen_share(text) == Some(1.0);
        let shown = labels
            .into_iter()
            .take(self.top_k.unwrap_or(usize::MAX))
            .collect();
        Answer::of(shown, is_unsure)
    }
}

/// Creates a temporary file with the permissions of any new file.
fn temporary_file(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Rejects file names with the extension of a format that cannot be written.
fn check_extension(path: &Path) -> Result<(), Error> {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default();
    if ![
        "xlsx", "xlsm", "xls", "ods", "docx", "zip", "bz2", "xz", "parquet",
    ]
    .contains(&extension.as_str())
    {
        return Ok(());
    }
    Err(Error::Input {
        code: "bad-argument",
        message: message!(
            "{path} cannot be written as .{extension}: tables are written as CSV, objects as JSON",
            path = shown(path),
            extension
        ),
        hint: message!(
            "Choose a name that ends in .csv or .jsonl, optionally followed by .gz; spreadsheet programs open CSV."
        ),
    })
}

fn confidence_of(labels: &[LabelScore]) -> f64 {
    labels.first().map_or(0.0, |best| best.score)
}

/// Returns the text of a row. Empty if there is no text.
fn text_of(taken: &Taken) -> String {
    taken
        .document
        .as_ref()
        .map(Document::joined)
        .unwrap_or_default()
}

/// Prints the warnings about a file and its dropped rows. Warnings about labels are left out, since
/// prediction does not use the labels of the file.
fn print_warnings(rows: FileRows<'_>, quiet: bool) -> Result<(), Error> {
    match rows.finish() {
        Ok(found) => {
            for (code, message) in found.warnings {
                let is_shown = !LABEL_WARNING_CODES.contains(&code);
                if is_shown && !(quiet && is_note(code)) {
                    let mark = if is_note(code) { "" } else { "warning: " };
                    output::print_stderr(&format!("{mark}{}", output::plain(&message.to_string())));
                }
            }
            for Dropped {
                reason,
                count,
                first_line,
            } in found.dropped
            {
                output::print_stderr(&format!(
                    "warning: rows without a prediction: {count} ({reason}; first: line {first_line})"
                ));
            }
            Ok(())
        }
        // Every row got an empty prediction, so this is not an error.
        Err(error @ DataError::NoText { .. }) => {
            output::print_stderr(&output::plain(&format!("warning: {error}")));
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
