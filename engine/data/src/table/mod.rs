//! Converts tables (rows of cells or JSON objects) into documents. The format is detected from the
//! content ([`shape`]); the text and label columns are requested by the user or found by name or
//! value ([`columns`]). Text is cleaned as in `lines`, and every skipped row is counted.

pub(crate) mod columns;
mod dialect;
mod labels;
mod layout;
mod options;
mod rows;
mod shape;

pub(crate) use columns::values::integral;
pub use columns::values::missing_values;
pub use dialect::Dialect;
pub use layout::Layout;
pub use options::{DocumentColumns, ReadOptions};
pub(crate) use rows::objects::ObjectRows;
pub(crate) use rows::relaxed::parse as relaxed_json;
pub(crate) use rows::separated::{Found as FoundCells, SeparatedRows};
pub use shape::Shape;
pub(crate) use shape::{is_named_json, named_delimiter, of as shape_of, of_csv as shape_of_csv};

use crate::document::Document;
use crate::error::DataError;
use crate::reading::lines::{Kind, Parsed, Taken};
use crate::text::shown::quoted;
use columns::choice::Choice;
use columns::shown::{has_unnamed_index, object_columns, shown_columns, yes_no_columns};
use columns::{Columns, header, values};
use labels::{Form, LabelReader};
use protocol::{Message, Setting, TableColumns, message, phrase};
use rows::row::{Cell, Column, Place, Record, Row};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Number of rows sampled before the first one is converted, since JSON objects need not all have
/// the same keys (for example when some have no label).
const SAMPLE_ROWS: usize = 200;
/// The sample ends once it is larger than this, in bytes.
const SAMPLE_BYTES: usize = 1 << 20;
/// Maximum length, in characters, of a label that is found only in rows with too many cells.
const MAX_LABEL_CHARS: usize = 40;

/// Converts the rows of one table into documents.
pub(crate) struct Table<'a> {
    name: &'a str,
    options: &'a ReadOptions,
    /// The dialect of separated rows; `None` for JSON objects.
    dialect: Option<Dialect>,
    /// The first rows, buffered until the columns are known.
    sample: Vec<Row>,
    sample_bytes: usize,
    plan: Option<Plan<'a>>,
}

/// The columns that text and labels are read from.
struct Plan<'a> {
    columns: Vec<Column>,
    choice: Choice,
    labels: LabelReader<'a>,
    /// Labels found in the sample, used to repair rows with too many cells.
    known_labels: BTreeSet<String>,
}

impl<'a> Table<'a> {
    /// Creates the converter for the file `name`. `dialect` is `None` for JSON objects.
    pub fn new(name: &'a str, options: &'a ReadOptions, dialect: Option<Dialect>) -> Self {
        Self {
            name,
            options,
            dialect,
            sample: Vec::new(),
            sample_bytes: 0,
            plan: None,
        }
    }

    /// Accepts the next row. Rows are buffered until the columns are known; after that, each row
    /// goes to `out` at once.
    ///
    /// # Errors
    /// If a requested column does not exist, no column holds text, or a JSON file holds no objects.
    pub fn take(
        &mut self,
        row: Row,
        parsed: &mut Parsed,
        out: &mut VecDeque<Taken>,
    ) -> Result<(), DataError> {
        if self.plan.is_some() {
            out.push_back(self.read(row, parsed));
            return Ok(());
        }
        self.sample_bytes += row.record.size();
        self.sample.push(row);
        let is_enough = self.sample.len() == SAMPLE_ROWS || self.sample_bytes > SAMPLE_BYTES;
        if is_enough {
            self.resolve_columns(parsed, out)
        } else {
            Ok(())
        }
    }

    /// Ends the table and moves buffered rows to `out`.
    ///
    /// # Errors
    /// As for [`Self::take`].
    pub fn finish(
        &mut self,
        parsed: &mut Parsed,
        out: &mut VecDeque<Taken>,
    ) -> Result<(), DataError> {
        if self.plan.is_some() {
            Ok(())
        } else {
            self.resolve_columns(parsed, out)
        }
    }

    /// Copies the summary of all rows so far into `parsed`.
    pub fn notice(self, parsed: &mut Parsed) {
        let Some(Plan {
            columns,
            choice,
            labels,
            ..
        }) = self.plan
        else {
            return;
        };
        parsed.table.label_rows = labels.noticed();
        parsed.table.label_candidates = choice
            .candidates
            .iter()
            .map(|number| columns[*number].name.clone())
            .collect();
    }

