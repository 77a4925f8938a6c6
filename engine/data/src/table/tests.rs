//! Tests of tables as users have them, and of the columns chosen from them.

use super::columns::shown;
use super::*;
use crate::{FileRows, InputFile};
use protocol::{Dropped, Message, Quoting};

fn options(text: &str, label: &str) -> ReadOptions {
    let column = |name: &str| (!name.is_empty()).then(|| name.to_string());
    ReadOptions {
        text_column: column(text),
        label_column: column(label),
        ..ReadOptions::default()
    }
}

fn parse(
    name: &str,
    text: &str,
    options: &ReadOptions,
) -> Result<(Vec<Document>, Parsed), DataError> {
    let file = InputFile::in_memory(name, text, None);
    let mut rows = FileRows::open(&file, options, false)?;
    let mut documents = Vec::new();
    while let Some(taken) = rows.next()? {
        documents.extend(taken.document);
    }
    Ok((documents, rows.parsed()))
}

/// Formats each document as `text|second|label label`.
fn shown(name: &str, text: &str, options: &ReadOptions) -> Vec<String> {
    let (documents, _) = parse(name, text, options).expect("readable");
    let line = |d: &Document| {
        let second = d
            .second
            .as_deref()
            .map(|second| format!("|{second}"))
            .unwrap_or_default();
        format!("{}{second}|{}", d.text, d.labels.join(" "))
    };
    documents.iter().map(line).collect()
}

/// In a partly labelled file, keys are collected from labelled and unlabelled objects, whichever
/// come first.
#[test]
fn the_first_object_need_not_have_all_keys() {
    let unlabelled = "{\"text\":\"a b\"}\n";
    let labelled = "{\"text\":\"c d\",\"label\":\"x\"}\n";
    let nested =
        "{\"text\":\"e f\",\"meta\":{\"id\":1}}\n{\"text\":\"g h\",\"meta\":{\"kind\":\"y\"}}\n";
    for (text, requested, expected) in [
        (
            format!("{unlabelled}{labelled}"),
            "",
            &["a b|", "c d|x"][..],
        ),
        (
            format!("{unlabelled}\n{labelled}"),
            "label",
            &["a b|", "c d|x"],
        ),
        (nested.into(), "meta.kind", &["e f|", "g h|y"]),
        (
            "{\"text\":null}\n{\"label\":\"x\",\"text\":\"c d\"}\n".into(),
            "",
            &["c d|x"],
        ),
    ] {
        assert_eq!(
            shown("a.jsonl", &text, &options("", requested)),
            expected,
            "{text}"
        );
    }
    // A rarely filled column is not the main text, and URLs are not text.
    let rows = "{\"content\":\"a b\"}\n{\"content\":\"c d\"}\n{\"content\":\"e\",\"text\":\"f\"}\n";
    assert_eq!(
        shown("a.jsonl", rows, &options("", "")),
        ["a b|", "c d|", "e|"]
    );
    let row = "{\"link\":\"https://example.org/a/long/path\",\"what\":\"a b\"}\n";
    assert_eq!(shown("a.jsonl", row, &options("", "")), ["a b|"]);
    // Keys that first occur after the sample are not found.
    let late = format!("{}{labelled}", unlabelled.repeat(SAMPLE_ROWS));
    assert_eq!(
        shown("a.jsonl", &late, &options("", ""))
            .last()
            .map(String::as_str),
        Some("c d|")
    );
    let (_, parsed) = parse("a.jsonl", "{\"text\":\"\"}\n\n", &options("", "")).expect("readable");
    assert_eq!(
        parsed.dropped,
        [Dropped {
            reason: Message::phrase("empty"),
            count: 2,
            first_line: 1
        }]
    );
}

