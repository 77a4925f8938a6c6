//! Tests of `error`.

use super::*;

#[test]
fn a_hostile_name_stays_on_one_line() {
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
fn what_a_library_says_of_a_hostile_file_stays_on_one_line() {
    let damaged = |problem: &str| DataError::DamagedArchive {
        file: "a".into(),
        format: "Word",
        problem: problem.into(),
    };
    for (problem, expected) in [
        (
            "is damaged (no `</\u{7f}\n\u{202e}>`)",
            "is damaged (no `</\\u{7f}\\n\\u{202e}>`)".to_string(),
        ),
        ("is \"é\" or 'e'", "is \"é\" or 'e'".into()),
        (&"x".repeat(5000), format!("{}…", "x".repeat(300))),
    ] {
        assert_eq!(
            damaged(problem).to_string(),
            format!("the Word file \"a\" {expected}")
        );
    }
    let bad = DataError::BadTokenizer {
        file: "vocab.txt".into(),
        problem: "\u{1b}[2J".into(),
    };
    assert_eq!(bad.to_string(), "vocab.txt cannot be used: \\u{1b}[2J");
}

#[test]
fn a_sentence_says_what_and_where() {
    let png = DataError::NotText {
        file: "a.txt".into(),
        kind: "a PNG image".into(),
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
            "the corpus has 312 tokens and one sequence needs 512",
        ),
    ] {
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_line_that_is_too_long_is_told_with_its_file() {
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
