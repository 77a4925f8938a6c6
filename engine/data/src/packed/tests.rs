//! Tests of archives and Office documents, including hostile ones that must not exhaust memory.

use super::*;
use crate::corpus::Corpus;
use crate::table::ReadOptions;
use crate::{ReadFile, read_file};
use protocol::FileRole;
use std::io::Write;
use std::ops::ControlFlow;

fn bytes_of(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/");
    std::fs::read(format!("{folder}{name}")).expect("a file of the tests")
}

fn file_of_tests(name: &str) -> InputFile {
    InputFile::in_memory(name, bytes_of(name), None)
}

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        archive
            .start_file(*name, zip::write::SimpleFileOptions::DEFAULT)
            .expect("memory");
        archive.write_all(bytes).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

/// Returns the text and labels of each document, and what was found in the file.
fn documents(file: &InputFile) -> (Vec<(String, Vec<String>)>, ReadFile) {
    let mut documents = Vec::new();
    let read = read_file(file, &ReadOptions::default(), &mut |document| {
        documents.push((document.text, document.labels));
        ControlFlow::Continue(())
    });
    (documents, read.expect("readable"))
}

#[test]
fn a_workbook_is_a_table() {
    let Opened { files, refused } = Opened::new(&[file_of_tests("tickets.xlsx")]);
    assert!(refused.is_empty(), "{refused:?}");
    let (documents, read) = documents(&files[0]);
    assert_eq!((files.len(), documents.len()), (1, 30));
    let columns = read.columns.expect("a table");
    assert_eq!(
        columns.names,
        [
            "Nr",
            "Datum",
            "Betreff",
            "Nachricht",
            "Bereich",
            "Offen",
            "Stunden"
        ]
    );
    assert_eq!(
        (columns.text.join("+"), columns.labels.join("+")),
        ("Betreff+Nachricht".into(), "Bereich".into())
    );
    assert_eq!(
        documents[0].0,
        "Printer jams The printer jams on page two. Please help."
    );
    assert_eq!(documents[0].1, ["hardware"]);
    let note = &read.warnings[0];
    assert_eq!(
        (
            note.0,
            note.1
                .to_string()
                .contains("\"Tickets\"; left out: \"Notes\";")
        ),
        ("sheet", true),
        "{}",
        note.1
    );
    let text = String::from_utf8(read_bytes(&files[0])).expect("UTF-8");
    assert!(text.starts_with("Nr,Datum,"), "{text}");
    assert!(text.contains("\n1002,2024-05-04,,"), "{text}");
    assert!(
        text.lines().any(|line| line.ends_with("hardware,true,0.5")),
        "{text}"
    );
}

fn read_bytes(file: &InputFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file.content.open().expect("memory"), &mut bytes)
        .expect("memory");
    bytes
}

#[test]
fn sheets_named_like_splits_are_files() {
    let (corpus, _) = Corpus::read(
        &Opened::new(&[file_of_tests("splits.xlsx")]),
        &ReadOptions::default(),
    )
    .expect("text");
    let files: Vec<_> = corpus
        .files()
        .iter()
        .map(|file| (file.name.as_str(), file.role, file.labelled))
        .collect();
    assert_eq!(
        files,
        [
            ("splits.xlsx/Train.csv", FileRole::Train, 8),
            ("splits.xlsx/Test.csv", FileRole::Test, 1)
        ]
    );
}

#[test]
fn archives_are_read_like_folders() {
    let options = ReadOptions {
        reads_folder_classes: true,
        ..ReadOptions::default()
    };
    let (corpus, warnings) =
        Corpus::read(&Opened::new(&[file_of_tests("classes.zip")]), &options).expect("text");
    assert_eq!(corpus.files().len(), 6);
    assert_eq!(corpus.files()[0].name, "classes.zip/pictures/boat/0.txt");
    assert!(
        warnings.iter().any(|(code, _)| *code == "folder-classes"),
        "{warnings:?}"
    );

    let Opened { files, refused } =
        Opened::new(&[file_of_tests("documents.zip"), file_of_tests("one.zip")]);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "documents.zip/letters/minutes.docx",
            "documents.zip/letters/plain.txt",
            "one.zip/a.csv"
        ],
        "{refused:?}"
    );
    let texts: Vec<String> = documents(&files[0])
        .0
        .into_iter()
        .map(|(text, _)| text)
        .collect();
    assert_eq!(
        texts,
        [
            "Minutes",
            "The board met & agreed.",
            "left cell",
            "right cell"
        ]
    );
    assert_eq!(
        documents(&files[2]).0[1],
        ("three four".to_string(), vec!["y".to_string()])
    );
    assert_eq!(
        Opened::new(&[file_of_tests("one.zip")])
            .single("one.zip")
            .expect("one file")
            .name,
        "one.zip/a.csv"
    );
    assert_eq!(
        Opened::new(&[file_of_tests("documents.zip")])
            .single("documents.zip")
            .expect_err("two files")
            .code(),
        "several-files"
    );
}

