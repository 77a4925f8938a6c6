//! Names and sentences from outside, as a sentence of ours may show them: on one line, with every character visible, and
//! not too long.

/// The longest part of a foreign name that a sentence shows.
const SHOWN_CHARS: usize = 80;

/// A name from outside in quotes: on one line, without control or bidirectional characters, and not too long.
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

/// The longest part of another library's sentence that is shown: it may repeat what stands in a file.
const SHOWN_REASON_CHARS: usize = 300;

/// What another library says of a file: on one line, without control or bidirectional characters, and not too long.
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

/// Adds a character, or its escape where it cannot be seen.
fn push_visible(out: &mut String, c: char) {
    match c {
        // Vowels and tones that stand above or below a letter are a part of a name.
        _ if unicode_normalization::char::is_combining_mark(c) => out.push(c),
        '\'' | '"' | '\\' => out.push(c),
        _ => out.extend(c.escape_debug()),
    }
}
