//! Splits text into sentences for next-sentence prediction. The rule is deliberately simple: a
//! sentence ends at `.`, `!` or `?` or a relative such as `…`, `؟` or `।`, with any closing quotes
//! or brackets, if white space or the end of the text follows; the ideographic full stop `。` and
//! its full-width relatives end one anywhere. Unicode's rule (UAX 29) is not used: it never ends a
//! sentence before a lower-case letter, and tokenised text is often lower-cased as a whole.

/// Returns the sentences of `text` in order, trimmed; the whole text if nothing ends a sentence.
/// Sentences without letters and digits are dropped.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((index, c)) = characters.next() {
        let anywhere = ends_anywhere(c);
        if !anywhere && !ends_before_space(c) {
            continue;
        }
        let mut end = index + c.len_utf8();
        while let Some(&(next, closing)) = characters.peek() {
            if !(closes(closing) || ends_before_space(closing) || ends_anywhere(closing)) {
                break;
            }
            end = next + closing.len_utf8();
            characters.next();
        }
        if anywhere || text[end..].chars().next().is_none_or(char::is_whitespace) {
            out.push(text[start..end].trim());
            start = end;
        }
    }
    out.push(text[start..].trim());
    out.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    out
}

fn ends_anywhere(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡')
}

fn ends_before_space(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '؟' | '۔' | '।')
}

fn closes(c: char) -> bool {
    matches!(
        c,
        '"' | '\'' | ')' | ']' | '»' | '”' | '’' | '」' | '』' | '）'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_at_punctuation() {
        for (text, expected) in [
            ("", &[][..]),
            ("no end", &["no end"]),
            ("One. Two! Three?", &["One.", "Two!", "Three?"]),
            (
                "the man went . he came home .",
                &["the man went .", "he came home ."],
            ),
            (
                "It costs 3.50 at a.b.c now. \"Yes.\" He left...",
                &["It costs 3.50 at a.b.c now.", "\"Yes.\"", "He left..."],
            ),
            (
                "山重水複。柳暗花明！」又一村",
                &["山重水複。", "柳暗花明！」", "又一村"],
            ),
            ("... ! one. ?", &["one."]),
        ] {
            assert_eq!(sentences(text), expected, "{text}");
        }
    }
}