/// calamine allocates memory for as many strings as are declared: here, more than any machine has.
#[test]
fn an_excessive_unique_count_is_rejected() {
    let texts = b"<sst uniqueCount=\"999999999999\"><si><t>a</t></si></sst>";
    let bytes = zip_of(&[
        ("xl/workbook.xml", b"<workbook/>"),
        ("xl/sharedStrings.xml", texts),
    ]);
    let Opened { refused, .. } = Opened::new(&[InputFile::in_memory("a.xlsx", bytes, None)]);
    assert!(
        refused[0].to_string().contains("declares more texts"),
        "{refused:?}"
    );
}

#[test]
fn an_archive_with_only_links_is_empty() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive
        .add_symlink(
            "a.txt",
            "/etc/passwd",
            zip::write::SimpleFileOptions::DEFAULT,
        )
        .expect("memory");
    let bytes = archive.finish().expect("memory").into_inner();
    let Opened { files, refused } = Opened::new(&[InputFile::in_memory("links.zip", bytes, None)]);
    assert_eq!(
        (files.len(), refused.first().map(DataError::code)),
        (0, Some("empty-file"))
    );
}

#[test]
fn splits_may_be_archives() {
    let text = b"some words __label__a\nother words __label__b\n";
    let named = |name: &str| InputFile::in_memory(name, zip_of(&[("data.txt", text)]), None);
    let (corpus, _) = Corpus::read(
        &Opened::new(&[named("train.zip"), named("test.zip")]),
        &ReadOptions::default(),
    )
    .expect("text");
    assert_eq!(corpus.labelled_documents(FileRole::Test), 2);
}

#[test]
fn streams_keep_their_kind() {
    let table = b"text,label\none two,x\nthree four,y\n";
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(table).expect("memory");
    let packed = encoder.finish().expect("memory");
    let (found, read) = documents(&InputFile::in_memory("a.csv.bz2", packed.clone(), None));
    assert_eq!(
        (found.len(), found[0].1.as_slice()),
        (2, &["x".to_string()][..])
    );
    assert!(
        read.warnings
            .iter()
            .all(|(code, _)| *code != "unnamed-archive"),
        "{:?}",
        read.warnings
    );
    let (_, read) = documents(&InputFile::in_memory("a.csv", packed, None));
    assert!(
        read.warnings
            .iter()
            .any(|(code, _)| *code == "unnamed-archive"),
        "{:?}",
        read.warnings
    );
}

