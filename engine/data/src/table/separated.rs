//! CSV and TSV: a row is a document. Columns are told by a person, by their names in the first row, or by their length.

use super::labels::{self, Cell, LabelReader, Says};
use super::places::Noted;
use super::{
    HEADER_NAMES, LABEL_NAMES, NUMBER_NAMES, NUMBERED, PAIR_NAMES, ReadOptions, TEXT_NAMES, guess, text_length,
    told_columns,
};
use crate::error::{DataError, quoted};
use crate::lines::{OpenQuotes, Parsed, Sink};
use protocol::TableColumns;
use std::cell::RefCell;
use std::io::{self, BufRead};

/// Where the texts and the labels stand in a row.
#[derive(Debug, PartialEq)]
struct Columns {
    text: usize,
    second: Option<usize>,
    labels: Vec<usize>,
    /// Whether the text was found by its length.
    guessed: bool,
}

impl Columns {
    /// What was taken from where, by the names in the first row where it is a header.
    fn told(&self, first: &[&str], header: bool) -> TableColumns {
        let name = |column: usize| name_of(column, first, header);
        let text = std::iter::once(self.text).chain(self.second).map(name).collect();
        told_columns((0..first.len()).map(name), text, self.labels.iter().copied().map(name).collect())
    }

    /// Other columns, with their names, which may hold 0 or 1 in all rows, where none was taken for the labels.
    fn maybe_yes_no(&self, first: &[&str]) -> Vec<(usize, String)> {
        let is_taken = |column: usize| column == self.text || Some(column) == self.second;
        let others = (0..first.len()).filter(|column| self.labels.is_empty() && !is_taken(*column));
        let others = others.filter(|column| !is_number_name(first[*column]));
        // A name with a comma could not be asked for beside others.
        others.map(|column| (column, name_of(column, first, true))).filter(|(_, name)| !name.contains(',')).collect()
    }

    /// What was taken for the text where no name told, in words.
    fn guess(&self, file: &str, first: &[&str], header: bool) -> Option<String> {
        let listed = |columns: &[usize]| {
            let names = columns.iter().map(|column| name_of(*column, first, header));
            match header {
                true => names.map(|name| quoted(&name)).collect::<Vec<_>>().join(", "),
                false => format!("column {}", names.collect::<Vec<_>>().join(", ")),
            }
        };
        let is_alone = first.len() == 1;
        let labels = (!self.labels.is_empty()).then(|| listed(&self.labels));
        (self.guessed && !is_alone).then(|| guess(file, &listed(&[self.text]), labels))
    }
}