    /// Determines the columns from the sample, then converts the sampled rows.
    fn resolve_columns(
        &mut self,
        parsed: &mut Parsed,
        out: &mut VecDeque<Taken>,
    ) -> Result<(), DataError> {
        let mut sample = std::mem::take(&mut self.sample);
        let columns = self
            .take_header(&mut sample, out)
            .unwrap_or_else(|| object_columns(&sample));
        if let Some(row) = sample
            .iter()
            .find(|row| matches!(row.record, Record::NoObject))
            .filter(|_| columns.is_empty())
        {
            return Err(DataError::NoObject {
                file: self.name.into(),
                line: row.line,
            });
        }
        let is_empty = |row: &Row| matches!(row.record, Record::Blank | Record::NoObject);
        if sample.iter().all(is_empty) || columns.is_empty() {
            let names = columns.into_iter().map(|column| column.name).collect();
            parsed.table.columns = Some(TableColumns {
                names,
                ..TableColumns::default()
            });
            for Row { line, raw, .. } in sample {
                parsed.drop_line(phrase!("empty"), line);
                out.push_back(Taken {
                    kind: Kind::Row,
                    document: None,
                    line,
                    raw,
                    cells: None,
                });
            }
            return Ok(());
        }
        self.plan = Some(self.plan(columns, &sample, parsed)?);
        for row in sample {
            out.push_back(self.read(row, parsed));
        }
        Ok(())
    }

    /// Returns the columns of separated rows; a header is removed from `sample`. Returns `None` for
    /// JSON objects and for an empty sample.
    fn take_header(&self, sample: &mut Vec<Row>, out: &mut VecDeque<Taken>) -> Option<Vec<Column>> {
        let dialect = self.dialect?;
        let rows: Vec<Vec<&str>> = sample.iter().map(cells).collect();
        let is_header = header::is_header(&rows, &self.options.expected_names());
        // R writes row numbers without a name for them in the header.
        let has_index = is_header && has_unnamed_index(&rows);
        let first: Vec<String> = rows
            .first()
            .map(|row| row.iter().map(|cell| cell.trim().to_string()).collect())?;
        let names = match (is_header, has_index) {
            (true, true) => std::iter::once(String::new()).chain(first).collect(),
            (true, false) => first,
            (false, _) => (1..=dialect.width.max(1))
                .map(|number| number.to_string())
                .collect::<Vec<_>>(),
        };
        if is_header {
            let Row { line, raw, .. } = sample.remove(0);
            out.push_back(Taken {
                kind: Kind::Header,
                document: None,
                line,
                raw,
                cells: None,
            });
        }
        // The delimiter row below the header of a Markdown table.
        if is_header && dialect.delimiter == b'|' && sample.first().is_some_and(is_rule) {
            let Row { line, raw, .. } = sample.remove(0);
            out.push_back(Taken {
                kind: Kind::Before,
                document: None,
                line,
                raw,
                cells: None,
            });
        }
        let column = |(number, name)| Column {
            name,
            place: Place::Cell(number),
        };
        Some(names.into_iter().enumerate().map(column).collect())
    }

