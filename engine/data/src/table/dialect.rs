//! Detects the dialect of separated text: the delimiter, the quoting, and lines before the header.
//! Each candidate is scored by how consistent it makes the rows of the first part of the text; the
//! user may fix the quoting.

use protocol::Quoting;
use std::collections::BTreeMap;

/// The notation of separated rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The byte between cells.
    pub delimiter: u8,
    /// How cells are quoted.
    pub quoting: Quoting,
    /// Number of bytes before the first row, such as a title and a date above the header.
    pub skipped_bytes: usize,
    /// Number of lines in these bytes.
    pub skipped_lines: u64,
    /// Number of cells in most rows.
    pub width: usize,
}

/// How consistent the rows of a text are in a dialect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Share of lines (0 to 1) in rows with the usual number of cells and well-formed quotes.
    pub share: f64,
    /// Number of rows that were inspected.
    pub rows: usize,
    /// Whether the quotes of all rows are well formed.
    is_sound: bool,
}

/// Candidate delimiters, likeliest first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Maximum number of rows that are inspected.
const MAX_ROWS: usize = 10_000;
/// Maximum number of rows before the header.
const MAX_PREAMBLE: usize = 20;
/// Score penalty for a delimiter other than the one that the file name implies.
const OTHER_DELIMITER_PENALTY: f64 = 0.15;
/// Score penalty for lines above the header.
const PREAMBLE_PENALTY: f64 = 0.3;
/// Score penalty for any quoting other than that of RFC 4180.
const OTHER_QUOTING_PENALTY: f64 = 0.02;

/// Detects the dialect of a text that begins with `head`; `is_complete` means that nothing follows
/// it. `named` is the delimiter that the file name implies, `requested` the quoting that the user
/// requests.
pub fn find(
    head: &str,
    is_complete: bool,
    named: Option<u8>,
    requested: Option<Quoting>,
) -> (Dialect, Agreement) {
    let (declared, begin) = declared_delimiter(head);
    let text = &head[begin..];
    let mut best: Option<(Dialect, Agreement, f64)> = None;
    for delimiter in DELIMITERS {
        if declared.is_some_and(|declared| declared != delimiter) {
            continue;
        }
        let mut double_is_sound = true;
        for quoting in Quoting::ALL {
            if requested.is_some_and(|requested| requested != quoting)
                || (requested.is_none() && !is_plausible(quoting, text))
            {
                continue;
            }
            let (dialect, agreement) = read_with(text, is_complete, delimiter, quoting);
            let is_double = quoting == Quoting::Double;
            double_is_sound = if is_double {
                agreement.is_sound
            } else {
                double_is_sound
            };
            // If the usual quoting is well formed, the others add nothing, except single quotes,
            // which are ordinary characters to it.
            if requested.is_none() && !is_double && quoting != Quoting::Single && double_is_sound {
                continue;
            }
            let mut score = agreement.share;
            score -= if named.is_some_and(|named| named != delimiter) {
                OTHER_DELIMITER_PENALTY
            } else {
                0.0
            };
            score -= if is_double {
                0.0
            } else {
                OTHER_QUOTING_PENALTY
            };
            score -= if dialect.skipped_lines > 0 {
                PREAMBLE_PENALTY
            } else {
                0.0
            };
            // Text without the delimiter is always consistent, which proves nothing.
            score -= if dialect.width < 2 { 1.0 } else { 0.0 };
            if best.as_ref().is_none_or(|(.., best)| score > *best) {
                best = Some((dialect, agreement, score));
            }
        }
    }
    let (mut dialect, agreement, _) =
        best.expect("there are delimiters, and one quoting or another may be");
    if dialect.width < 2 {
        dialect.delimiter = declared.or(named).unwrap_or(DELIMITERS[0]);
    }
    dialect.skipped_bytes += begin;
    dialect.skipped_lines += u64::from(begin > 0);
    (dialect, agreement)
}

/// Returns the dialect of RFC 4180 CSV; only lines above the header are detected.
pub fn of_csv(head: &str, is_complete: bool) -> Dialect {
    read_with(head, is_complete, b',', Quoting::Double).0
}