/// A classifier stores the names of its text columns.
#[test]
fn training_columns_are_reused() {
    let trained = |names: &[&str], is_pair: bool| {
        let names = names.iter().map(|name| (*name).to_string()).collect();
        ReadOptions {
            trained_columns: Some(DocumentColumns {
                names,
                is_pair,
                labels: Vec::new(),
            }),
            ..ReadOptions::default()
        }
    };
    let table = "subject,answer,body,notes\na b,c d,e f,a text of many words\n";
    assert_eq!(
        shown("a.csv", table, &trained(&["subject", "body"], false)),
        ["a b e f|"]
    );
    assert_eq!(
        shown("a.csv", table, &trained(&["answer", "body"], true)),
        ["c d|e f|"]
    );
    let nested = "{\"title\": \"a b\", \"data\": {\"inner\": {\"said\": \"c d\"}}}\n";
    assert_eq!(
        shown("a.jsonl", nested, &trained(&["data.inner.said"], false)),
        ["c d|"]
    );
    let options = trained(&["body", "comment"], false);
    let (_, parsed) = parse("a.csv", table, &options).expect("readable");
    assert_eq!(parsed.table.lacking, ["comment"]);
    // A requested column takes precedence.
    let requested = ReadOptions {
        text_column: Some("notes".into()),
        ..options
    };
    assert_eq!(shown("a.csv", table, &requested), ["a text of many words|"]);
    // A header is one even if the rows below could be headers too.
    let short = "Inhalt;Kunde\nkaputt;A\n";
    assert_eq!(
        shown("a.csv", short, &trained(&["Inhalt"], false)),
        ["kaputt|A"]
    );
    // Training stores the names only if the columns have names.
    let columns = |text: &str| {
        parse("a.csv", text, &ReadOptions::default())
            .expect("readable")
            .1
            .table
            .document_columns
    };
    assert_eq!(
        columns("text,label\na b,x\n").map(|columns| columns.names),
        Some(vec!["text".to_string()])
    );
    assert_eq!(columns("a text of some words,x\nanother,y\n"), None);
}

/// The labels that `predict` added are not the truth, unless a table has no others.
#[test]
fn labels_are_those_of_training_before_predicted_ones() {
    let rows = || -> String {
        let header = "body,team,label,score,confidence,unsure\n".to_string();
        let row = |i: usize| {
            format!(
                "the parcel number {i} is late,{},b,0.9,0.8,false\n",
                ["x", "y"][i % 2]
            )
        };
        std::iter::once(header).chain((0..12).map(row)).collect()
    };
    let labels = |text: &str, options: &ReadOptions| {
        let first = shown("a.csv", text, options).remove(0);
        first.split_once('|').map(|(_, labels)| labels.to_string())
    };
    let default = ReadOptions::default();
    let table = rows();
    assert_eq!(labels(&table, &default).as_deref(), Some("x"));
    let only_predicted = table
        .replace(",team", "")
        .replace(",x,", ",")
        .replace(",y,", ",");
    assert_eq!(labels(&only_predicted, &default).as_deref(), Some("b"));
    // The table had a score, a true label, or predictions before.
    let renamed = [
        ("label,score,", "label,predicted_score,"),
        ("team,label,", "label,predicted_label,"),
        ("team,label,", "team,predicted_label_2,"),
    ];
    for (from, to) in renamed {
        let table = table.replace(from, to);
        assert_eq!(labels(&table, &default).as_deref(), Some("x"), "{to}");
    }
    let trained = ReadOptions {
        trained_columns: Some(DocumentColumns {
            names: vec!["body".into()],
            is_pair: false,
            labels: vec!["team".into()],
        }),
        ..ReadOptions::default()
    };
    let other = "body,team,label\na b c d,x,z\ne f g h,y,z\n";
    assert_eq!(labels(other, &trained).as_deref(), Some("x"));
    assert_eq!(labels(other, &default).as_deref(), Some("z"));
}

