//! How the rows of a separated text are written: what stands between cells, how quotes work, and where the rows begin. A
//! person says it, or the first part of the text does: of all ways to read it, the one whose rows agree best.

use protocol::Quoting;
use std::collections::BTreeMap;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// What stands between cells.
    pub delimiter: u8,
    /// How cells are quoted.
    pub quoting: Quoting,
    /// Bytes before the first row, such as a title and a date above the header.
    pub skipped_bytes: usize,
    /// Lines before it that are not blank.
    pub skipped_lines: u64,
    /// Cells of most rows.
    pub width: usize,
}

/// How well a text agrees with a dialect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// The share of rows with the usual number of cells and sound quotes.
    pub share: f64,
    /// Rows that were looked at.
    pub rows: usize,
    /// Whether all of them have sound quotes.
    is_sound: bool,
}

/// What may stand between cells, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];
/// Rows that are looked at.
const MAX_ROWS: usize = 10_000;
/// Lines before the header.
const MAX_PREAMBLE: usize = 20;
/// Another delimiter than the name's has to make rows agree better by this much.
const NAMED_ADVANTAGE: f64 = 0.15;
/// Lines above a header have to make rows agree better by this much.
const NO_PREAMBLE_ADVANTAGE: f64 = 0.3;
/// Another quoting than the usual one has to make rows agree better by this much.
const USUAL_ADVANTAGE: f64 = 0.02;

