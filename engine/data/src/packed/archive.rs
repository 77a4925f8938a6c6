//! Reads a ZIP archive: its files, or the text of the Office document that it is. None of its
//! declarations are trusted: bytes are counted while unpacking, and entry names serve only as
//! document names.

use super::budget::{Budget, MAX_BYTES};
use super::promised::Promised;
use super::{damaged, names, too_large, word};
use crate::error::DataError;
use crate::reading::byte_source::{Converted, InputFile};
use crate::text::shown::on_one_line;
use crate::text::shown::quoted;
use protocol::{Message, message, phrase};
use std::io::{Cursor, Read, Write};
use zip::ZipArchive;
use zip::result::ZipError;

/// Maximum number of entries in an archive.
const MAX_ENTRIES: usize = 200_000;
/// Name of the format in messages.
const ZIP: &str = "ZIP";
/// Name endings of files that are part of a model rather than text.
const MODEL_FILES: [&str; 6] = [
    ".safetensors",
    "pytorch_model.bin",
    "tf_model.h5",
    "flax_model.msgpack",
    "model.onnx",
    "data.pkl",
];

/// Returns the texts in an archive.
///
/// # Errors
/// If the archive is damaged, encrypted or too large, or contains something that is not text.
pub(super) fn members(file: &InputFile, budget: &mut Budget) -> Result<Vec<InputFile>, DataError> {
    if file.content.size() > MAX_BYTES {
        return Err(too_large(
            &file.name,
            ZIP,
            message!("{size} GiB", size = MAX_BYTES >> 30),
        ));
    }
    let mut bytes = Vec::new();
    let read = file
        .content
        .open()
        .and_then(|content| content.take(MAX_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| DataError::reading(&file.name, error))?;
    Archive::open(file, bytes, budget)?.members()
}

/// An archive that is held in memory.
struct Archive<'a> {
    file: &'a InputFile,
    zip: ZipArchive<Cursor<Vec<u8>>>,
    names: Vec<String>,
    budget: &'a mut Budget,
}

impl<'a> Archive<'a> {
    fn open(
        file: &'a InputFile,
        bytes: Vec<u8>,
        budget: &'a mut Budget,
    ) -> Result<Self, DataError> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(file, &error))?;
        if zip.len() > MAX_ENTRIES {
            return Err(too_large(
                &file.name,
                ZIP,
                message!("{count} files", count = MAX_ENTRIES),
            ));
        }
        let raw: Vec<&[u8]> = zip.file_names_raw().collect();
        let names = names::decoded(raw.iter().copied());
        Ok(Self {
            file,
            zip,
            names,
            budget,
        })
    }

    fn members(mut self) -> Result<Vec<InputFile>, DataError> {
        let contains = |name: &str| self.names.iter().any(|found| found == name);
        let has = |ends: &dyn Fn(&str) -> bool| self.names.iter().any(|name| ends(name));
        let not_text = |kind: &'static str| DataError::NotText {
            file: self.file.name.clone(),
            kind: Message::phrase(kind),
        };
        match () {
            () if contains("xl/workbook.xml") => self.workbook(),
            () if contains("word/document.xml") => self.word_document(),
            () if contains("ppt/presentation.xml") => Err(not_text(phrase!("a presentation"))),
            () if contains("xl/workbook.bin") => Err(not_text(phrase!("a binary Office workbook"))),
            () if contains("[Content_Types].xml") => {
                Err(not_text(phrase!("another kind of Office document")))
            }
            () if contains("META-INF/manifest.xml") && contains("content.xml") => {
                Err(not_text(phrase!("an OpenDocument file")))
            }
            () if has(&|name| name.starts_with("META-INF/")) => {
                Err(not_text(phrase!("an e-book or a program")))
            }
            () if has(&|name| MODEL_FILES.iter().any(|file| name.ends_with(file))) => {
                Err(not_text(phrase!("a saved model")))
            }
            () if has(&|name| name.ends_with(".npy")) => Err(not_text(phrase!("NumPy arrays"))),
            () => self.files(),
        }
    }

    fn workbook(mut self) -> Result<Vec<InputFile>, DataError> {
        // calamine sets no limits, so first count what it will unpack and what it will allocate.
        for index in 0..self.zip.len() {
            let mut promised = Promised::default();
            self.unpack(index, &mut promised)?;
            if promised.is_hollow() {
                return Err(damaged(
                    &self.file.name,
                    ZIP,
                    message!("is damaged (a list declares more texts than it has bytes)"),
                ));
            }
        }
        super::workbook::sheets(self.file, self.zip.into_inner(), self.budget)
    }

    fn word_document(&mut self) -> Result<Vec<InputFile>, DataError> {
        let index = self
            .names
            .iter()
            .position(|name| name == "word/document.xml")
            .unwrap_or_default();
        let mut document = Vec::new();
        self.unpack(index, &mut document)?;
        let text =
            word::text(&document).map_err(|problem| damaged(&self.file.name, "Word", problem))?;
        Ok(vec![match text {
            word::Text::Lines(lines) => self.file.converted_to(Converted::Lines, lines),
            word::Text::Table(csv) => self.file.converted_to(Converted::Table, csv),
        }])
    }

    /// Returns the files of the archive, without folders, links and hidden files.
    fn files(&mut self) -> Result<Vec<InputFile>, DataError> {
        let is_hidden = |name: &str| {
            name.split(['/', '\\'])
                .any(|part| part.starts_with('.') || part == "__MACOSX")
        };
        let is_file = |name: &str| !name.ends_with(['/', '\\']) && !is_hidden(name);
        let indices: Vec<usize> = (0..self.names.len())
            .filter(|index| is_file(&self.names[*index]))
            .collect();
        let mut files = Vec::new();
        for index in indices {
            let is_link = self
                .zip
                .by_index_raw(index)
                .map_err(|error| broken(self.file, &error))?
                .is_symlink();
            if is_link {
                continue;
            }
            let mut bytes = Vec::new();
            self.unpack(index, &mut bytes)?;
            let name = format!("{}/{}", self.file.name, self.names[index]);
            files.push(InputFile {
                name,
                ..self.file.with_content(bytes)
            });
        }
        // Folders, hidden files and links were skipped.
        if files.is_empty() {
            return Err(DataError::EmptyFile {
                file: self.file.name.clone(),
            });
        }
        Ok(files)
    }

    /// Unpacks an entry into `out`.
    fn unpack(&mut self, index: usize, out: &mut dyn Write) -> Result<(), DataError> {
        let Self {
            file,
            zip,
            names,
            budget,
        } = self;
        let is_encrypted = zip
            .by_index_raw(index)
            .map_err(|error| broken(file, &error))?
            .encrypted();
        if is_encrypted {
            return Err(damaged(
                &file.name,
                ZIP,
                message!("is encrypted: {name}", name = quoted(&names[index])),
            ));
        }
        let mut entry = zip.by_index(index).map_err(|error| broken(file, &error))?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = entry
                .read(&mut buffer)
                .map_err(|error| broken(file, &ZipError::Io(error)))?;
            budget.take(count as u64, &file.name, ZIP)?;
            if count == 0 {
                return Ok(());
            }
            out.write_all(&buffer[..count])
                .map_err(|error| DataError::reading(&file.name, error))?;
        }
    }
}

fn broken(file: &InputFile, error: &ZipError) -> DataError {
    let reason = on_one_line(&error.to_string());
    let problem = match error {
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
            message!("cannot be unpacked ({reason})", reason)
        }
        _ => message!("is damaged ({reason})", reason),
    };
    damaged(&file.name, ZIP, problem)
}
