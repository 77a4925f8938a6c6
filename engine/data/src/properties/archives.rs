//! Properties of reading ZIP archives, workbooks and Word documents. Members are also damaged
//! inside intact archives, since a checksum stops most damage before a member is read.

use super::reading::{check_error, check_file};
use super::seeds;
use crate::{InputFile, Opened, ReadOptions};
use fuzz::{Bytes, Limits, Outcome, ensure, mutated, mutated_seed};
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;

/// Any file may unpack to 16 MiB, which is held, decoded and written as CSV.
const LIMITS: Limits = Limits {
    base_bytes: 64 << 20,
    bytes_per_byte: 1000,
};

const ZIP_PIECES: &[&[u8]] = &[
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
    b"\0\0",
    b"\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x08\0",
    b"\x01\0",
    b"\x63\0",
    b"../",
    b"a/",
    b"\0",
    b"xl/workbook.xml",
    b"word/document.xml",
    b"META-INF/",
];

const XML_PIECES: &[&[u8]] = &[
    b"uniqueCount=\"999999999999999\"",
    b"si=\"999999999999999\"",
    b"<w:t>",
    b"</w:t>",
    b"<w:p>",
    b"</w:p>",
    b"<w:tbl>",
    b"</w:tbl>",
    b"<w:tr>",
    b"</w:tr>",
    b"<w:tc>",
    b"</w:tc>",
    b"<w:tab/>",
    b"<mc:Fallback>",
    b"</w:moveFrom>",
    b"<sheet name=\"x\" sheetId=\"9\" r:id=\"rId1\"/>",
    b"<row r=\"1\">",
    b"<row r=\"1048576\">",
    b"</row>",
    b"<c r=\"A1\">",
    b"<c r=\"XFD1048576\">",
    b"<c r=\"ZZZZZZ99999999999\">",
    b"</c>",
    b"<v>",
    b"</v>",
    b"t=\"s\"",
    b"t=\"d\"",
    b"t=\"b\"",
    b"t=\"e\"",
    b"t=\"str\"",
    b"t=\"inlineStr\"",
    b"s=\"1\"",
    b"<is><t>",
    b"<f t=\"shared\" si=\"0\" ref=\"A1:B9\">",
    b"</f>",
    b"1e308",
    b"-1",
    b"99999999999999999999",
    b"45000.5",
    b"0.5",
    b"&amp;",
    b"&#0;",
    b"&#x10FFFF;",
    b"&#xD800;",
    b"&x;",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?xml",
    b"<!DOCTYPE a [<!ENTITY x \"y\">]>",
    b"\"",
    b"<",
    b">",
    b"/>",
    b"\xff",
    b"\0",
    b"<dimension ref=\"A1:XFD1048576\"/>",
    b"<mergeCell ref=\"A1:B2\"/>",
    b"state=\"hidden\"",
    b"date1904=\"1\"",
    b"numFmtId=\"14\"",
];

/// Names and contents of the members of an archive.
type Members = Vec<(String, Vec<u8>)>;

fn members(archive: &[u8]) -> Members {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).expect("an archive");
    let names: Vec<String> = zip
        .file_names()
        .map(|name| name.expect("UTF-8").into_owned())
        .collect();
    let member = |name: String| {
        let mut bytes = Vec::new();
        zip.by_name(&name)
            .expect("it is there")
            .read_to_end(&mut bytes)
            .expect("sound");
        (name, bytes)
    };
    names.into_iter().map(member).collect()
}

fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(name.as_str(), SimpleFileOptions::DEFAULT)
            .expect("memory");
        zip.write_all(bytes).expect("memory");
    }
    zip.finish().expect("memory").into_inner()
}

fn word_document() -> Vec<u8> {
    let cell = |text: &str| format!("<w:tc><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>");
    let row = |label: &str| {
        format!(
            "<w:tr>{}{}</w:tr>",
            cell("a red boat &amp; a tree"),
            cell(label)
        )
    };
    let rows = ["x", "y", "x", "y"].map(row).concat();
    let body = format!("<w:p><w:r><w:t>Title</w:t><w:tab/></w:r></w:p><w:tbl>{rows}</w:tbl>");
    let document =
        format!("<?xml version=\"1.0\"?><w:document><w:body>{body}</w:body></w:document>");
    archive(&[
        ("[Content_Types].xml".into(), b"<Types/>".to_vec()),
        ("word/document.xml".into(), document.into_bytes()),
    ])
}

fn archives() -> Vec<Vec<u8>> {
    let found = [
        "classes.zip",
        "one.zip",
        "secret.zip",
        "splits.zip",
        "splits.xlsx",
        "tickets.xlsx",
    ]
    .map(seeds::of_tests);
    let nested = archive(&[
        ("a.zip".into(), seeds::of_tests("one.zip")),
        ("b.docx".into(), word_document()),
    ]);
    found.into_iter().chain([word_document(), nested]).collect()
}

/// Opens an archive and reads everything in it.
fn check_archive(bytes: Vec<u8>) -> Outcome {
    let size = bytes.len();
    let file = InputFile::in_memory("a.zip", bytes, None);
    let Opened { files, refused } = LIMITS.hold(size, || Opened::new(&[file]))?;
    refused.iter().try_for_each(check_error)?;
    ensure(!files.is_empty() || !refused.is_empty(), || {
        "it has vanished".into()
    })?;
    files
        .iter()
        .try_for_each(|file| check_file(file, &ReadOptions::default()).map(drop))
}

#[test]
fn any_archive_is_opened_or_refused() {
    fuzz::check(
        "archives",
        10_000,
        &mutated(archives(), ZIP_PIECES),
        |Bytes(bytes)| check_archive(bytes),
    );
}

#[test]
fn any_member_of_an_archive_is_read_or_refused() {
    let is_encrypted = |bytes: &Vec<u8>| *bytes == seeds::of_tests("secret.zip");
    let intact: Vec<Members> = archives()
        .iter()
        .filter(|bytes| !is_encrypted(bytes))
        .map(|bytes| members(bytes))
        .collect();
    let places = |archive: usize| (0..intact[archive].len()).map(move |member| (archive, member));
    let places: Vec<(usize, usize)> = (0..intact.len()).flat_map(places).collect();
    let seeds = places
        .iter()
        .map(|(archive, member)| intact[*archive][*member].1.clone())
        .collect();
    fuzz::check(
        "archive-members",
        1500,
        &mutated_seed(seeds, XML_PIECES),
        |(seed, Bytes(bytes))| {
            let (which, member) = places[seed];
            let mut members = intact[which].clone();
            members[member].1 = bytes;
            check_archive(archive(&members))
        },
    );
}
