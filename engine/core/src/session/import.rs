//! Imports a model from the files that came with a command: one by one, or in a single `.zip`.

use super::{Host, ModelFiles, Session};
use crate::data::{ByteSource, DataError};
use crate::error::Result;
use crate::interop::{self, Directory};
use protocol::{Event, message};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::rc::Rc;

/// Bytes of a hash that identify an imported run.
const NAME_BYTES: usize = 4;

impl<H: Host> Session<H> {
    /// Imports a model, and the history of its run if the files include one.
    ///
    /// # Errors
    /// Returns an error if the files are not a valid model.
    pub(super) fn import_files(
        &mut self,
        files: Vec<protocol::FileInfo>,
        contents: Vec<Rc<dyn ByteSource>>,
    ) -> Result<()> {
        let mut named = model_files(&files, &contents)?;
        let lines = named
            .iter()
            .position(|(name, _)| name == interop::HISTORY_FILE)
            .map(|at| named.swap_remove(at).1);
        self.import(named)?;
        let model = self.models.language_model.as_ref().expect("just imported");
        let summary = message!(
            "{parameters} parameters, {tokens} tokens",
            parameters = model.parameters(),
            tokens = model.config.vocab_size
        );
        let (labels, guesses) = (model.config.labels.clone(), model.heads.masked_lm);
        self.host.emit(Event::Imported {
            summary,
            labels,
            guesses,
        });
        let lines = lines.unwrap_or_default();
        let events = interop::history(&lines);
        if !events.is_empty() {
            let digest = Sha256::digest(&lines);
            let name: String = digest[..NAME_BYTES]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            self.host.emit(Event::History {
                run: format!("imported-{name}"),
                events,
            });
        }
        Ok(())
    }
}

/// Returns the files of a model: given one by one, or in a single `.zip`.
fn model_files(
    files: &[protocol::FileInfo],
    contents: &[Rc<dyn ByteSource>],
) -> Result<ModelFiles> {
    let given = || files.iter().zip(contents);
    if let [file] = files
        && file.name.to_ascii_lowercase().ends_with(".zip")
    {
        let named = interop::zip_read(&bytes_of(file, &contents[0])?)?;
        let bytes = |name: &str| {
            named
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, bytes)| bytes.clone())
        };
        check_directory(named.iter().map(|(name, _)| name.clone()).collect(), &bytes)?;
        return Ok(interop::whole(named)?);
    }
    // Check this before reading anything large.
    let start = |name: &str| {
        given()
            .find(|(file, _)| file.name == name)
            .and_then(|(_, content)| start_of(content))
    };
    check_directory(files.iter().map(|file| file.name.clone()).collect(), &start)?;
    let read = given().filter(|(file, _)| !interop::is_foreign_weights(&file.name));
    let named = read.map(|(file, content)| Ok((file.name.clone(), bytes_of(file, content)?)));
    Ok(interop::whole(named.collect::<Result<ModelFiles>>()?)?)
}

/// Checks whether files of these names are a model, in a directory of unknown path.
fn check_directory(names: Vec<String>, start: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<()> {
    Ok(Directory {
        place: &message!("this selection"),
        path: "DIR",
        names: &names,
        start,
    }
    .check()?)
}

fn bytes_of(file: &protocol::FileInfo, content: &Rc<dyn ByteSource>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = content
        .open()
        .and_then(|mut content| content.read_to_end(&mut bytes));
    read.map_err(|error| DataError::reading(&file.name, error))?;
    Ok(bytes)
}

/// Returns the first bytes of a file; `None` if it cannot be read.
fn start_of(content: &Rc<dyn ByteSource>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    content
        .open()
        .ok()?
        .take(interop::MAX_START_BYTES)
        .read_to_end(&mut bytes)
        .ok()
        .map(|_| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &[u8])]) -> Result<Vec<String>> {
        let info = |name: &str| protocol::FileInfo {
            name: name.into(),
            role: None,
            encoding: None,
            member_roles: std::collections::BTreeMap::new(),
        };
        let infos: Vec<_> = files.iter().map(|(name, _)| info(name)).collect();
        let contents: Vec<Rc<dyn ByteSource>> = files
            .iter()
            .map(|(_, bytes)| Rc::new(bytes.to_vec()) as Rc<dyn ByteSource>)
            .collect();
        Ok(model_files(&infos, &contents)?
            .into_iter()
            .map(|(name, _)| name)
            .collect())
    }

    #[test]
    fn model_files_are_read_loose_or_zipped_and_unused_ones_skipped() {
        let model = [
            ("config.json", &b"{}"[..]),
            ("model.safetensors", b"x"),
            ("vocab.txt", b"x"),
        ];
        let loose = [&model[..], &[("pytorch_model.bin", b"x")]].concat();
        let names = ["config.json", "model.safetensors", "vocab.txt"];
        assert_eq!(read(&loose).expect("a model"), names);
        let files: Vec<_> = model
            .iter()
            .map(|(name, bytes)| (name.to_string(), bytes.to_vec()))
            .collect();
        assert_eq!(
            read(&[("m.ZIP", &interop::zip_write("m", &files))]).expect("a model"),
            names
        );
    }

    #[test]
    fn other_weight_formats_are_refused() {
        let torch = [("config.json", &b"{}"[..]), ("pytorch_model.bin", b"x")];
        let files: Vec<_> = torch
            .iter()
            .map(|(name, bytes)| (name.to_string(), bytes.to_vec()))
            .collect();
        let archive = interop::zip_write("m", &files);
        for files in [&torch[..], &[("m.zip", archive.as_slice())]] {
            let error = read(files).expect_err("another form");
            assert_eq!(
                error.to_string(),
                "this selection contains PyTorch weights (pytorch_model.bin), but no model.safetensors"
            );
            assert!(
                error
                    .hint()
                    .to_string()
                    .contains("from_pretrained(\"DIR\")"),
                "{}",
                error.hint()
            );
        }
    }
}