/// Returns the delimiter that a first line such as `sep=;` declares to spreadsheets, and the offset
/// of the text after that line.
fn declared_delimiter(head: &str) -> (Option<u8>, usize) {
    let first = head.split(['\r', '\n']).next().unwrap_or_default();
    let bare = first.trim_matches('"');
    let declared = bare
        .get(..4)
        .filter(|key| key.eq_ignore_ascii_case("sep="))
        .and_then(|_| bare.get(4..));
    match declared.map(str::as_bytes) {
        Some([delimiter]) if DELIMITERS.contains(delimiter) => {
            let rest = &head[first.len()..];
            let end = if rest.starts_with("\r\n") {
                2
            } else {
                usize::from(!rest.is_empty())
            };
            (Some(*delimiter), first.len() + end)
        }
        _ => (None, 0),
    }
}

/// Returns whether a text contains the characters that `quoting` is for.
fn is_plausible(quoting: Quoting, text: &str) -> bool {
    match quoting {
        Quoting::Double => true,
        Quoting::Backslash => text.contains("\\\""),
        Quoting::Single => text.contains('\''),
        Quoting::None => text.contains('"'),
    }
}

/// The structure of a row, without its content.
#[derive(Debug)]
struct Shape {
    start: usize,
    cells: usize,
    filled: usize,
    first_is_filled: bool,
    /// Whether every quote that opens a cell also closes it.
    is_sound: bool,
    quoted: usize,
    /// Number of lines that the row spans.
    lines: usize,
}

fn read_with(
    text: &str,
    is_complete: bool,
    delimiter: u8,
    quoting: Quoting,
) -> (Dialect, Agreement) {
    let mut rows = shapes(text, delimiter, quoting);
    if !is_complete && rows.len() < MAX_ROWS {
        // The last row may be truncated.
        rows.pop();
    }
    let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
    rows.iter()
        .for_each(|row| *widths.entry(row.cells).or_default() += 1);
    let width = widths
        .iter()
        .max_by_key(|(_, count)| **count)
        .map_or(1, |(width, _)| *width);
    let preamble = preamble(&rows, width);
    let begin = rows.get(preamble).map_or(0, |row| row.start);
    let rows = &rows[preamble.min(rows.len())..];
    let quoted = rows.iter().filter(|row| row.quoted > 0).count();
    // Single quotes are apostrophes unless at least half of the rows have quoted cells.
    let quotes_cells = quoting != Quoting::Single || 2 * quoted >= rows.len();
    let agrees = |row: &&Shape| row.cells == width && row.is_sound && quotes_cells;
    let header = usize::from(rows.first().is_some_and(|row| row.cells != width));
    // A row that swallows others because of an unclosed quote counts as all of them.
    let lines_of = |row: &Shape| row.lines;
    let lines: usize = rows.iter().map(lines_of).sum();
    let agreeing = rows
        .iter()
        .filter(agrees)
        .map(lines_of)
        .sum::<usize>()
        .saturating_sub(header);
    let share = agreeing as f64 / lines.max(1) as f64;
    let skipped_lines = if preamble > 0 {
        line_ends(&text[..begin])
    } else {
        0
    };
    let skipped_bytes = if preamble > 0 { begin } else { 0 };
    (
        Dialect {
            delimiter,
            quoting,
            skipped_bytes,
            skipped_lines,
            width,
        },
        Agreement {
            share,
            rows: rows.len(),
            is_sound: rows.iter().all(|row| row.is_sound),
        },
    )
}

/// Returns the number of rows before the header: rows with at most one filled cell above rows with
/// more; or all rows down to an empty one, if none of them fills all its cells and the row after
/// the empty one does.
fn preamble(rows: &[Shape], width: usize) -> usize {
    let first_rows = &rows[..rows.len().min(MAX_PREAMBLE)];
    let gap = first_rows
        .iter()
        .position(|row| row.filled == 0)
        .filter(|_| width > 1);
    if let Some(gap) = gap
        && rows[..gap].iter().all(|row| row.filled < width)
        && rows.get(gap + 1).is_some_and(|row| row.filled == width)
    {
        return gap + 1;
    }
    let is_row = |row: &Shape| row.filled > 1 || !row.first_is_filled;
    let Some(first) = rows
        .iter()
        .take(MAX_PREAMBLE)
        .position(is_row)
        .filter(|_| width > 1)
    else {
        return 0;
    };
    // There must be fewer of them than rows: a table may also begin with a row whose other cells
    // are empty.
    let row_count = rows[first..].iter().filter(|row| is_row(row)).count();
    if row_count > first && row_count > 1 {
        first
    } else {
        0
    }
}

