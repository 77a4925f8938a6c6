//! Formats untrusted names and messages for display: on one line, with every character visible, and
//! of limited length.

/// Maximum characters of a name that are shown.
const SHOWN_CHARS: usize = 80;

/// Quotes an untrusted name: on one line, without control or bidirectional characters, and of
/// limited length.
pub fn quoted(name: &str) -> String {
    let mut shown: String = name.chars().take(SHOWN_CHARS).collect();
    if shown.len() < name.len() {
        shown.push('…');
    }
    let mut out = String::from("\"");
    for c in shown.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            _ => push_visible(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// Maximum characters shown of a message from another library, which may repeat file contents.
const SHOWN_REASON_CHARS: usize = 300;

/// Escapes a message from another library: on one line, without control or bidirectional
/// characters, and of limited length.
pub(crate) fn on_one_line(reason: &str) -> String {
    let mut out = String::new();
    reason
        .chars()
        .take(SHOWN_REASON_CHARS)
        .for_each(|c| push_visible(&mut out, c));
    if reason.chars().nth(SHOWN_REASON_CHARS).is_some() {
        out.push('…');
    }
    out
}

/// Appends a character, escaped if it is not visible.
fn push_visible(out: &mut String, c: char) {
    match c {
        // Combining marks, such as vowels and tones above or below a letter, belong to a name.
        _ if unicode_normalization::char::is_combining_mark(c) => out.push(c),
        '\'' | '"' | '\\' => out.push(c),
        _ => out.extend(c.escape_debug()),
    }
}
