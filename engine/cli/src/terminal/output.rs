//! Writes to stdout and stderr. A closed pipe (`clozelab .. | head -1`) does not cause a panic, and
//! [`plain`] escapes text from files so that it cannot control the terminal.

use engine::error::Error;
use protocol::message;
use serde::Serialize;
use std::io::{ErrorKind, Write};
use unicode_general_category::{GeneralCategory, get_general_category};

/// Whether stdout still has a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// The text was written.
    There,
    /// The pipe is closed, so further output is pointless.
    Gone,
}

/// Writes one line for users to stderr. A failure is ignored, since there is nowhere left to report
/// it.
pub(crate) fn print_stderr(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Converts a read error of stdin to an error with a message and a hint.
pub(crate) fn stdin_error(error: &std::io::Error) -> Error {
    Error::Io {
        message: message!("stdin cannot be read: {error}", error = error.to_string()),
        hint: message!("Run the command again."),
    }
}

/// Writes a value to stdout as one line of JSON and flushes it.
///
/// # Errors
/// Returns an error if stdout cannot be written for any reason other than a closed pipe.
pub(crate) fn json_line(value: &impl Serialize) -> Result<Reader, Error> {
    let mut line = serde_json::to_string(value).expect("answers and events serialise");
    line.push('\n');
    result(&line)
}

/// Writes text to stdout and flushes it.
///
/// # Errors
/// Returns an error if stdout cannot be written for any reason other than a closed pipe.
pub(crate) fn result(text: &str) -> Result<Reader, Error> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Error::Io {
            message: message!("cannot write to stdout: {error}", error = error.to_string()),
            hint: message!(
                "Check where the output is redirected to and whether that disk is full."
            ),
        }),
    }
}

/// Escapes control and bidirectional formatting characters, so that untrusted text is safe to
/// print. Quotes and backslashes stay as they are.
pub(crate) fn plain(text: &str) -> String {
    // `escape_debug` would escape combining marks, such as Thai vowels and tone marks.
    let is_safe = |c: char| matches!(c, '"' | '\'' | '\\') || is_mark(c);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_safe(c) {
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
    fn text_from_files_cannot_control_the_terminal() {
        assert_eq!(
            plain("a \"b\"\u{1b}[31m\n\u{202e}é"),
            "a \"b\"\\u{1b}[31m\\n\\u{202e}é"
        );
        assert_eq!(plain("ข้อความ Cafe\u{301}"), "ข้อความ Cafe\u{301}");
    }
}