fn line_ends(text: &str) -> u64 {
    (text.matches(['\r', '\n']).count() - text.matches("\r\n").count()) as u64
}

/// Splits a text into rows; blank lines are skipped.
fn shapes(text: &str, delimiter: u8, quoting: Quoting) -> Vec<Shape> {
    let mut rows = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while rows.len() < MAX_ROWS {
        while matches!(bytes.get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        if at >= bytes.len() {
            break;
        }
        let (row, end) = shape(bytes, at, delimiter, quoting);
        rows.push(row);
        at = end;
    }
    rows
}

/// Reads the row that begins at `at`, and returns it with the offset of its end.
fn shape(bytes: &[u8], mut at: usize, delimiter: u8, quoting: Quoting) -> (Shape, usize) {
    let mut row = Shape {
        start: at,
        cells: 0,
        filled: 0,
        first_is_filled: false,
        is_sound: true,
        quoted: 0,
        lines: 1,
    };
    loop {
        let cell = at;
        let is_quoted = quoting.mark().is_some() && bytes.get(at).copied() == quoting.mark();
        row.quoted += usize::from(is_quoted);
        let (closed, end) = cell_end(bytes, at, delimiter, quoting);
        at = end;
        let only_spaces_follow = bytes[closed.min(at)..at].iter().all(|byte| *byte == b' ');
        let in_double_quotes =
            bytes[cell..at].len() > 1 && bytes[cell] == b'"' && bytes[at - 1] == b'"';
        // A closing quote must be followed by a delimiter or a line end, spaces aside; without
        // quoting, no cell may be enclosed in double quotes.
        let is_closed = closed > cell + 1 && Some(bytes[closed - 1]) == quoting.mark();
        row.is_sound &= if quoting == Quoting::None {
            !in_double_quotes
        } else {
            !is_quoted || (only_spaces_follow && is_closed)
        };
        let is_filled = bytes[cell..at]
            .iter()
            .any(|byte| !matches!(byte, b' ' | b'"'));
        row.first_is_filled |= row.cells == 0 && is_filled;
        row.filled += usize::from(is_filled);
        row.cells += 1;
        if bytes.get(at).copied() != Some(delimiter) {
            row.lines += bytes[row.start..at]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count();
            return (row, at);
        }
        at += 1;
    }
}

/// Returns the cells of the first `limit` rows of a text, without the quotes around them.
pub fn first_rows<'a>(text: &'a str, dialect: &Dialect, limit: usize) -> Vec<Vec<&'a str>> {
    let bytes = text.as_bytes();
    let mark = dialect.quoting.mark().map_or('"', char::from);
    let (mut rows, mut at) = (Vec::new(), dialect.skipped_bytes);
    while rows.len() < limit {
        while matches!(bytes.get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        if at >= bytes.len() {
            break;
        }
        let mut row = Vec::new();
        loop {
            let (_, end) = cell_end(bytes, at, dialect.delimiter, dialect.quoting);
            row.push(text[at..end].trim_matches(['"', ' ', mark]));
            at = end;
            if bytes.get(at) != Some(&dialect.delimiter) {
                break;
            }
            at += 1;
        }
        rows.push(row);
    }
    rows
}

/// Returns the offsets after the quotes of the cell that begins at `at`, if it has any, and after
/// the cell.
fn cell_end(bytes: &[u8], at: usize, delimiter: u8, quoting: Quoting) -> (usize, usize) {
    let is_quoted = quoting.mark().is_some() && bytes.get(at).copied() == quoting.mark();
    let closed = if is_quoted {
        end_of_quoted_cell(bytes, at, quoting)
    } else {
        at
    };
    let rest = bytes[closed.min(bytes.len())..].iter();
    let is_in_cell = |byte: &&u8| **byte != delimiter && !matches!(**byte, b'\r' | b'\n');
    (closed, closed + rest.take_while(is_in_cell).count())
}

