//! A ZIP archive: its files, or the text of the Office document that it is. Nothing that it says of itself is trusted:
//! bytes are counted while unpacking, and names only become names of documents.

use super::{damaged, is_bomb, too_large, word, workbook};
use crate::content::{Content, InputFile};
use crate::error::{DataError, quoted};
use std::io::{self, Cursor, Read};
use zip::ZipArchive;

/// Bytes of an archive, and of all that is in it, at most: they are held in memory.
const MAX_BYTES: u64 = 1 << 30;
/// Entries of an archive at most.
const MAX_ENTRIES: usize = 200_000;
/// Its name in a sentence.
const ZIP: &str = "ZIP";

/// The texts that a file holds; nothing where it is no archive.
///
/// # Errors
/// When it is damaged, encrypted or too large, or holds something that is not text.
pub fn members(file: &InputFile) -> Result<Option<Vec<InputFile>>, DataError> {
    let failed = |error| DataError::reading(&file.name, error);
    if !is_archive(&*file.content).map_err(failed)? {
        return Ok(None);
    }
    if file.content.size() > MAX_BYTES {
        return Err(too_large(&file.name, ZIP));
    }
    let mut bytes = Vec::new();
    file.content.open().and_then(|content| content.take(MAX_BYTES).read_to_end(&mut bytes)).map_err(failed)?;
    Archive::open(file, bytes)?.members().map(Some)
}

/// Whether the bytes begin as an archive does.
fn is_archive(content: &dyn Content) -> io::Result<bool> {
    let mut start = Vec::new();
    content.open()?.take(4).read_to_end(&mut start)?;
    Ok(start == b"PK\x03\x04")
}

/// An archive in memory.
struct Archive<'a> {
    file: &'a InputFile,
    zip: ZipArchive<Cursor<Vec<u8>>>,
    names: Vec<String>,
    unpacked: u64,
}

impl<'a> Archive<'a> {
    fn open(file: &'a InputFile, bytes: Vec<u8>) -> Result<Self, DataError> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(file, &error))?;
        if zip.len() > MAX_ENTRIES {
            return Err(too_large(&file.name, ZIP));
        }
        let names = zip.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        Ok(Self { file, zip, names, unpacked: 0 })
    }

    fn members(mut self) -> Result<Vec<InputFile>, DataError> {
        let holds = |name: &str| self.names.iter().any(|found| found == name);
        let not_text = |kind: &str| DataError::NotText { file: self.file.name.clone(), kind: kind.into() };
        match () {
            () if holds("xl/workbook.xml") => {
                // A reader of workbooks trusts them.
                (0..self.zip.len()).try_for_each(|place| self.unpack(place, &mut io::sink()))?;
                workbook::sheets(self.file, self.zip.into_inner())
            }
            () if holds("word/document.xml") => {
                let place = self.names.iter().position(|name| name == "word/document.xml").unwrap_or_default();
                let mut document = Vec::new();
                self.unpack(place, &mut document)?;
                let text = word::lines(&document).map_err(|problem| damaged(&self.file.name, "Word", problem))?;
                Ok(vec![self.file.with_content(text)])
            }
            () if holds("ppt/presentation.xml") => Err(not_text("a presentation")),
            () if holds("xl/workbook.bin") => Err(not_text("a binary Office workbook")),
            () if holds("META-INF/manifest.xml") => Err(not_text("an OpenDocument file")),
            () if self.names.iter().any(|name| name.ends_with("model.safetensors")) => Err(not_text("a saved model")),
            () => self.files(),
        }
    }

    /// Its files, without folders and what is hidden.
    fn files(&mut self) -> Result<Vec<InputFile>, DataError> {
        let is_hidden = |name: &str| name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX");
        let is_file = |name: &str| !name.ends_with(['/', '\\']) && !is_hidden(name);
        let places: Vec<usize> = (0..self.names.len()).filter(|place| is_file(&self.names[*place])).collect();
        if places.is_empty() {
            return Err(DataError::EmptyFile { file: self.file.name.clone() });
        }
        let mut files = Vec::new();
        for place in places {
            let mut bytes = Vec::new();
            self.unpack(place, &mut bytes)?;
            let name = format!("{}/{}", self.file.name, self.names[place]);
            files.push(InputFile { name, ..self.file.with_content(bytes) });
        }
        Ok(files)
    }

    /// Writes what an entry holds to `out`.
    fn unpack(&mut self, place: usize, out: &mut dyn io::Write) -> Result<(), DataError> {
        let Self { file, zip, names, unpacked } = self;
        let is_encrypted = zip.by_index_raw(place).map_err(|error| broken(file, &error))?.encrypted();
        if is_encrypted {
            return Err(damaged(&file.name, ZIP, format!("is encrypted: {}", quoted(&names[place]))));
        }
        let mut entry = zip.by_index(place).map_err(|error| broken(file, &error))?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = entry.read(&mut buffer).map_err(|error| broken(file, &error))?;
            *unpacked += count as u64;
            if is_bomb(file.content.size(), *unpacked) || *unpacked > MAX_BYTES {
                return Err(too_large(&file.name, ZIP));
            }
            if count == 0 {
                return Ok(());
            }
            out.write_all(&buffer[..count]).map_err(|error| DataError::reading(&file.name, error))?;
        }
    }
}

fn broken(file: &InputFile, error: &dyn std::error::Error) -> DataError {
    let reason: String = error.to_string().escape_debug().take(200).collect();
    damaged(&file.name, ZIP, format!("is damaged ({reason})"))
}
