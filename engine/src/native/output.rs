//! Writing to stdout and stderr so that a reader who left (`clozelab .. | head -1`) ends nothing with a panic, and so
//! that text from a file can never drive a terminal.

use crate::error::Error;
use serde::Serialize;
use std::io::{ErrorKind, Write};
use unicode_general_category::{GeneralCategory, get_general_category};

/// Whether there is still somebody to write for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// The line arrived.
    There,
    /// The pipe is closed: what follows would be in vain.
    Gone,
}

/// One line for people, on stderr. Nothing can be done where it does not arrive, so nothing is.
pub(super) fn to_people(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A failure of stdin as a person should read it.
pub(super) fn stdin_error(error: &std::io::Error) -> Error {
    Error::Io {
        message: format!("stdin cannot be read: {error}"),
        hint: "Start the command again.".into(),
    }
}

/// One JSON value as one line on stdout, at once.
///
/// # Errors
/// When stdout cannot take it for another reason than that its reader left.
pub(super) fn json_line(value: &impl Serialize) -> Result<Reader, Error> {
    let mut line = serde_json::to_string(value).expect("answers and events serialise");
    line.push('\n');
    result(&line)
}

/// Text on stdout, at once.
///
/// # Errors
/// When stdout cannot take it for another reason than that its reader left.
pub(super) fn result(text: &str) -> Result<Reader, Error> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Error::Io {
            message: format!("stdout cannot be written: {error}"),
            hint: "Check where the output is redirected to and whether that disk is full.".into(),
        }),
    }
}

/// Foreign text made harmless for a terminal: control and direction characters are escaped, quotes stay.
pub(super) fn plain(text: &str) -> String {
    // Vowels and tones above or below a letter are parts of it.
    let harmless = |c: char| matches!(c, '"' | '\'' | '\\') || is_mark(c);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if harmless(c) {
            out.push(c)
        } else {
            out.extend(c.escape_debug())
        }
    }
    out
}

fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(
        get_general_category(c),
        NonspacingMark | SpacingMark | EnclosingMark
    )
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn text_from_files_cannot_drive_a_terminal() {
        assert_eq!(
            plain("a \"b\"\u{1b}[31m\n\u{202e}é"),
            "a \"b\"\\u{1b}[31m\\n\\u{202e}é"
        );
        assert_eq!(plain("ข้อความ Cafe\u{301}"), "ข้อความ Cafe\u{301}");
    }
}