/// Returns the offset after the closing quote of the cell that begins at `at`, or the end of the
/// text if it is not closed.
fn end_of_quoted_cell(bytes: &[u8], at: usize, quoting: Quoting) -> usize {
    let mark = quoting.mark().expect("asked of quoted cells only");
    let mut index = at + 1;
    while let Some(byte) = bytes.get(index) {
        match *byte {
            b'\\' if quoting == Quoting::Backslash => index += 1,
            byte if byte == mark
                && quoting != Quoting::Backslash
                && bytes.get(index + 1) == Some(&mark) =>
            {
                index += 1
            }
            byte if byte == mark => return index + 1,
            _ => {}
        }
        index += 1;
    }
    // Not closed: the cell extends to the end of the text.
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, named: Option<u8>, expected: (u8, Quoting, usize, u64)) {
        let (dialect, agreement) = find(text, true, named, None);
        let found = (
            dialect.delimiter,
            dialect.quoting,
            dialect.width,
            dialect.skipped_lines,
        );
        assert_eq!(found, expected, "{text} {agreement:?}");
    }

    #[test]
    fn the_most_consistent_dialect_is_detected() {
        let comma = Some(b',');
        for (text, named, expected) in [
            (
                "text,label\na b,x\nc d,y\n",
                comma,
                (b',', Quoting::Double, 2, 0),
            ),
            (
                "text;label\na, b;x\nc, d;y\n",
                comma,
                (b';', Quoting::Double, 2, 0),
            ),
            (
                "text\tlabel\na, b\tx\nc, d\ty\n",
                comma,
                (b'\t', Quoting::Double, 2, 0),
            ),
            (
                "text|label\na b|x\nc d|y\n",
                comma,
                (b'|', Quoting::Double, 2, 0),
            ),
            (
                "sep=;\ntext;label\na b;x\n",
                comma,
                (b';', Quoting::Double, 2, 1),
            ),
            (
                "\"sep=\t\"\r\ntext\tlabel\r\na b\tx\r\n",
                comma,
                (b'\t', Quoting::Double, 2, 1),
            ),
            (
                "text,label\n\"a \\\"b, c\\\" d\",x\n\"e \\\"f\\\"\",y\n",
                comma,
                (b',', Quoting::Backslash, 2, 0),
            ),
            (
                "text,label\n'a, b',x\n'c, d',y\n",
                comma,
                (b',', Quoting::Single, 2, 0),
            ),
            (
                "text,label\nit's, x\nit's,y\n",
                comma,
                (b',', Quoting::Double, 2, 0),
            ),
            (
                "text\tlabel\n\"a b\tx\nc \"d\ty\n\"e\tz\n",
                Some(b'\t'),
                (b'\t', Quoting::None, 2, 0),
            ),
            (
                "text\tlabel\na\tx\n\"b\ty\nc\tx\nd\tx\n\"e\tz\nf\tx\n",
                Some(b'\t'),
                (b'\t', Quoting::None, 2, 0),
            ),
            (
                "text\tlabel\n\"a\tb\"\tx\n\"c \"\"d\"\"\"\ty\n",
                Some(b'\t'),
                (b'\t', Quoting::Double, 2, 0),
            ),
            (
                "From my app\non Monday\n\ntext,label\na b,x\nc d,y\ne f,z\n",
                comma,
                (b',', Quoting::Double, 2, 3),
            ),
            (
                "Report;;\ntext;label;n\na b;x;1\nc d;y;2\n",
                comma,
                (b';', Quoting::Double, 3, 1),
            ),
            (
                "v1,v2,,\nx,a b,,\ny,c d,,\n",
                comma,
                (b',', Quoting::Double, 4, 0),
            ),
            (
                ",text\n0,a b\n1,c d\n",
                comma,
                (b',', Quoting::Double, 2, 0),
            ),
            (
                "only one column\nof text\n",
                comma,
                (b',', Quoting::Double, 1, 0),
            ),
            ("", comma, (b',', Quoting::Double, 1, 0)),
        ] {
            check(text, named, expected);
        }
    }

    #[test]
    fn a_requested_quoting_is_used() {
        let (dialect, _) = find(
            "text,label\n\"a b\",x\n",
            true,
            Some(b','),
            Some(Quoting::None),
        );
        assert_eq!(dialect.quoting, Quoting::None);
    }
}
