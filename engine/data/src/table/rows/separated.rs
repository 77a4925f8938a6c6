//! Reads separated text (CSV, TSV and similar) as rows of cells with their line numbers and, on
//! request, their raw text.

use crate::table::dialect::Dialect;
use crate::table::rows::places::{Noted, Places};
use crate::table::rows::row::{Record, Row};
use protocol::Quoting;
use std::cell::RefCell;
use std::io::{self, BufRead};
use std::rc::Rc;

/// Reads the rows of a separated text.
pub struct SeparatedRows<R> {
    reader: csv::Reader<Noted<R>>,
    places: Rc<RefCell<Places>>,
    delimiter: u8,
    with_raw: bool,
    /// The row after the current one; its start marks the end of the current row.
    next: Option<csv::StringRecord>,
    /// Text before the first row, such as a title.
    before: Option<String>,
}

/// An item of a separated text.
pub enum Found {
    /// A row, and the number of lines that it swallowed because of an unclosed quote (normally 0).
    Row(Row, u64),
    /// Text before the first row, such as a title.
    Before(String),
}

impl<R: BufRead> SeparatedRows<R> {
    /// Reads the rows of `text`, with the raw text of each row if `with_raw` is set.
    ///
    /// # Errors
    /// If `text` cannot be read.
    pub fn new(mut text: R, dialect: &Dialect, with_raw: bool) -> io::Result<Self> {
        let before = skip(&mut text, dialect.skipped_bytes)?;
        let mark = dialect.quoting.mark();
        let places = Rc::new(RefCell::new(Places::new(
            dialect.skipped_lines,
            dialect.quoting,
            with_raw,
        )));
        let reader = csv::ReaderBuilder::new()
            .delimiter(dialect.delimiter)
            .quoting(dialect.quoting != Quoting::None)
            .quote(mark.unwrap_or(b'"'))
            .double_quote(dialect.quoting != Quoting::Backslash)
            .escape((dialect.quoting == Quoting::Backslash).then_some(b'\\'))
            .has_headers(false)
            .flexible(true)
            .from_reader(Noted::new(text, Rc::clone(&places)));
        let before = Some(before).filter(|before| !before.is_empty());
        let mut rows = Self {
            reader,
            places,
            delimiter: dialect.delimiter,
            with_raw,
            next: None,
            before,
        };
        rows.next = rows.record()?;
        Ok(rows)
    }

    /// Returns the underlying text.
    pub fn text(&self) -> &R {
        self.reader.get_ref().text()
    }

    /// Returns the next item, or `None` at the end.
    ///
    /// # Errors
    /// If the text cannot be read.
    pub fn next(&mut self) -> io::Result<Option<Found>> {
        if let Some(before) = self.before.take() {
            return Ok(Some(Found::Before(before)));
        }
        let Some(record) = self.next.take() else {
            return Ok(None);
        };
        self.next = self.record()?;
        let end = self
            .next
            .as_ref()
            .and_then(csv::StringRecord::position)
            .map_or(u64::MAX, csv::Position::byte);
        let mut places = self.places.borrow_mut();
        let line = places.line(record.position().map_or(0, csv::Position::byte));
        let raw = if self.with_raw {
            places.raw(end)
        } else {
            String::new()
        };
        let closes = places.closes(end, self.delimiter);
        let swallowed_lines = if closes {
            0
        } else {
            record.iter().map(line_ends).sum()
        };
        Ok(Some(Found::Row(
            Row {
                record: Record::Cells(record),
                line,
                raw,
            },
            swallowed_lines,
        )))
    }

    fn record(&mut self) -> io::Result<Option<csv::StringRecord>> {
        let mut record = csv::StringRecord::new();
        match self
            .reader
            .read_record(&mut record)
            .map_err(csv::Error::into_kind)
        {
            Ok(has_record) => Ok(has_record.then_some(record)),
            Err(csv::ErrorKind::Io(error)) => Err(error),
            // Not expected: the text is valid UTF-8, and rows may have any number of cells.
            Err(kind) => Err(io::Error::other(format!("{kind:?}"))),
        }
    }
}

/// Consumes and returns the first `bytes` bytes of a text, which dialect detection has already
/// inspected.
fn skip(text: &mut impl BufRead, bytes: usize) -> io::Result<String> {
    let mut taken = vec![0; bytes];
    text.read_exact(&mut taken)?;
    String::from_utf8(taken).map_err(io::Error::other)
}

/// Counts the line ends within a cell (LF, CRLF and lone CR), except trailing ones.
fn line_ends(cell: &str) -> u64 {
    let cell = cell.trim_end_matches(['\r', '\n']);
    (cell.matches(['\r', '\n']).count() - cell.matches("\r\n").count()) as u64
}