/// Spreadsheets name their columns in any language; the guessed text column is reported.
#[test]
fn a_guessed_column_is_reported() {
    let none = &options("", "");
    let sheet = "Id;Anliegen;Kategorie\n1;a text of some words;x\n2;another such text;y\n";
    assert_eq!(
        shown("a.csv", sheet, none),
        ["a text of some words|x", "another such text|y"]
    );
    let guess_warning = |text: &str, name: &str| {
        let (_, parsed) = parse(name, text, none).expect("readable");
        parsed.table.guessed_column.unwrap_or_default()
    };
    let sentence = guess_warning(sheet, "a.csv");
    assert!(
        sentence
            .to_string()
            .contains("text is read from \"Anliegen\" and labels from \"Kategorie\""),
        "{sentence}"
    );
    let sentence = guess_warning("a text of some words,x\nanother,y\n", "a.csv");
    assert!(
        sentence.to_string().contains("text is read from column 1"),
        "{sentence}"
    );
    assert!(
        guess_warning("{\"inhalt\": \"a text\"}\n", "a.jsonl")
            .to_string()
            .contains("text is read from \"inhalt\"")
    );
    for named in ["text,label\na b,x\n", "only one column of text\n"] {
        assert_eq!(guess_warning(named, "a.csv"), Message::default(), "{named}");
    }
}

#[test]
fn columns_are_found_by_name_number_or_length() {
    let none = &options("", "");
    for (text, options, expected) in [
        ("label,text\nx,a b\ny,c d\n", none, &["a b|x", "c d|y"][..]),
        ("Text;Label\na, b;x\n", none, &["a, b|x"]),
        ("id,body,tags\n1,a b,x|y z\n", none, &["a b|x y z"]),
        (
            "a long text,x\nanother one,y\n",
            none,
            &["a long text|x", "another one|y"],
        ),
        (
            "n,what,kind\n1,a b,x\n",
            &options("what", "kind"),
            &["a b|x"],
        ),
        ("1,a b,x\n", &options("2", "3"), &["a b|x"]),
        (
            "sentence1,sentence2,label\na b,c d,x\n",
            none,
            &["a b|c d|x"],
        ),
        // Row numbers are not labels.
        ("id,what\n7,a text of words\n", none, &["a text of words|"]),
        (",what\n0,a text of words\n", none, &["a text of words|"]),
        (
            "n,link,what\n7,https://example.org/a/long/path,a b c\n",
            none,
            &["a b c|"],
        ),
        (
            "n,what,kind\n7,https://a.org a b c,a longer kind\n",
            none,
            &["https://a.org a b c|"],
        ),
        (
            "id,name\n1,red apple\n2,pear\n",
            none,
            &["red apple|", "pear|"],
        ),
        (
            "phrase,intent_id\nbook me a table now,3\n",
            none,
            &["book me a table now|3"],
        ),
        ("title,abstract,category\na,b c,x\n", none, &["a b c|x"]),
        (
            "post_id,what\nx7,a text of words\n",
            none,
            &["a text of words|"],
        ),
        (
            "0,a text\n1,another one\n",
            none,
            &["a text|0", "another one|1"],
        ),
        ("p,q,l\na b,c d,x\n", &options("p,q", "l"), &["a b|c d|x"]),
    ] {
        assert_eq!(shown("a.csv", text, options), expected, "{text}");
    }
    let json = "{\"text\":\"a b\",\"labels\":[\"x\",\"y z\"]}\n{\"text\":\"c\",\"labels\":3}\n";
    assert_eq!(shown("a.jsonl.gz", json, none), ["a b|x y z", "c|3"]);
    let cail = "{\"fact\":\"a\\nb\",\"meta\":{\"accusation\":[\"x\"]}}\n";
    assert_eq!(shown("a.ndjson", cail, none), ["a b|x"]);
    assert_eq!(shown("a.tsv", "text\tlabel\na\tx\n", none), ["a|x"]);
}

