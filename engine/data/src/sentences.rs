//! Text -> sentences, for next-sentence prediction. The rule is small on purpose: a sentence ends at `.`, `!` or `?`
//! (also full-width or Arabic) with what closes behind it, before white space or the end; the ideographic stop `。` and
//! its kin end one anywhere. Unicode's rule (UAX 29) is not used: it never ends a sentence before a lower-case letter,
//! and text that is already tokenised is often lower-cased as a whole.

/// The sentences of `text`, in order, without the space around them; all of it as one where nothing ends.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let anywhere = ends_anywhere(c);
        if !anywhere && !ends_before_space(c) {
            continue;
        }
        let mut end = at + c.len_utf8();
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
    fn sentences_end_where_readers_end_them() {
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