/// Reads rows with `separator` between their cells.
///
/// # Errors
/// As [`super::read`].
pub fn read(
    name: &str,
    text: &mut dyn BufRead,
    separator: u8,
    options: &ReadOptions,
    sink: &mut Sink<'_>,
) -> io::Result<Parsed> {
    let delimiter = delimiter_of(text.fill_buf()?, separator);
    let places = RefCell::default();
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(Noted::new(text, &places));
    let mut parsed = Parsed::default();
    let mut table: Option<(Columns, LabelReader<'_>)> = None;
    let mut yes_no = Vec::new();
    let mut records = reader.records().peekable();
    while let Some(record) = records.next() {
        let record = match record.map_err(csv::Error::into_kind) {
            Ok(record) => record,
            Err(csv::ErrorKind::Io(error)) => return Err(error),
            Err(_) => {
                parsed.drop_line("not readable as a row", 0);
                continue;
            }
        };
        let next = records.peek().and_then(|record| record.as_ref().ok());
        let (line, closes) = {
            let mut places = places.borrow_mut();
            let line = places.line(record.position().map_or(0, csv::Position::byte));
            let next = next.and_then(csv::StringRecord::position);
            (line, places.closes(next.map_or(u64::MAX, csv::Position::byte), delimiter))
        };
        let cells: Vec<&str> = record.iter().collect();
        if !closes {
            note_open_quote(&mut parsed, &cells, line);
        }
        let (columns, labels) = match &mut table {
            Some(table) => table,
            None => {
                let second: Vec<&str> = next.map(|record| record.iter().collect()).unwrap_or_default();
                let (found, header) = columns_of(name, [&cells, &second], options).map_err(io::Error::other)?;
                parsed.guessed_column = found.guess(name, &cells, header);
                parsed.columns = Some(found.told(&cells, header));
                yes_no = if header { found.maybe_yes_no(&cells) } else { Vec::new() };
                let names = found.labels.iter().map(|column| name_of(*column, &cells, header)).collect();
                let begun = table.insert((found, LabelReader::new(names, options.separator())));
                if header {
                    continue;
                }
                begun
            }
        };
        let cell = |column: usize| cells.get(column).copied();
        yes_no.retain(|(column, _)| cell(*column).is_some_and(|cell| matches!(cell.trim(), "0" | "1")));
        let Some(text) = cell(columns.text) else {
            parsed.drop_line("row without a text column", line);
            continue;
        };
        let label_cells = columns.labels.iter().map(|column| Cell::Text(cell(*column).unwrap_or_default().into()));
        parsed.take_row(text, columns.second.and_then(cell), labels.labels(label_cells), line);
        if parsed.hand_over(sink).is_break() {
            break;
        }
    }
    parsed.yes_no_columns = yes_no.into_iter().map(|(_, name)| name).collect();
    parsed.label_rows = table.map(|(_, labels)| labels.noticed()).unwrap_or_default();
    Ok(parsed)
}

/// What stands between the cells of a text that begins so: a semicolon is the comma of spreadsheets in half of the world.
fn delimiter_of(start: &[u8], separator: u8) -> u8 {
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |wanted: u8| first.iter().filter(|byte| **byte == wanted).count();
    if separator == b',' && count(b';') > count(b',') { b';' } else { separator }
}

/// Counts a row whose quote is not closed, so that it takes in what follows.
fn note_open_quote(parsed: &mut Parsed, cells: &[&str], line: u64) {
    let taken_in: u64 = cells.iter().map(|cell| line_ends(cell)).sum();
    if taken_in > 0 {
        let open = parsed.open_quotes.get_or_insert(OpenQuotes { line, ..OpenQuotes::default() });
        open.rows += 1;
        open.lines += taken_in;
    }
}

/// A column's name in the first row where that is a header, else its number from 1.
fn name_of(column: usize, first: &[&str], header: bool) -> String {
    match first.get(column) {
        Some(name) if header => name.trim().to_string(),
        _ => (column + 1).to_string(),
    }
}

/// Line ends within a cell: LF, CRLF and a lone CR.
fn line_ends(cell: &str) -> u64 {
    let cell = cell.trim_end_matches(['\r', '\n']);
    (cell.matches(['\r', '\n']).count() - cell.matches("\r\n").count()) as u64
}

/// The columns, from what was asked for or from the names in the first row, and whether that row is a header.
fn columns_of(file: &str, [first, second]: [&[&str]; 2], options: &ReadOptions) -> Result<(Columns, bool), DataError> {
    let named = |name: &str| first.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
    let known = |names: &[&str]| names.iter().find_map(|name| named(name));
    let asked = |name: &str| {
        let number = name.parse::<usize>().ok().filter(|number| (1..=first.len()).contains(number));
        named(name).or(number.map(|number| number - 1)).ok_or_else(|| DataError::NoColumn {
            file: file.into(),
            column: name.into(),
            columns: first.iter().map(|cell| cell.trim().to_string()).collect(),
        })
    };
    let labels = match &options.label_column {
        Some(names) => {
            labels::asked(names, |name| named(name).is_some()).into_iter().map(asked).collect::<Result<_, _>>()?
        }
        None => Vec::from_iter(known(&LABEL_NAMES)),
    };
    let pair = PAIR_NAMES.iter().find_map(|(a, b)| Some((named(a)?, named(b)?)));
    let (text, other, guessed) = match (&options.text_column, pair, known(&TEXT_NAMES)) {
        (Some(names), ..) => match names.split_once(',').filter(|_| named(names).is_none()) {
            Some((a, b)) => (asked(a.trim())?, Some(asked(b.trim())?), false),
            None => (asked(names)?, None, false),
        },
        (None, Some((a, b)), _) => (a, Some(b), false),
        (None, None, Some(text)) => (text, None, false),
        (None, None, None) => {
            let longest = longest_column([first, second], &labels);
            (longest.ok_or_else(|| DataError::NoText { file: file.into() })?, None, true)
        }
    };
    let by_name = |names: &Option<String>| {
        let is_named = |name: &str| !name.is_empty() && named(name).is_some();
        names.as_ref().is_some_and(|names| is_named(names) || names.split(',').any(|name| is_named(name.trim())))
    };
    let header = known(&TEXT_NAMES).is_some()
        || known(&LABEL_NAMES).is_some()
        || known(&HEADER_NAMES).is_some()
        || pair.is_some()
        || by_name(&options.text_column)
        || by_name(&options.label_column)
        || guessed && is_name_of([first, second], text)
        || labels.len() > 1 && are_names_of([first, second], &labels);
    // A table of two columns without known names is text and label.
    let is_alone = options.label_column.is_none() && labels.is_empty() && (guessed || !header) && first.len() == 2;
    let other_one = 1 - text.min(1);
    let is_label = is_alone && !(header && is_number_name(first[other_one]));
    let labels = if is_label { vec![other_one] } else { labels };
    Ok((Columns { text, second: other, labels, guessed }, header))
}

/// Without a telling name: the column with the longest text in the first two rows that is no label.
fn longest_column([first, second]: [&[&str]; 2], labels: &[usize]) -> Option<usize> {
    let length = |column: usize| text_length(first[column]).max(second.get(column).map_or(0, |cell| text_length(cell)));
    let candidates = (0..first.len()).filter(|column| !labels.contains(column));
    candidates.max_by_key(|&column| (length(column), std::cmp::Reverse(column)))
}

/// Whether a column of this name holds the numbers of the rows.
fn is_number_name(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    let is_numbered = |stem: &str| NUMBERED.contains(&stem) || TEXT_NAMES.contains(&stem);
    NUMBER_NAMES.contains(&name.as_str()) || name.strip_suffix("_id").is_some_and(is_numbered)
}

/// Whether the first cell of the text's column is its name: a word or two above a text of more words.
fn is_name_of([first, second]: [&[&str]; 2], text: usize) -> bool {
    let words = |row: &[&str]| row.get(text).map_or(0, |cell| cell.split_whitespace().count());
    (1..=2).contains(&words(first)) && words(second) > 2
}

/// Whether the first cells of several label columns are their names: above cells that say yes or no they say neither.
fn are_names_of([first, second]: [&[&str]; 2], labels: &[usize]) -> bool {
    let says = |row: &[&str], column: usize| row.get(column).map_or(Says::Nothing, |cell| Says::of(cell));
    labels.iter().all(|column| says(first, *column) == Says::Names && says(second, *column) != Says::Names)
}
