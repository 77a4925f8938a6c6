//! Reads the rows of one open file, one at a time: lines, rows of cells or objects, each with its
//! document. Reads each byte once, and buffers only the first rows of a table.

use crate::reading::encoding::Decoding;
use crate::reading::lines::{Kind, LineReader, Parsed, Taken};
use crate::table::{ObjectRows, ReadOptions, SeparatedRows, Shape, Table};
use std::collections::VecDeque;
use std::io::{self, Read};

/// Reads the rows of decoded text.
pub(crate) struct RowReader<'a, R> {
    source: Source<Decoding<R>>,
    table: Table<'a>,
    parsed: Parsed,
    /// Rows buffered while the columns are determined.
    waiting: VecDeque<Taken>,
    with_raw: bool,
    is_over: bool,
}

enum Source<R> {
    Lines(LineReader<R>),
    Separated(SeparatedRows<R>),
    Objects(ObjectRows<R>),
}

impl<'a, R: Read> RowReader<'a, R> {
    /// Creates a reader of `text`, which has the given shape and comes from the file `name`. If
    /// `with_raw`, each row carries its source text.
    ///
    /// # Errors
    /// Returns an error if the text cannot be read.
    pub fn new(
        name: &'a str,
        text: Decoding<R>,
        shape: Shape,
        options: &'a ReadOptions,
        with_raw: bool,
    ) -> io::Result<Self> {
        let (source, dialect) = match shape {
            Shape::Lines => (Source::Lines(LineReader::new(text)), None),
            Shape::Separated(dialect) => (
                Source::Separated(SeparatedRows::new(text, &dialect, with_raw)?),
                Some(dialect),
            ),
            Shape::Objects(layout) => (
                Source::Objects(ObjectRows::new(text, layout, with_raw)),
                None,
            ),
        };
        let table = Table::new(name, options, dialect);
        Ok(Self {
            source,
            table,
            parsed: Parsed::default(),
            waiting: VecDeque::new(),
            with_raw,
            is_over: false,
        })
    }

    /// Returns the underlying text.
    pub fn text(&self) -> &Decoding<R> {
        match &self.source {
            Source::Lines(lines) => lines.text(),
            Source::Separated(rows) => rows.text(),
            Source::Objects(rows) => rows.text(),
        }
    }

    /// Returns the next row, or `None` at the end.
    ///
    /// # Errors
    /// Returns an error if the text cannot be read, a requested column does not exist, or no column
    /// holds text.
    pub fn next(&mut self) -> io::Result<Option<Taken>> {
        if let Source::Lines(lines) = &mut self.source {
            let Some((line, number)) = lines.next()? else {
                return Ok(None);
            };
            let raw = if self.with_raw {
                line.into()
            } else {
                String::new()
            };
            let document = self.parsed.line(line, number);
            return Ok(Some(Taken {
                kind: Kind::Row,
                document,
                line: number,
                raw,
                cells: None,
            }));
        }
        while self.waiting.is_empty() && !self.is_over {
            self.is_over = !self.read_row()?;
            if self.is_over {
                self.table
                    .finish(&mut self.parsed, &mut self.waiting)
                    .map_err(io::Error::other)?;
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// Reads one more row of a table, which is buffered until the columns are known. Returns
    /// `false` at the end.
    fn read_row(&mut self) -> io::Result<bool> {
        use crate::table::FoundCells;
        let Self {
            source,
            table,
            parsed,
            waiting,
            ..
        } = self;
        let row = match source {
            Source::Lines(_) => unreachable!("lines do not wait"),
            Source::Objects(rows) => rows.next()?,
            Source::Separated(rows) => match rows.next()? {
                Some(FoundCells::Before(raw)) => {
                    waiting.push_back(Taken {
                        kind: Kind::Before,
                        document: None,
                        line: 1,
                        raw,
                        cells: None,
                    });
                    return Ok(true);
                }
                Some(FoundCells::Row(row, taken_in)) => {
                    parsed.note_open_quote(row.line, taken_in);
                    Some(row)
                }
                None => None,
            },
        };
        let Some(row) = row else { return Ok(false) };
        table.take(row, parsed, waiting).map_err(io::Error::other)?;
        Ok(true)
    }

    /// Returns the column names once the first row has been read.
    pub fn column_names(&self) -> &[String] {
        self.parsed
            .table
            .columns
            .as_ref()
            .map(|columns| columns.names.as_slice())
            .unwrap_or_default()
    }

    /// Returns the observations made so far.
    pub fn parsed(mut self) -> Parsed {
        self.table.notice(&mut self.parsed);
        self.parsed
    }
}
