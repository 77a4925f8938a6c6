//! The files of an imported model or run directory, which came one by one or in a single `.zip`: its
//! model, its log and its checkpoints.

use super::ModelFiles;
use super::run::checkpoint::{Found, MANIFEST_FILE, Manifest, newest_whole};
use super::run::snapshot;
use crate::data::{ByteSource, DataError};
use crate::error::Result;
use crate::interop::{self, Directory};
use protocol::{FileInfo, message};
use std::collections::BTreeMap;
use std::io::Read;
use std::rc::Rc;

/// The files of an imported directory.
pub(super) struct ImportedDirectory {
    /// The model and the log of its run; empty if everything is in a `.zip`.
    files: Vec<(FileInfo, Rc<dyn ByteSource>)>,
    /// Loose files of checkpoints, named from the directory on.
    checkpoints: Vec<(FileInfo, Rc<dyn ByteSource>)>,
    /// The bytes of the `.zip`, if it is one.
    zip: Option<Vec<u8>>,
}

impl ImportedDirectory {
    pub fn of(files: Vec<FileInfo>, contents: Vec<Rc<dyn ByteSource>>) -> Result<Self> {
        let is_of_checkpoint =
            |(file, _): &(FileInfo, _)| file.name.starts_with(interop::CHECKPOINTS_FOLDER);
        let (checkpoints, files): (Vec<_>, Vec<_>) =
            files.into_iter().zip(contents).partition(is_of_checkpoint);
        let zip = match files.as_slice() {
            [(file, content)] if file.name.to_ascii_lowercase().ends_with(".zip") => {
                Some(bytes_of(file, content)?)
            }
            _ => None,
        };
        Ok(Self {
            files: if zip.is_some() { Vec::new() } else { files },
            checkpoints,
            zip,
        })
    }

    /// Returns the files of the model and the log of its run.
    pub fn model(&self) -> Result<ModelFiles> {
        let Some(bytes) = &self.zip else {
            return self.loose_model();
        };
        let named = interop::zip_read(bytes)?;
        let has_weights = named.iter().any(|(name, _)| is_weights(name));
        let named = if has_weights || self.manifests()?.is_empty() {
            named
        } else {
            self.with_weights_of_checkpoint(named)?
        };
        let bytes = |name: &str| {
            let file = named.iter().find(|(other, _)| other == name);
            file.map(|(_, bytes)| bytes.clone())
        };
        check_directory(named.iter().map(|(name, _)| name.clone()).collect(), &bytes)?;
        Ok(interop::whole(named)?)
    }

    /// Like [`Self::model`], for loose files. Those of a model are checked before anything large is
    /// read.
    fn loose_model(&self) -> Result<ModelFiles> {
        let has_weights = self.files.iter().any(|(file, _)| is_weights(&file.name));
        if !has_weights && !self.manifests()?.is_empty() {
            let files = self.with_weights_of_checkpoint(self.loose_files()?)?;
            return Ok(interop::whole(files)?);
        }
        let start = |name: &str| {
            self.files
                .iter()
                .find(|(file, _)| file.name == name)
                .and_then(|(_, content)| start_of(content))
        };
        let names = self.files.iter().map(|(file, _)| file.name.clone());
        check_directory(names.collect(), &start)?;
        Ok(interop::whole(self.loose_files()?)?)
    }

    fn loose_files(&self) -> Result<ModelFiles> {
        self.files
            .iter()
            .filter(|(file, _)| !interop::is_foreign_weights(&file.name))
            .map(|(file, content)| Ok((file.name.clone(), bytes_of(file, content)?)))
            .collect()
    }

    /// Adds the model of the newest complete checkpoint to the files of a run that has saved none.
    fn with_weights_of_checkpoint(&self, mut files: ModelFiles) -> Result<ModelFiles> {
        let Found { snapshot, .. } = self.newest_checkpoint()?;
        let has = |name: &str| files.iter().any(|(other, _)| other == name);
        let missing: ModelFiles = snapshot
            .files
            .into_iter()
            .filter(|(name, _)| !snapshot::is_of_training(name) && !has(name))
            .collect();
        files.extend(missing);
        Ok(files)
    }

    /// Returns the log of the run; empty if there is none.
    pub fn log(&self) -> Result<Vec<u8>> {
        if let Some(bytes) = &self.zip {
            let log = interop::zip_read_where(bytes, |name| name == interop::HISTORY_FILE)?;
            return Ok(log
                .into_iter()
                .next()
                .map(|(_, log)| log)
                .unwrap_or_default());
        }
        let mut files = self.files.iter();
        let log = files.find(|(file, _)| file.name == interop::HISTORY_FILE);
        log.map_or_else(|| Ok(Vec::new()), |(file, content)| bytes_of(file, content))
    }

    /// Returns the newest complete checkpoint. Checkpoints of a `.zip` are unpacked one at a time.
    pub fn newest_checkpoint(&self) -> Result<Found> {
        let Some(bytes) = &self.zip else {
            let (infos, contents): (Vec<_>, Vec<_>) = self.checkpoints.iter().cloned().unzip();
            return newest_whole(&infos, &contents);
        };
        let mut found = newest_of(Vec::new());
        for (folder, _) in self.manifests()? {
            let files = interop::zip_read_where(bytes, |name| name.starts_with(&folder))?;
            found = newest_of(files);
            if found.is_ok() {
                break;
            }
        }
        found
    }