    fn plan(
        &self,
        columns: Vec<Column>,
        sample: &[Row],
        parsed: &mut Parsed,
    ) -> Result<Plan<'a>, DataError> {
        let mut columns = Columns::new(self.name, columns, sample);
        let choice = columns.choose(self.options)?;
        let columns = columns.all;
        let names = |numbers: &[usize]| {
            numbers
                .iter()
                .map(|number| columns[*number].name.clone())
                .collect::<Vec<_>>()
        };
        let form = |number: &usize| {
            Form::of(
                sample
                    .iter()
                    .map(|row| row.record.cell(&columns[*number].place)),
            )
        };
        let forms = choice.labels.iter().map(form).collect();
        let mut labels = LabelReader::new(names(&choice.labels), forms, self.options.separator());
        let has_all_cells = |row: &&Row| cells(row).len() == columns.len();
        let mut known_labels: BTreeSet<String> = sample
            .iter()
            .filter(has_all_cells)
            .flat_map(|row| {
                labels.labels(
                    choice
                        .labels
                        .iter()
                        .map(|number| row.record.cell(&columns[*number].place)),
                )
            })
            .collect();
        known_labels.extend(repeated_labels(
            &columns,
            &choice,
            sample,
            self.dialect.map_or(b',', |dialect| dialect.delimiter),
        ));
        labels.forget();
        parsed.table.columns = Some(shown_columns(&columns, &choice, sample));
        parsed.table.yes_no_columns = yes_no_columns(&columns, &choice, sample);
        parsed.table.guessed_column = self.guess_warning(&columns, &choice);
        let has_names = self.dialect.is_none()
            || choice
                .text
                .iter()
                .all(|text| columns[*text].name != (text + 1).to_string());
        parsed.table.document_columns = has_names.then(|| DocumentColumns {
            names: names(&choice.text),
            is_pair: choice.is_pair,
            labels: names(&choice.labels),
        });
        parsed.table.lacking = choice.lacking.clone();
        parsed.table.is_table = true;
        Ok(Plan {
            columns,
            choice,
            labels,
            known_labels,
        })
    }

    /// Returns a warning if the text column was guessed from values rather than recognised by name.
    fn guess_warning(&self, columns: &[Column], choice: &Choice) -> Option<Message> {
        let has_header = self.dialect.is_none()
            || columns
                .iter()
                .enumerate()
                .any(|(place, column)| column.name != (place + 1).to_string());
        let format_names = |numbers: &[usize]| {
            let names = numbers.iter().map(|number| &columns[*number].name);
            match has_header {
                true => Message::verbatim(
                    names
                        .map(|name| quoted(name))
                        .collect::<Vec<_>>()
                        .join(", "),
                ),
                false => message!(
                    "column {numbers}",
                    numbers = names.cloned().collect::<Vec<_>>().join(", ")
                ),
            }
        };
        let labels = if choice.labels.is_empty() {
            message!("no column")
        } else {
            format_names(&choice.labels)
        };
        let is_only_column = columns.len() == 1 && self.dialect.is_some();
        (choice.text_is_guessed && !is_only_column).then(|| {
            message!("no column of {file} is called \"text\": text is read from {text} and labels from {labels}; choose others with {text_column} and {label_column}", file = quoted(self.name), text = format_names(&choice.text), labels, text_column = Setting::named("text-column"), label_column = Setting::named("label-column"))
        })
    }

    fn read(&mut self, row: Row, parsed: &mut Parsed) -> Taken {
        let Row { record, line, raw } = row;
        let delimiter = self.dialect.map_or(b',', |dialect| dialect.delimiter);
        let cells = match (&record, &self.plan) {
            (Record::Cells(cells), Some(plan)) if !raw.is_empty() => plan.aligned(cells, delimiter),
            _ => None,
        };
        let document = self.document(record, line, parsed);
        Taken {
            kind: Kind::Row,
            document,
            line,
            raw,
            cells,
        }
    }

    /// Returns the document of a row, or `None` if the row is skipped; skipped rows are counted.
    fn document(&mut self, record: Record, line: u64, parsed: &mut Parsed) -> Option<Document> {
        let plan = self.plan.as_mut()?;
        let record = match (record, self.dialect) {
            (Record::Blank, _) => {
                parsed.drop_line(phrase!("empty"), line);
                return None;
            }
            (Record::NoObject, _) => {
                parsed.drop_line(phrase!("not a JSON object"), line);
                return None;
            }
            (Record::Cells(cells), Some(dialect)) if cells.len() > plan.columns.len() => {
                match plan.joined(&cells, dialect.delimiter) {
                    Some((cells, was_joined)) => {
                        if was_joined {
                            parsed.table.joined_rows.get_or_insert((0, line)).0 += 1;
                        }
                        Record::Cells(cells)
                    }
                    None => {
                        parsed.drop_line(phrase!("with more cells than columns"), line);
                        return None;
                    }
                }
            }
            (record, _) => record,
        };
        let cell = |number: usize| record.cell(&plan.columns[number].place);
        if let Some(decision) = plan.choice.decision
            && let Cell::Text("reject" | "ignore") = cell(decision)
        {
            parsed.drop_line(phrase!("rejected"), line);
            return None;
        }
        let texts: Vec<_> = plan
            .choice
            .text
            .iter()
            .map(|number| cell(*number).text())
            .collect();
        if texts.iter().all(Option::is_none) {
            let is_cells = matches!(record, Record::Cells(_));
            parsed.drop_line(
                if is_cells {
                    phrase!("without a text column")
                } else {
                    phrase!("without text in the JSON object")
                },
                line,
            );
            return None;
        }
        let mut texts = texts
            .into_iter()
            .flatten()
            .filter(|text| !values::is_missing(text));
        let first = texts.next().unwrap_or_default();
        let (text, second) = if plan.choice.is_pair {
            (first.into_owned(), texts.next())
        } else {
            let parts: Vec<String> = std::iter::once(first)
                .chain(texts)
                .map(|part| part.into_owned())
                .collect();
            (parts.join(" "), None)
        };
        let labels = plan
            .labels
            .labels(plan.choice.labels.iter().map(|number| cell(*number)));
        parsed.row(&text, second.as_deref(), labels, line)
    }
}