/// The dialect of a text that begins with `head`, all of which that is where `whole`. `named` is the delimiter that the
/// file's name stands for, `asked` the quoting that a person asks for.
pub fn find(
    head: &str,
    whole: bool,
    named: Option<u8>,
    asked: Option<Quoting>,
) -> (Dialect, Agreement) {
    let (declared, begin) = declared_delimiter(head);
    let text = &head[begin..];
    let mut best: Option<(Dialect, Agreement, f64)> = None;
    for delimiter in DELIMITERS {
        if declared.is_some_and(|declared| declared != delimiter) {
            continue;
        }
        let mut usual_is_sound = true;
        for quoting in Quoting::ALL {
            if asked.is_some_and(|asked| asked != quoting)
                || (asked.is_none() && !may_be(quoting, text))
            {
                continue;
            }
            let (dialect, agreement) = read_with(text, whole, delimiter, quoting);
            let is_usual = quoting == Quoting::Double;
            usual_is_sound = if is_usual {
                agreement.is_sound
            } else {
                usual_is_sound
            };
            // Quotes that are sound as they are need no other reading; single ones are none to the usual reading.
            if asked.is_none() && !is_usual && quoting != Quoting::Single && usual_is_sound {
                continue;
            }
            let mut score = agreement.share;
            score -= if named.is_some_and(|named| named != delimiter) {
                NAMED_ADVANTAGE
            } else {
                0.0
            };
            score -= if is_usual { 0.0 } else { USUAL_ADVANTAGE };
            score -= if dialect.skipped_lines > 0 {
                NO_PREAMBLE_ADVANTAGE
            } else {
                0.0
            };
            // Text without the delimiter agrees with it perfectly, and says nothing.
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

/// The dialect of CSV as in RFC 4180; only lines above the header are looked for.
pub fn of_csv(head: &str, whole: bool) -> Dialect {
    read_with(head, whole, b',', Quoting::Double).0
}

/// What `sep=;` in the first line declares, as spreadsheets read it, and where the text behind that line begins.
fn declared_delimiter(head: &str) -> (Option<u8>, usize) {
    let first = head.split(['\r', '\n']).next().unwrap_or_default();
    let bare = first.trim_matches('"');
    let declared = bare
        .get(..4)
        .filter(|key| key.eq_ignore_ascii_case("sep="))
        .and_then(|_| bare.get(4..));
    match declared.map(str::as_bytes) {
        Some([delimiter]) if DELIMITERS.contains(delimiter) => {
            let behind = &head[first.len()..];
            let end = if behind.starts_with("\r\n") {
                2
            } else {
                usize::from(!behind.is_empty())
            };
            (Some(*delimiter), first.len() + end)
        }
        _ => (None, 0),
    }
}

/// Whether a text holds what a quoting is for.
fn may_be(quoting: Quoting, text: &str) -> bool {
    match quoting {
        Quoting::Double => true,
        Quoting::Backslash => text.contains("\\\""),
        Quoting::Single => text.contains('\''),
        Quoting::None => text.contains('"'),
    }
}

/// A row as far as its form goes.
#[derive(Debug)]
struct Shape {
    start: usize,
    cells: usize,
    filled: usize,
    first_is_filled: bool,
    /// Whether each quote that opens a cell closes it.
    is_sound: bool,
    quoted: usize,
    /// Lines that it takes.
    lines: usize,
}

fn read_with(text: &str, whole: bool, delimiter: u8, quoting: Quoting) -> (Dialect, Agreement) {
    let mut rows = shapes(text, delimiter, quoting);
    if !whole && rows.len() < MAX_ROWS {
        // The last row may be cut.
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
    // Single quotes are apostrophes unless most rows have cells in them.
    let is_meant = quoting != Quoting::Single || 2 * quoted >= rows.len();
    let agrees = |row: &&Shape| row.cells == width && row.is_sound && is_meant;
    let header = usize::from(rows.first().is_some_and(|row| row.cells != width));
    // A row that takes in others since a quote is not closed counts as all of them.
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

/// Rows before the header: those of one cell, or with one filled, above rows that have more; and all those above a row
/// without a filled cell, if none of them fills its cells and the row behind it does.
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
    // They are few beside the rows; a row whose other cells are empty may begin a table all the same.
    let behind = rows[first..].iter().filter(|row| is_row(row)).count();
    if behind > first && behind > 1 {
        first
    } else {
        0
    }
}

fn line_ends(text: &str) -> u64 {
    (text.matches(['\r', '\n']).count() - text.matches("\r\n").count()) as u64
}

/// The rows of a text, without blank lines.
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

/// The row that begins at `at`, and where it ends.
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
        if is_quoted {
            row.quoted += 1;
            at = behind_quotes(bytes, at, quoting);
        }
        let closed = at;
        while bytes
            .get(at)
            .is_some_and(|byte| *byte != delimiter && !matches!(byte, b'\r' | b'\n'))
        {
            at += 1;
        }
        let behind = bytes[closed.min(at)..at].iter().all(|byte| *byte == b' ');
        let is_whole = bytes[cell..at].len() > 1 && bytes[cell] == b'"' && bytes[at - 1] == b'"';
        // A quote closes a cell where a delimiter follows; without quoting, no cell is in quotes.
        let is_closed = closed > cell + 1 && Some(bytes[closed - 1]) == quoting.mark();
        row.is_sound &= if quoting == Quoting::None {
            !is_whole
        } else {
            !is_quoted || (behind && is_closed)
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

/// Where a quoted cell that begins at `at` is over; the end of the text where it is not closed.
fn behind_quotes(bytes: &[u8], at: usize, quoting: Quoting) -> usize {
    let mark = quoting.mark().expect("asked of quoted cells only");
    let mut place = at + 1;
    while let Some(byte) = bytes.get(place) {
        match *byte {
            b'\\' if quoting == Quoting::Backslash => place += 1,
            byte if byte == mark
                && quoting != Quoting::Backslash
                && bytes.get(place + 1) == Some(&mark) =>
            {
                place += 1
            }
            byte if byte == mark => return place + 1,
            _ => {}
        }
        place += 1;
    }
    // Not closed: it takes in all that follows.
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
    fn the_way_in_which_rows_agree_is_found() {
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
    fn what_a_person_asks_for_holds() {
        let (dialect, _) = find(
            "text,label\n\"a b\",x\n",
            true,
            Some(b','),
            Some(Quoting::None),
        );
        assert_eq!(dialect.quoting, Quoting::None);
    }
}