    /// Returns the folder (`checkpoints/step-9/`) and the step of each checkpoint with a readable
    /// manifest, newest first.
    fn manifests(&self) -> Result<Vec<(String, u64)>> {
        let mut manifests: Vec<(String, u64)> = self
            .checkpoint_files(MANIFEST_FILE)?
            .into_iter()
            .filter_map(|(folder, bytes)| {
                let manifest: Manifest = serde_json::from_slice(&bytes).ok()?;
                Some((folder, manifest.step))
            })
            .collect();
        manifests.sort_by_key(|(_, step)| std::cmp::Reverse(*step));
        Ok(manifests)
    }

    /// Returns the file of this name in each checkpoint, with the checkpoint's folder.
    fn checkpoint_files(&self, wanted: &str) -> Result<ModelFiles> {
        let folder_of = |name: &str| {
            let folder = name.strip_suffix(wanted)?;
            let is_checkpoint = folder.starts_with(interop::CHECKPOINTS_FOLDER);
            (is_checkpoint && folder.ends_with('/')).then(|| folder.to_string())
        };
        if let Some(bytes) = &self.zip {
            let files = interop::zip_read_where(bytes, |name| folder_of(name).is_some())?;
            let named = files.into_iter();
            return Ok(named
                .filter_map(|(name, bytes)| Some((folder_of(&name)?, bytes)))
                .collect());
        }
        self.checkpoints
            .iter()
            .filter_map(|(file, content)| {
                let folder = folder_of(&file.name)?;
                Some(bytes_of(file, content).map(|bytes| (folder, bytes)))
            })
            .collect()
    }

    /// Returns the fingerprint of the corpus of the newest checkpoint, whose large files are not
    /// read; `None` without a checkpoint that this version can resume from.
    pub fn corpus_of_checkpoint(&self) -> Option<String> {
        let states = self.checkpoint_files(snapshot::STATE_FILE).ok()?;
        let of_folder = |folder: &str| {
            let state = states.iter().find(|(other, _)| other == folder);
            state.and_then(|(_, bytes)| snapshot::state_in(bytes).ok())
        };
        let manifests = self.manifests().ok()?;
        let mut found = manifests.iter().filter_map(|(folder, _)| of_folder(folder));
        found.next().map(|state| state.corpus)
    }
}

/// Returns whether a file of a model directory holds the weights of a network.
fn is_weights(name: &str) -> bool {
    let is_own = name.ends_with(".safetensors") && !name.contains('/');
    is_own || interop::is_foreign_weights(name)
}

/// Like [`newest_whole`], for files in memory.
fn newest_of(files: ModelFiles) -> Result<Found> {
    let info = |name| FileInfo {
        name,
        role: None,
        encoding: None,
        member_roles: BTreeMap::new(),
    };
    let (infos, contents): (Vec<_>, Vec<_>) = files
        .into_iter()
        .map(|(name, bytes)| (info(name), Rc::new(bytes) as Rc<dyn ByteSource>))
        .unzip();
    newest_whole(&infos, &contents)
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

fn bytes_of(file: &FileInfo, content: &Rc<dyn ByteSource>) -> Result<Vec<u8>> {
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

    fn directory(files: &[(&str, &[u8])]) -> ImportedDirectory {
        let info = |name: &str| FileInfo {
            name: name.into(),
            role: None,
            encoding: None,
            member_roles: BTreeMap::new(),
        };
        let infos = files.iter().map(|(name, _)| info(name)).collect();
        let contents = files
            .iter()
            .map(|(_, bytes)| Rc::new(bytes.to_vec()) as Rc<dyn ByteSource>)
            .collect();
        ImportedDirectory::of(infos, contents).expect("files in memory can be read")
    }

    fn read(files: &[(&str, &[u8])]) -> Result<Vec<String>> {
        Ok(directory(files)
            .model()?
            .into_iter()
            .map(|(name, _)| name)
            .collect())
    }

    /// Returns the files of a run that was killed after a checkpoint, in folders from its directory
    /// on.
    fn killed_run() -> ModelFiles {
        let saved: [(&str, &[u8]); 4] = [
            ("config.json", b"{}"),
            ("model.safetensors", b"x"),
            ("vocab.txt", b"x"),
            (snapshot::STATE_FILE, b"{}"),
        ];
        let manifest = Manifest::of(4, saved.into_iter()).to_json();
        let checkpoint = saved
            .map(|(name, bytes)| (name, bytes.to_vec()))
            .into_iter()
            .chain([(MANIFEST_FILE, manifest)])
            .map(|(name, bytes)| (format!("checkpoints/step-4/{name}"), bytes));
        let log = ("metrics.jsonl".into(), b"log".to_vec());
        checkpoint.chain([log]).collect()
    }

    #[test]
    fn a_run_without_a_model_has_that_of_its_checkpoint() {
        let files = killed_run();
        let loose: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
            .collect();
        let archive = interop::zip_write("run", &files);
        for files in [&loose[..], &[("run.zip", archive.as_slice())]] {
            let mut names = read(files).expect("a model");
            names.sort();
            let expected = [
                "config.json",
                "metrics.jsonl",
                "model.safetensors",
                "vocab.txt",
            ];
            assert_eq!(names, expected);
            let directory = directory(files);
            assert_eq!(directory.log().expect("a log"), b"log");
            assert_eq!(
                directory
                    .newest_checkpoint()
                    .expect("a checkpoint")
                    .snapshot
                    .step,
                4
            );
        }
    }

    #[test]
    fn a_damaged_checkpoint_leaves_a_run_without_a_model() {
        let mut files = killed_run();
        files[1].1.push(b'x');
        let loose: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
            .collect();
        assert!(read(&loose).is_err());
        let error = directory(&loose)
            .newest_checkpoint()
            .err()
            .expect("it is damaged");
        assert!(error.to_string().contains("model.safetensors"), "{error}");
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
