//! Tests of `error`.

use super::*;
use crate::text::shown::on_one_line;

#[test]
fn hostile_names_stay_on_one_line() {
    for (name, expected) in [
        ("a.txt", "\"a.txt\"".to_string()),
        ("new\nline\u{1b}[2J", "\"new\\nline\\u{1b}[2J\"".into()),
        ("\u{202e}txt.exe", "\"\\u{202e}txt.exe\"".into()),
        (&"x".repeat(300), format!("\"{}…\"", "x".repeat(80))),
    ] {
        assert_eq!(quoted(name), expected);
    }
}

#[test]
fn library_messages_stay_on_one_line() {
    for (reason, expected) in [
        (
            "no `</\u{7f}\n\u{202e}>`",
            "no `</\\u{7f}\\n\\u{202e}>`".to_string(),
        ),
        ("\"é\" or 'e'", "\"é\" or 'e'".into()),
        ("\u{1b}[2J", "\\u{1b}[2J".into()),
        (&"x".repeat(5000), format!("{}…", "x".repeat(300))),
    ] {
        assert_eq!(on_one_line(reason), expected);
    }
}

#[test]
fn messages_say_what_and_where() {
    let png = DataError::NotText {
        file: "a.txt".into(),
        kind: Message::phrase("a PNG image"),
    };
    let one = DataError::NothingUsable {
        files: 1,
        first: Box::new(png.clone()),
    };
    let three = DataError::NothingUsable {
        files: 3,
        first: Box::new(png.clone()),
    };
    for (error, expected) in [
        (png, "\"a.txt\" is not text but a PNG image"),
        (one, "\"a.txt\" is not text but a PNG image"),
        (
            three,
            "none of the 3 files can be used: \"a.txt\" is not text but a PNG image",
        ),
        (
            DataError::CorpusTooSmall {
                tokens: 312,
                needed: 512,
            },
            "the corpus has 312 tokens, but one sequence needs 512",
        ),
    ] {
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn line_too_long_names_its_file() {
    let error = DataError::reading(
        "a.txt",
        io::Error::other(DataError::line_too_long(3, 64 << 20)),
    );
    assert_eq!(
        error.to_string(),
        "line 3 of \"a.txt\" is longer than 64 MiB"
    );
    assert_eq!(
        DataError::reading("b.zip", io::Error::other(error.clone())),
        error,
        "the inner file is the one to name"
    );
}