/// Returns the labels that occur at least twice in rows with too many cells, once the extra cells
/// are joined into the text.
fn repeated_labels(
    columns: &[Column],
    choice: &Choice,
    sample: &[Row],
    delimiter: u8,
) -> Vec<String> {
    let Some(text) = choice.text.last() else {
        return Vec::new();
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for row in sample {
        let Record::Cells(cells) = &row.record else {
            continue;
        };
        if cells.len() > columns.len() {
            let joined = joined_text(cells, *text, columns.len(), delimiter);
            let labels = choice
                .labels
                .iter()
                .filter(|number| *number > text)
                .filter_map(|number| joined.get(*number));
            // The continuation of a sentence after a comma begins with a space; a label does not.
            for label in labels
                .filter(|label| label.trim() == *label && label.chars().count() <= MAX_LABEL_CHARS)
            {
                *counts.entry(label.to_string()).or_default() += 1;
            }
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(label, _)| label)
        .collect()
}

/// Returns the row with `width` cells: the surplus cells, starting with cell `text`, are joined
/// with the delimiter.
fn joined_text(
    cells: &csv::StringRecord,
    text: usize,
    width: usize,
    delimiter: u8,
) -> csv::StringRecord {
    let extra = cells.len() - width;
    let parts: Vec<&str> = cells.iter().skip(text).take(extra + 1).collect();
    let text_cell = parts.join(&char::from(delimiter).to_string());
    let before = cells.iter().take(text);
    before
        .chain(std::iter::once(text_cell.as_str()))
        .chain(cells.iter().skip(text + extra + 1))
        .collect()
}

impl Plan<'_> {
    /// Returns a row that has too few or too many cells with exactly one cell per column, without
    /// losing content. Returns `None` if no change is needed.
    fn aligned(&self, cells: &csv::StringRecord, delimiter: u8) -> Option<Vec<String>> {
        let width = self.columns.len();
        if cells.len() == width || width == 0 {
            return None;
        }
        let joined = match self
            .joined(cells, delimiter)
            .filter(|_| cells.len() > width)
        {
            Some((joined, _)) => joined,
            None if cells.len() > width => joined_text(cells, width - 1, width, delimiter),
            None => cells.clone(),
        };
        let padding = std::iter::repeat_n("", width.saturating_sub(joined.len()));
        Some(joined.iter().chain(padding).map(String::from).collect())
    }

    /// Repairs a row with too many cells, and returns whether cells were joined. Empty trailing
    /// cells are dropped; otherwise the surplus cells are joined into the text, if the remaining
    /// cells then fit their columns.
    fn joined(
        &self,
        cells: &csv::StringRecord,
        delimiter: u8,
    ) -> Option<(csv::StringRecord, bool)> {
        let width = self.columns.len();
        if cells.iter().skip(width).all(|cell| cell.trim().is_empty()) {
            return Some((cells.iter().take(width).collect(), false));
        }
        let text = *self.choice.text.last()?;
        let joined = joined_text(cells, text, width, delimiter);
        let fits = |number: &usize| {
            let cell = joined.get(*number).unwrap_or_default();
            let label = cell.trim();
            let is_known = self.known_labels.contains(label) || values::is_missing(label);
            let may_be_new = self.known_labels.len() < 2
                && cell == label
                && label.chars().count() <= MAX_LABEL_CHARS;
            // With the label first and the text second, only the text can contain the delimiter.
            let is_certain = *number == 0 && text == 1;
            is_certain || is_known || may_be_new
        };
        self.choice
            .labels
            .iter()
            .all(fits)
            .then_some((joined, true))
    }
}

/// Returns whether all filled cells consist of hyphens and colons, as in the delimiter row of a
/// Markdown table.
fn is_rule(row: &Row) -> bool {
    let cells: Vec<&str> = cells(row)
        .into_iter()
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect();
    !cells.is_empty()
        && cells
            .iter()
            .all(|cell| cell.contains('-') && cell.trim_matches(':').chars().all(|c| c == '-'))
}

fn cells(row: &Row) -> Vec<&str> {
    match &row.record {
        Record::Cells(cells) => cells.iter().collect(),
        _ => Vec::new(),
    }
}

impl DataError {
    /// Formats column names for a message: quoted, separated by commas, at most 12.
    pub(crate) fn columns(columns: &[String]) -> String {
        const LISTED: usize = 12;
        columns
            .iter()
            .take(LISTED)
            .map(|column| quoted(column))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Re-exports for the property tests.
#[cfg(test)]
pub(crate) mod tried {
    pub use super::columns::values::{is_missing, listed};
    pub use super::labels::{Form, LabelReader};
    pub use super::rows::row::Cell;
}

#[cfg(test)]
mod tests;