/// Line numbers match an editor; the CSV reader counts differently after CRLF and blank lines.
#[test]
fn rows_have_line_numbers() {
    for text in [
        "text,label\na b,x\n\n\"c\nd\",y\ne f,x\n",
        "text,label\r\na b,x\r\n\r\n\"c\r\nd\",y\r\ne f,x\r\n",
    ] {
        let (documents, _) = parse("a.csv", text, &options("", "")).expect("readable");
        assert_eq!(
            documents
                .iter()
                .map(|document| document.line)
                .collect::<Vec<_>>(),
            [2, 4, 6],
            "{text:?}"
        );
    }
}

#[test]
fn chosen_columns_are_reported() {
    let columns_of = |name: &str, text: &str| {
        let (_, parsed) = parse(name, text, &options("", "")).expect("readable");
        let TableColumns {
            names,
            text,
            labels,
            ..
        } = parsed.table.columns.expect("a table");
        format!(
            "{} | {} | {}",
            names.join(" "),
            text.join(" "),
            labels.join(" ")
        )
    };
    for (name, text, expected) in [
        (
            "a.csv",
            "id,review,sentiment,tags\n1,a b,good,x\n",
            "id review sentiment tags | review | sentiment",
        ),
        ("a.csv", "a long text,x\nanother one,y\n", "1 2 | 1 | 2"),
        (
            "a.csv",
            "premise,hypothesis,label\na,b,x\n",
            "premise hypothesis label | premise hypothesis | label",
        ),
        (
            "a.jsonl",
            "{\"text\":\"a b\",\"label\":1}\n",
            "label text | text | label",
        ),
    ] {
        assert_eq!(columns_of(name, text), expected);
    }
}

#[test]
fn quotes_newlines_and_ragged_rows_are_handled() {
    let text = "text,label\n\"one, \"\"two\"\"\nthree\",x\nragged\n,empty\n\"four\",\"a b\",more\nnot __label__me,z\n";
    let (documents, parsed) = parse("a.csv", text, &options("", "")).expect("readable");
    let documents: Vec<(&str, &[String])> = documents
        .iter()
        .map(|d| (d.text.as_str(), d.labels.as_slice()))
        .collect();
    let labels = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        documents,
        [
            ("one, \"two\" three", &labels(&["x"])[..]),
            ("ragged", &labels(&[])[..]),
            ("not __label__me", &labels(&["z"])[..]),
        ]
    );
    let dropped: Vec<(&str, u64)> = parsed
        .dropped
        .iter()
        .map(|d| (d.reason.template(), d.count))
        .collect();
    assert_eq!(dropped, [("empty", 1), ("with more cells than columns", 1)]);
    let objects = "{\"text\":1}\n[1]\n{bad\n\n{\"x\":2}\n";
    let (documents, parsed) = parse("a.jsonl", objects, &options("", "")).expect("readable");
    assert_eq!(
        (
            documents.len(),
            parsed.dropped.iter().map(|d| d.count).sum::<u64>()
        ),
        (1, 4)
    );
}

/// An unclosed quote swallows the rows after it, which the text itself does not reveal.
#[test]
fn unclosed_quotes_are_reported_with_their_line() {
    let doubled = ReadOptions {
        quoting: Some(Quoting::Double),
        ..ReadOptions::default()
    };
    for (text, count, expected) in [
        ("text,label\n\"a b\nc d\",x\n\"e \"\"f\"\"\",y\n", 2, None),
        ("text,label\n5\" of rain,x\n\"a\nb\",y\n", 2, None),
        (
            "text,label\na b,x\n\"c d,y\ne f,x\ng h,y\n",
            2,
            Some((1, 3, 2)),
        ),
        (
            "text,label\n\"a b\",x\n\"c d,y\n\"e f\",x\n\"g h\",y\n",
            3,
            Some((1, 3, 1)),
        ),
        (
            "text,label\n\"a b,x\nc d,y\n\"e f,x\ng h,y\n",
            2,
            Some((1, 2, 2)),
        ),
        (
            "text,label\r\n\"a b\",x\r\n\r\n\"c d,y\r\n\"e f\",x\r\n",
            2,
            Some((1, 4, 1)),
        ),
    ] {
        let (documents, parsed) = parse("a.csv", text, &doubled).expect("readable");
        let open = parsed
            .open_quotes
            .map(|open| (open.rows, open.line, open.lines));
        assert_eq!((documents.len(), open), (count, expected), "{text}");
    }
}

