//! Sentences with holes: finds what stands in the holes of one, and fills those of another.

/// What stands in the holes (`{}`) of a pattern, where the text fits it.
pub fn holes<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut pieces = pattern.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut holes = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let end = match pieces.peek() {
            Some(_) => rest.find(piece)?,
            None => rest
                .len()
                .checked_sub(piece.len())
                .filter(|end| rest.get(*end..) == Some(piece))?,
        };
        holes.push(&rest[..end]);
        rest = &rest[end + piece.len()..];
    }
    rest.is_empty().then_some(holes)
}

/// The text with its holes filled: `{}` in order, `{0}` by number.
pub fn fill(text: &str, holes: &[&str]) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut rest, mut next) = (text, 0);
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        let index = name.parse().unwrap_or(next);
        next += usize::from(name.is_empty());
        out.push_str(holes.get(index).copied().unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The text with each `{name}` replaced by the value of that name; one without a value stays.
pub fn fill_named(text: &str, values: super::Values<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match values.iter().find(|(other, _)| *other == name) {
            Some((_, value)) => out.push_str(&value.to_string()),
            None => out.extend(["{", name, "}"]),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_their_names_do() {
        let cases = [
            ("{a} of {b}", "1 of x"),
            ("{b}{a}", "x1"),
            ("{c} {a}", "{c} 1"),
            ("{a", "{a"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(
                fill_named(text, &[("a", &1), ("b", &"x")]),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn holes_are_found_where_the_text_fits() {
        for (pattern, text, expected) in [
            ("done", "done", Some(vec![])),
            ("done", "undone", None),
            ("{} of {}", "3 of 4", Some(vec!["3", "4"])),
            ("{}: no such file", "a: b: no such file", Some(vec!["a: b"])),
            ("line {}.", "line 7", None),
            ("{} ü", "é ü", Some(vec!["é"])),
            ("a {} b", "a b", None),
        ] {
            assert_eq!(holes(pattern, text), expected, "{pattern}");
        }
    }

    #[test]
    fn holes_are_filled_in_order_or_by_number() {
        assert_eq!(fill("{} and {}", &["a", "b"]), "a and b");
        assert_eq!(fill("{1} and {0}", &["a", "b"]), "b and a");
        assert_eq!(fill("none", &["a"]), "none");
        assert_eq!(fill("{2}!", &["a"]), "!");
    }
}