#[test]
fn archives_that_cannot_be_opened_are_reported() {
    let refused = |name: &str, bytes: &[u8]| {
        let Opened { files, mut refused } = Opened::new(&[InputFile::in_memory(name, bytes, None)]);
        assert!(files.is_empty(), "{name}");
        let error = refused.remove(0);
        format!("{}: {error}. {}", error.code(), error.hint())
    };
    let one = bytes_of("one.zip");
    for (bytes, parts) in [
        (
            bytes_of("secret.zip"),
            ["damaged-archive", "is encrypted", "password"],
        ),
        (
            one[..one.len() - 30].to_vec(),
            ["damaged-archive", "is damaged", "again"],
        ),
        (
            zip_of(&[("ppt/presentation.xml", b"")]),
            ["not-text", "a presentation", "Export"],
        ),
        (
            zip_of(&[("META-INF/manifest.xml", b""), ("content.xml", b"")]),
            ["not-text", "an OpenDocument file", ".xlsx"],
        ),
        (
            zip_of(&[("META-INF/container.xml", b"")]),
            ["not-text", "an e-book or a program", "Export"],
        ),
        (
            zip_of(&[("[Content_Types].xml", b"")]),
            ["not-text", "Office document", ".docx"],
        ),
        (zip_of(&[("a.npy", b"")]), ["not-text", "NumPy", "Export"]),
        (
            zip_of(&[("m/model.safetensors", b"x")]),
            ["not-text", "a saved model", "Open it as a model"],
        ),
        (
            zip_of(&[("word/document.xml", b"<w:p><w:t></w:p>")]),
            ["damaged-archive", "Word", "again"],
        ),
        (
            zip_of(&[("xl/workbook.xml", b"<x")]),
            ["damaged-archive", "Excel", "again"],
        ),
        (
            zip_of(&[(".hidden", b"x")]),
            ["empty-file", "is empty", "text file"],
        ),
        (
            zip_of(&[("a.txt", &vec![b'a'; 20 << 20])]),
            ["archive-too-large", "200 times", "unpack it first"],
        ),
    ] {
        let message = refused("a.zip", &bytes);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    let nested = zip_of(&[("b.zip", &zip_of(&[("c.zip", &one)]))]);
    assert!(refused("a.zip", &nested).contains("an archive inside others"));
}

/// Writes a workbook of sheets, each with its rows and additional attributes.
fn workbook(sheets: &[(&str, &str)]) -> Vec<u8> {
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let number = |place: usize| place + 1;
    let links = |kind: &str, targets: &[String]| {
        let link = |(place, target): (usize, &String)| {
            format!(
                "<Relationship Id=\"r{}\" Target=\"{target}\" Type=\"{OFFICE}/{kind}\"/>",
                number(place)
            )
        };
        format!(
            "<Relationships>{}</Relationships>",
            targets.iter().enumerate().map(link).collect::<String>()
        )
    };
    let names: Vec<String> = (0..sheets.len())
        .map(|place| format!("worksheets/sheet{}.xml", number(place)))
        .collect();
    let listed = |(place, (_, attributes)): (usize, &(&str, &str))| {
        let number = number(place);
        format!("<sheet name=\"S{number}\" sheetId=\"{number}\" r:id=\"r{number}\" {attributes}/>")
    };
    let listed: String = sheets.iter().enumerate().map(listed).collect();
    let book = format!("<workbook xmlns:r=\"{OFFICE}\"><sheets>{listed}</sheets></workbook>");
    let (root, links) = (
        links("officeDocument", &["xl/workbook.xml".into()]),
        links("worksheet", &names),
    );
    let rows = |rows: &str| format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
    let written: Vec<(String, String)> = names
        .iter()
        .zip(sheets)
        .map(|(name, sheet)| (format!("xl/{name}"), rows(sheet.0)))
        .collect();
    let parts = [
        ("_rels/.rels", &root),
        ("xl/workbook.xml", &book),
        ("xl/_rels/workbook.xml.rels", &links),
    ];
    let parts = parts
        .into_iter()
        .chain(written.iter().map(|(name, text)| (name.as_str(), text)));
    zip_of(
        &parts
            .map(|(name, text)| (name, text.as_bytes()))
            .collect::<Vec<_>>(),
    )
}

fn row(number: u32, cells: &str) -> String {
    format!("<row r=\"{number}\">{cells}</row>")
}

fn cell(at: &str, text: &str) -> String {
    format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

#[test]
fn error_cells_and_formulas_without_results_are_counted() {
    let formula =
        "<c r=\"A2\"><f>B2&amp;\" x\"</f></c><c r=\"B2\" t=\"e\"><f>1/0</f><v>#DIV/0!</v></c>";
    let sum = "<c r=\"A3\"><f>1+1</f><v>2</v></c><c r=\"B3\" t=\"e\"><v>#N/A</v></c>";
    let rows = [
        row(1, &[cell("A1", "text"), cell("B1", "kind")].concat()),
        row(2, formula),
        row(3, sum),
    ]
    .concat();
    let rows = rows + &row(4, &[cell("A4", "some words"), cell("B4", "a")].concat());
    let Opened { files, refused } = Opened::new(&[InputFile::in_memory(
        "a.xlsx",
        workbook(&[(&rows, "")]),
        None,
    )]);
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(
        String::from_utf8(read_bytes(&files[0])).expect("UTF-8"),
        "text,kind\n\"\"\n2,\nsome words,a\n"
    );
    let [errors, formulas] = files[0].notes.as_slice() else {
        panic!("{:?}", files[0].notes)
    };
    assert!(
        errors.to_string().contains("\"S1\"")
            && errors.to_string().contains("#N/A")
            && errors.to_string().ends_with("(2)"),
        "{errors}"
    );
    assert!(
        formulas.to_string().contains("formulas without results")
            && formulas.to_string().contains("(1)"),
        "{formulas}"
    );
}

#[test]
fn a_cover_sheet_is_skipped() {
    let rows = |count: u32| {
        (1..=count)
            .map(|n| row(n, &cell(&format!("A{n}"), &format!("row {n}"))))
            .collect::<String>()
    };
    let (cover, months) = (rows(2), [rows(12), rows(20)]);
    let book = workbook(&[(&cover, ""), (&months[0], ""), (&months[1], "")]);
    let Opened { files, refused } = Opened::new(&[InputFile::in_memory("a.xlsx", book, None)]);
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(
        String::from_utf8(read_bytes(&files[0]))
            .expect("UTF-8")
            .lines()
            .count(),
        12
    );
    assert!(
        files[0].notes[0]
            .to_string()
            .contains("\"S2\"; left out: \"S1\", \"S3\""),
        "{:?}",
        files[0].notes
    );
}

#[test]
fn a_hidden_sheet_is_read_where_the_others_are_empty() {
    let rows = [
        row(1, &cell("A1", "text")),
        row(2, &cell("A2", "some words")),
    ]
    .concat();
    let book = workbook(&[("", ""), (&rows, "state=\"hidden\"")]);
    let Opened { files, refused } = Opened::new(&[InputFile::in_memory("a.xlsx", book, None)]);
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(
        String::from_utf8(read_bytes(&files[0])).expect("UTF-8"),
        "text\nsome words\n"
    );
    assert!(
        files[0].notes.iter().any(|note| note
            .to_string()
            .contains("the hidden sheet \"S2\" was read")),
        "{:?}",
        files[0].notes
    );
}

#[test]
fn stray_cells_do_not_fill_memory() {
    let cell = |at: &str| cell(at, &format!("word {at}"));
    let far = [
        row(1, &cell("A1")),
        row(2, &cell("A2")),
        row(1_048_576, &cell("XFD1048576")),
    ]
    .concat();
    let Opened { files, refused } = Opened::new(&[InputFile::in_memory(
        "a.xlsx",
        workbook(&[(&far, "")]),
        None,
    )]);
    assert!(refused.is_empty(), "{refused:?}");
    assert!(
        files[0].content.size() < 100_000,
        "{}",
        files[0].content.size()
    );
    // calamine accepts any column.
    let outside = row(1, &cell("ZZZZZZ1"));
    let Opened { files, refused } = Opened::new(&[InputFile::in_memory(
        "a.xlsx",
        workbook(&[(&outside, "")]),
        None,
    )]);
    assert_eq!((files.len(), refused[0].code()), (0, "damaged-archive"));
    // A short gap is kept.
    let gap = [row(1, &cell("B1")), row(4, &cell("B4"))].concat();
    let Opened { files, .. } = Opened::new(&[InputFile::in_memory(
        "a.xlsx",
        workbook(&[(&gap, "")]),
        None,
    )]);
    assert_eq!(
        String::from_utf8(read_bytes(&files[0])).expect("UTF-8"),
        "word B1\n\"\"\n\"\"\nword B4\n"
    );
}

#[test]
fn archives_inside_an_archive_share_its_limit() {
    let inner = zip_of(&[("a.txt", &vec![b'a'; 10 << 20])]);
    let outer = zip_of(&[("1.zip", &inner), ("2.zip", &inner), ("3.zip", &inner)]);
    let Opened { files, refused } = Opened::new(&[InputFile::in_memory("a.zip", outer, None)]);
    assert_eq!(files.len(), 1, "{refused:?}");
    assert!(
        refused
            .iter()
            .all(|error| error.code() == "archive-too-large"),
        "{refused:?}"
    );
}

#[test]
fn converted_files_are_not_detected_again() {
    // One column whose texts contain semicolons, in a file with another name and another encoding.
    let book = bytes_of("splits.xlsx");
    let Opened { files, .. } = Opened::new(&[InputFile::in_memory("data", book, None)]);
    let options = ReadOptions {
        encoding: Some("gbk".into()),
        ..ReadOptions::default()
    };
    let mut texts = Vec::new();
    let read = read_file(&files[0], &options, &mut |document| {
        texts.push(document.text);
        ControlFlow::Continue(())
    });
    let columns = read.expect("readable").columns.expect("a table");
    assert_eq!(
        (columns.names.join(","), texts[0].as_str()),
        ("text,label".to_string(), "a good day number 0")
    );
    let sheet = InputFile::in_memory("a.xlsx", "text\none; two\nthree; four\nfive; six\n", None);
    let sheet = InputFile {
        converted: Some(crate::reading::byte_source::Converted::Table),
        ..sheet
    };
    assert_eq!(documents(&sheet).0[0].0, "one; two");
}

#[test]
fn a_title_and_an_empty_row_stand_above_the_header() {
    let mut rows = "Tickets of March,,\nDate,2024-03-01,\n,,\nid,text,kind\n".to_string();
    for row in 0..12 {
        rows.push_str(&format!(
            "{row},the screen of machine {row} stays black,{}\n",
            ["x", "y"][row % 2]
        ));
    }
    let (documents, read) = documents(&InputFile::in_memory("a.csv", rows, None));
    assert_eq!(read.columns.expect("a table").names, ["id", "text", "kind"]);
    assert_eq!(
        documents[0],
        (
            "the screen of machine 0 stays black".to_string(),
            vec!["x".to_string()]
        )
    );
    assert_eq!(documents.len(), 12);
}