/// Many competition tables have one column per label; carrying none of them is a class too.
#[test]
fn several_label_columns_are_labels_or_hold_names() {
    let requested = &options("", "toxic, rude");
    for (name, text, expected) in [
        (
            "a.csv",
            "id,text,toxic,rude\n1,a b,0,1\n2,c d,1,1\n3,e f,0,0\n4,g h,-1,-1\n5,i j,,\n",
            &["a b|rude", "c d|toxic rude", "e f|none", "g h|", "i j|"][..],
        ),
        (
            "a.csv",
            "text,toxic,rude\na b,0.83,0.1\nc d,No,TRUE\ne f,x,\n",
            &["a b|toxic", "c d|rude", "e f|toxic"],
        ),
        (
            "a.csv",
            "text,toxic,rude\na b,sport,mild|dry\nc d,,5\n",
            &["a b|sport mild dry", "c d|5"],
        ),
        (
            "a.jsonl",
            "{\"text\":\"a b\",\"toxic\":true,\"rude\":0}\n{\"text\":\"c d\",\"toxic\":0,\"rude\":null}\n",
            &["a b|toxic", "c d|none"],
        ),
        (
            "a.jsonl",
            "{\"text\":\"a b\",\"toxic\":[\"x\",\"y\"],\"rude\":1}\n",
            &["a b|x y rude"],
        ),
        (
            "a.jsonl",
            "{\"text\":\"a b\",\"toxic\":[\"no\"],\"rude\":0}\n",
            &["a b|no"],
        ),
    ] {
        assert_eq!(shown(name, text, requested), expected, "{text}");
    }
    // Columns requested by number still have names if the first row is a header.
    let by_number = &options("2", "3,4,");
    assert_eq!(
        shown("a.csv", "id,what,toxic,rude\n1,a b,0,1\n", by_number),
        ["a b|rude"]
    );
    assert_eq!(
        shown("a.csv", "1,a b,0,1\n2,c d,1,0\n", by_number),
        ["a b|4", "c d|3"]
    );
    // A column name may contain a comma.
    assert_eq!(
        shown("a.csv", "text,\"toxic, rude\"\na b,0\n", requested),
        ["a b|0"]
    );
    let (_, parsed) =
        parse("a.csv", "what,toxic,rude\na b c d,0,1\n", requested).expect("readable");
    assert!(
        parsed
            .table
            .guessed_column
            .expect("guessed")
            .to_string()
            .contains("and labels from \"toxic\", \"rude\"")
    );
}

#[test]
fn yes_no_columns_are_found_without_labels() {
    let found = |text: &str, requested: &ReadOptions| {
        parse("a.csv", text, requested)
            .expect("readable")
            .1
            .table
            .yes_no_columns
            .join(" ")
    };
    let none = &options("", "");
    assert_eq!(
        found("id,text,toxic,rude\n0,a b c,0,1\n", none),
        "toxic rude",
        "the first row has the number 0"
    );
    let table = "id,text,toxic,rude,score\n17,a b c,0,1,0.5\n";
    assert_eq!(found(table, none), "toxic rude");
    assert_eq!(
        found("text,likes,rude\na b,0,1\nc d,7,0\n", none),
        "rude",
        "that was a number"
    );
    assert_eq!(found(table, &options("", "toxic")), "");
    assert_eq!(found("text,label,rude\na b,x,1\n", none), "");
    assert_eq!(found("text,\"a, b\",rude\na b,1,1\n", none), "rude");
}

