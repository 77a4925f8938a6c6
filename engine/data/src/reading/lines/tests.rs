//! Tests of `lines`.

use crate::reading::lines::*;

fn document(line: u64, text: &str, second: Option<&str>, labels: &[&str]) -> Document {
    let labels = labels.iter().map(|label| (*label).into()).collect();
    Document {
        text: text.into(),
        second: second.map(Into::into),
        labels,
        file: 0,
        line,
        block: 0,
    }
}

fn parse_pieces(text: impl BufRead) -> (Vec<Document>, Parsed) {
    let (mut lines, mut parsed, mut documents) =
        (LineReader::new(text), Parsed::default(), Vec::new());
    while let Some((line, number)) = lines.next().expect("memory") {
        documents.extend(parsed.line(line, number));
    }
    (documents, parsed)
}

fn parse(text: &str) -> (Vec<Document>, Parsed) {
    parse_pieces(text.as_bytes())
}

fn check(text: &str, expected: &[Document]) {
    let mut documents = parse(text).0;
    documents.iter_mut().for_each(|document| document.block = 0);
    assert_eq!(documents, expected, "{text:?}");
}

#[test]
fn every_line_end_ends_a_line() {
    let three = [
        document(1, "a", None, &[]),
        document(2, "b c", None, &[]),
        document(3, "d", None, &[]),
    ];
    for text in [
        "a\nb c\nd\n",
        "a\nb c\nd",
        "a\r\nb c\r\nd\r\n",
        "a\rb c\rd\r",
        "a\r\nb c\rd\n",
    ] {
        check(text, &three);
    }
    check(
        "a\u{2028}b\u{b}c\u{85}d",
        &[document(1, "a\u{2028}b\u{b}c\u{85}d", None, &[])],
    );
    check("", &[]);
}

#[test]
fn lines_do_not_depend_on_buffer_boundaries() {
    let text = "é a\r\nb\rc\n\r\n\n好🙂";
    let whole = parse(text).0;
    for size in 1..7 {
        let pieces = io::BufReader::with_capacity(size, text.as_bytes());
        assert_eq!(parse_pieces(pieces).0, whole, "{size}");
    }
}

#[test]
fn labels_are_extracted_at_any_position() {
    check(
        "a b __label__x __label__y",
        &[document(1, "a b", None, &["x", "y"])],
    );
    check("__label__x a b", &[document(1, "a b", None, &["x"])]);
    check(
        "a __label__x b __label__x",
        &[document(1, "a b", None, &["x"])],
    );
    check("a __label__ b", &[document(1, "a b", None, &[])]);
    check("a__label__x b", &[document(1, "a__label__x b", None, &[])]);
    check("a\t__label__x", &[document(1, "a", None, &["x"])]);
    check(
        "a  b __LABEL__x",
        &[document(1, "a  b __LABEL__x", None, &[])],
    );
    check(
        "x __label__é__label__z",
        &[document(1, "x", None, &["é__label__z"])],
    );
}

#[test]
fn one_tab_between_two_texts_makes_a_pair() {
    check(
        "a b\tc d __label__x",
        &[document(1, "a b", Some("c d"), &["x"])],
    );
    check("__label__x a\tb", &[document(1, "a", Some("b"), &["x"])]);
    check("\ta b", &[document(1, "a b", None, &[])]);
    check("a\tb\tc", &[document(1, "a b c", None, &[])]);
}

#[test]
fn blank_lines_separate_blocks() {
    let blocks = |text: &str| {
        parse(text)
            .0
            .iter()
            .map(|document| document.block)
            .collect::<Vec<_>>()
    };
    assert_eq!(blocks("\na\nb\n\n \nc\n__label__x\nd\n"), [0, 0, 1, 1]);
    assert_eq!((blocks("a\nb\nc"), parse("").1.blocks), (vec![0, 0, 0], 0));
}

#[test]
fn dropped_lines_are_counted_with_their_reason() {
    let (documents, parsed) = parse("\nx\n \u{3000}\u{a0}\t\n__label__a __label__b\n\n__label__c");
    assert_eq!(documents, [document(2, "x", None, &[])]);
    let dropped = |reason: &'static str, count, first_line| Dropped {
        reason: Message::phrase(reason),
        count,
        first_line,
    };
    assert_eq!(
        parsed.dropped,
        [
            dropped("empty", 3, 1),
            dropped("with labels but no text", 2, 4)
        ]
    );
}

#[test]
fn noise_is_replaced_and_reported() {
    let (documents, parsed) = parse("a\0b\u{1b}[2J\n\u{feff}c\u{feff}d\u{202e} __label__\n\0\0\n");
    assert_eq!(
        documents,
        [
            document(1, "a b [2J", None, &[]),
            document(2, "cd\u{202e}", None, &[])
        ]
    );
    assert_eq!(
        (parsed.controls, parsed.labels.unnamed, parsed.bidi),
        (4, 1, true)
    );
    let odd = |text: &str| parse(text).1.labels.odd;
    assert_eq!(
        odd("a __label__x\nb __lable__x __LABEL__y\nc __label_x"),
        Some((2, 2))
    );
    assert_eq!(odd("__init__ __call__x __label__ __label__l__x"), None);
    assert_eq!(
        parsed.dropped,
        [Dropped {
            reason: Message::phrase("empty"),
            count: 1,
            first_line: 3
        }]
    );
}