/// Only a part of the columns, and of their names, is shown to the user.
#[test]
fn wide_tables_use_all_label_columns_and_full_names() {
    let names: Vec<String> = (0..=shown::MAX_SHOWN_COLUMNS)
        .map(|number| format!("{}{number}", "x".repeat(120)))
        .collect();
    let (last, requested) = (
        names.last().expect("many"),
        options("text", &names.join(",")),
    );
    let cells = |yes: &str| {
        names
            .iter()
            .map(|name| u8::from(name == yes).to_string())
            .collect::<Vec<_>>()
            .join(",")
    };
    let csv = format!("text,{}\na b,{}\n", names.join(","), cells(last));
    let fields = names
        .iter()
        .map(|name| format!("{name:?}:{}", name == last))
        .collect::<Vec<_>>()
        .join(",");
    for (name, text) in [
        ("a.csv", csv),
        ("a.jsonl", format!("{{\"text\":\"a b\",{fields}}}\n")),
    ] {
        assert_eq!(
            shown(name, &text, &requested),
            [format!("a b|{last}")],
            "{name}"
        );
    }
}

#[test]
fn labels_are_split_at_the_requested_separator() {
    let labels = |name: &str, text: &str, separator: &str| {
        let options = ReadOptions {
            label_separator: Some(separator.into()),
            ..options("", "")
        };
        let (documents, _) = parse(name, text, &options).expect("readable");
        documents[0].labels.join("/")
    };
    for (separator, expected) in [
        (";", "x/y z"),
        ("", "x;y z"),
        ("|", "x;y z"),
        (" ", "x;y/z"),
    ] {
        assert_eq!(
            labels("a.tsv", "text\ttags\na b\tx;y z\n", separator),
            expected,
            "{separator:?}"
        );
    }
    assert_eq!(
        labels("a.jsonl", "{\"text\":\"a b\",\"tags\":\"x, y\"}\n", ","),
        "x/y"
    );
}

#[test]
fn missing_columns_are_named() {
    for (name, text) in [
        ("a.csv", "x,y\n1,2\n"),
        ("a.jsonl", "{\"x\":\"1\",\"y\":2}\n"),
    ] {
        let error = parse(name, text, &options("text", "")).expect_err("refused");
        assert_eq!(error.code(), "no-column");
        assert!(error.to_string().contains("\"x\", \"y\""), "{error}");
    }
}

#[test]
fn labels_are_cleaned() {
    let long = "x".repeat(10_000);
    let text = format!(
        "{{\"text\":\"a\",\"label\":[\" two\\n words \",\"\",\"<b>\\\"q\\\"</b>\",\"{long}\",\"<b>\\\"q\\\"</b>\"]}}\n"
    );
    let (documents, parsed) = parse("a.jsonl", &text, &options("", "")).expect("readable");
    let labels = &documents[0].labels;
    assert_eq!(
        labels[..2],
        ["two words".to_string(), "<b>\"q\"</b>".into()]
    );
    assert_eq!(
        (labels.len(), labels[2].chars().count(), parsed.labels.long),
        (3, 200, 1)
    );
}

/// A single file may hold its rows in an object, in an array, or as unnamed values.
#[test]
fn rows_are_found_in_any_json_layout() {
    let none = &options("", "");
    let expected = ["a b|x", "c d|y"];
    for text in [
        "{\"version\":1,\"data\":[{\"text\":\"a b\",\"label\":\"x\"},{\"text\":\"c d\",\"label\":\"y\"}]}",
        "{\"hits\":{\"hits\":[{\"text\":\"a b\",\"label\":\"x\"},null,{\"text\":\"c d\",\"label\":\"y\"}]}}",
        "{\"text\":{\"0\":\"a b\",\"1\":\"c d\"},\"label\":{\"0\":\"x\",\"1\":\"y\"}}",
        "{\"text\":[\"a b\",\"c d\"],\"label\":[\"x\",\"y\"]}",
        "{\"0\":{\"text\":\"a b\",\"label\":\"x\"},\"1\":{\"text\":\"c d\",\"label\":\"y\"}}",
        "{\"columns\":[\"text\",\"label\"],\"data\":[[\"a b\",\"x\"],[\"c d\",\"y\"]]}",
        "{\"train\":[{\"text\":\"a b\",\"label\":\"x\"}],\"test\":[{\"text\":\"c d\",\"label\":\"y\"}]}",
    ] {
        let mut found = shown("a.json", text, none);
        found.sort();
        assert_eq!(found, expected, "{text}");
    }
    assert_eq!(
        shown("a.json", "[\"a b\", \"c d\"]", none),
        ["a b|", "c d|"]
    );
    assert_eq!(
        shown(
            "a.json",
            "[[\"a b\", \"x\"], [\"c d\", \"y\"]]",
            &options("1", "2")
        ),
        expected
    );
    let answers = "{\"text\":\"a b\",\"label\":true}\n{\"text\":\"c d\",\"label\":false}\n";
    assert_eq!(shown("a.jsonl", answers, none), ["a b|true", "c d|false"]);
    let (documents, parsed) =
        parse("a.json", "[{\"text\":\"a b\"},\n{\"text\":\"c", none).expect("readable");
    let dropped = [Dropped {
        reason: Message::phrase("not a JSON object"),
        count: 1,
        first_line: 2,
    }];
    assert_eq!(
        (documents.len(), parsed.dropped),
        (1, dropped.to_vec()),
        "what is cut off is counted"
    );
}

/// If the header has one name fewer than the rows have cells, the row numbers are unnamed or the
/// text contains a comma.
#[test]
fn extra_cells_are_an_index_or_a_comma() {
    let none = &options("", "");
    for (text, expected) in [
        ("text,label\n1,a b c,x\n2,d e f,y\n", ["a b c|x", "d e f|y"]),
        (
            "id,text,label\n1,a b, c,x\n2,d e, f,y\n",
            ["a b, c|x", "d e, f|y"],
        ),
        (
            "id,label,text\n1,x,a b, c\n2,y,d e, f\n",
            ["a b, c|x", "d e, f|y"],
        ),
        ("text,label\na b c,x,\nd e f,y,\n", ["a b c|x", "d e f|y"]),
    ] {
        assert_eq!(shown("a.csv", text, none), expected, "{text}");
    }
}

/// If a column before the text contains the separator too, it is unclear which cells belong
/// together.
#[test]
fn rows_whose_cells_fit_no_column_are_skipped() {
    let rows = "Ann,pos,good one\nBob,neg,bad one\nEve,pos,good too\nDan,neg,bad too\n";
    let text = format!("name,label,text\n{rows}Smith, John,pos,great\n");
    let (documents, parsed) = parse("a.csv", &text, &options("", "")).expect("readable");
    assert_eq!(
        (
            documents.len(),
            parsed.dropped[0].reason.to_string().as_str()
        ),
        (4, "with more cells than columns")
    );
}

/// Labels may begin after the sample, so the column name alone decides.
#[test]
fn the_likeliest_label_name_is_chosen() {
    let rows: String = (0..12)
        .map(|i| {
            format!(
                "{i};a message about number {i} of a few;{};{}\n",
                ["low", "high"][i % 2],
                ["sales", "help"][i / 6]
            )
        })
        .collect();
    let labels = |header: &str| {
        let (_, parsed) =
            parse("a.csv", &format!("{header}\n{rows}"), &options("", "")).expect("readable");
        (
            parsed.table.columns.expect("a table").labels.join(" "),
            parsed.table.label_candidates.len(),
        )
    };
    assert_eq!(labels("Nr;Message;Priority;Queue"), ("Queue".into(), 0));
    assert_eq!(
        labels("Nr;Message;p;q"),
        (String::new(), 2),
        "no name is likelier"
    );
    let unlabelled = "a message without a label;\n".repeat(SAMPLE_ROWS + 9);
    let text = format!("Body;Ticket category\n{unlabelled}the last message;help\n");
    assert_eq!(
        shown("a.csv", &text, &options("", ""))
            .last()
            .map(String::as_str),
        Some("the last message|help")
    );
}
