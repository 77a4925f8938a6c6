//! Paths become files: single files, folders, stdin. Types are looked at before anything is opened, so that a pipe
//! without a writer cannot block and a device without an end cannot fill the disk. Files are read where they lie, as
//! often as needed; only stdin is set aside. What the bytes mean is `data`'s.

use super::checkpoints::digest;
use super::model_digests;
use super::output::plain;
use super::store::shown;
use crate::data::{ByteSource, InputFile, ReadOptions, is_archive, looks_like_table};
use crate::error::Error;
use crate::interop::{self, Directory};
use crate::session::{ModelFiles, VectorLines};
use protocol::FileRole;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Seek};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

/// Bytes of stdin at most: they are set aside, and a pipe may have no end.
const MAX_STDIN_BYTES: u64 = 16 << 30;
/// Bytes of stdin that are held in memory before they become a file.
const MAX_HELD_BYTES: usize = 32 << 20;
/// The path that means stdin.
const STDIN: &str = "-";
/// Bytes of one file of a model directory at most: bert-base's weights four times over.
const MAX_MODEL_FILE_BYTES: u64 = 4 << 30;
/// Folders inside a model directory that are looked into: a cache of the Hub has its models three below.
const MAX_MODEL_DEPTH: usize = 4;
/// Names of a model directory that are looked at.
const MAX_MODEL_NAMES: usize = 5000;

/// A file with the path it was read from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// As given, with the way inside a given folder.
    pub path: PathBuf,
    /// What `data` reads.
    pub file: InputFile,
}

/// Finds the files that `paths` name, folders in the order of their names, each for `role`.
///
/// # Errors
/// When a path does not exist, is neither file nor folder, or cannot be read.
pub(super) fn read(paths: &[PathBuf], role: Option<FileRole>) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    for path in paths {
        for found in resolve(path)? {
            let content: Rc<dyn ByteSource> = if found == Path::new(STDIN) {
                Rc::from(read_stdin()?)
            } else {
                Rc::new(OnDisk::find(&found)?)
            };
            let file = InputFile::new(plain_name(&found), content, role);
            sources.push(Source { path: found, file });
        }
    }
    Ok(sources)
}

/// As [`read`], to train on: what a folder or an archive holds is used as the names in it say, since many hold test files
/// too.
///
/// # Errors
/// As [`read`].
pub(super) fn read_for_training(paths: &[PathBuf]) -> Result<Vec<Source>, Error> {
    let one = |path: &PathBuf| {
        let mut sources = read(std::slice::from_ref(path), None)?;
        if !path.is_dir() {
            for file in sources.iter_mut().map(|source| &mut source.file) {
                let holds_files =
                    is_archive(&*file.content).map_err(|error| unreadable(path, &error))?;
                file.role = if holds_files {
                    None
                } else {
                    Some(FileRole::Train)
                };
            }
        }
        Ok(sources)
    };
    paths
        .iter()
        .map(one)
        .collect::<Result<Vec<_>, _>>()
        .map(|sources| sources.concat())
}

/// Whether stdin holds a table or JSON, by what can be seen of it before it is read.
pub(super) fn is_stdin_a_table(options: &ReadOptions) -> bool {
    let mut stdin = io::stdin().lock();
    let Ok(start) = stdin.fill_buf() else {
        return false;
    };
    looks_like_table(start, options)
}

/// SHA-256 of what a file holds, in hexadecimal digits.
///
/// # Errors
/// When it can no longer be read.
pub(super) fn sha256_of(path: &Path, content: &dyn ByteSource) -> Result<String, Error> {
    content
        .open()
        .and_then(digest)
        .map_err(|error| unreadable(path, &error))
}

/// A file that is read where it lies. It must stay as it was found.
struct OnDisk {
    path: PathBuf,
    size: u64,
    modified: Option<SystemTime>,
}

impl OnDisk {
    fn find(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)
            .and_then(|file| file.metadata())
            .map_err(|error| unreadable(path, &error))?;
        Ok(Self {
            path: path.into(),
            size: file.len(),
            modified: file.modified().ok(),
        })
    }
}

impl ByteSource for OnDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        if (metadata.len(), metadata.modified().ok()) != (self.size, self.modified) {
            return Err(io::Error::other("it was changed while it was in use"));
        }
        Ok(Box::new(file))
    }
}

/// A file without name.
struct SpooledStdin(File);

impl ByteSource for SpooledStdin {
    fn size(&self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        (&self.0).rewind()?;
        Ok(Box::new(&self.0))
    }
}

/// Stdin, which can be read only once, as something that can be read again.
fn read_stdin() -> Result<Box<dyn ByteSource>, Error> {
    let failed = |error: io::Error| unreadable(Path::new(STDIN), &error);
    let mut spool = tempfile::spooled_tempfile(MAX_HELD_BYTES);
    let bytes = io::copy(&mut io::stdin().take(MAX_STDIN_BYTES + 1), &mut spool).map_err(failed)?;
    if bytes > MAX_STDIN_BYTES {
        return Err(Error::Input {
            code: "input-too-large",
            message: format!("stdin holds more than {} GiB", MAX_STDIN_BYTES >> 30),
            hint: "Give files: they are read where they lie, whatever their size.".into(),
        });
    }
    Ok(match spool.into_inner() {
        tempfile::SpooledData::InMemory(bytes) => Box::new(bytes.into_inner()),
        tempfile::SpooledData::OnDisk(file) => Box::new(SpooledStdin(file)),
    })
}

/// Reads the files of a model directory that are the model's, with weights in one file. Whether they fit each other is
/// `session`'s question.
///
/// # Errors
/// When `dir` is no directory, lacks a configuration or weights, has the weights in another form, cannot be read, or holds
/// what its run did not write.
pub(super) fn read_model(dir: &Path) -> Result<ModelFiles, Error> {
    if !dir.is_dir() {
        return Err(no_directory(dir));
    }
    let mut names = names_inside(dir)?;
    let place = shown(dir);
    let start = |name: &str| {
        let mut bytes = Vec::new();
        let file = File::open(dir.join(name)).ok()?;
        file.take(interop::MAX_START_BYTES)
            .read_to_end(&mut bytes)
            .ok()
            .map(|_| bytes)
    };
    Directory {
        place: &place,
        path: &place,
        names: &names,
        start: &start,
    }
    .check()?;
    names.retain(|name| interop::is_model_file(name));
    let read = |name: String| {
        Ok((
            name.clone(),
            read_bytes(&dir.join(&name), MAX_MODEL_FILE_BYTES)?,
        ))
    };
    let files = names
        .into_iter()
        .map(read)
        .collect::<Result<ModelFiles, Error>>()?;
    model_digests::check(dir, &files)?;
    Ok(interop::whole(files)?)
}

fn no_directory(dir: &Path) -> Error {
    let ending = dir
        .extension()
        .map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    let hint = match ending.as_deref() {
        _ if !dir.exists() => {
            "Give the directory of a finished run, or a Hugging Face model directory; a model of the Hub is downloaded \
             first (hf download NAME --local-dir DIR)."
        }
        Some("zip") => "Unpack it, and give the directory with config.json.",
        _ => {
            "Give the directory that holds config.json and model.safetensors, not one of its files."
        }
    };
    Error::Input {
        code: "no-model",
        message: format!("{} is not a directory", shown(dir)),
        hint: hint.into(),
    }
}

/// The files in a directory and in the folders inside it, in the order of their names, with `/` between folders.
fn names_inside(dir: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    let mut folders = vec![(String::new(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let path = dir.join(&folder);
        for entry in fs::read_dir(&path).map_err(|error| unreadable(&path, &error))? {
            let entry = entry.map_err(|error| unreadable(&path, &error))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let Ok(metadata) = fs::metadata(entry.path()) else {
                continue;
            };
            if metadata.is_file() && names.len() < MAX_MODEL_NAMES {
                names.push(format!("{folder}{name}"));
            } else if metadata.is_dir() && depth < MAX_MODEL_DEPTH && !name.starts_with('.') {
                folders.push((format!("{folder}{name}/"), depth + 1));
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Opens a path for reading piece by piece; `-` is stdin.
///
/// # Errors
/// When it is not a regular file or cannot be opened.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>, Error> {
    if path == Path::new(STDIN) {
        return Ok(Box::new(io::stdin()));
    }
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        return Err(wrong_type(path));
    }
    Ok(Box::new(
        fs::File::open(path).map_err(|error| unreadable(path, &error))?,
    ))
}

/// The lines of a file of word vectors, packed with gzip or not, as often as they are asked for.
///
/// # Errors
/// When it cannot be opened now; later, when it cannot be read.
pub(super) fn vector_lines(path: &Path) -> Result<VectorLines, Error> {
    if path == Path::new(STDIN) {
        return Err(wrong_type(path));
    }
    open(path)?;
    Ok(crate::session::vector_lines(
        plain_name(path),
        Rc::new(OnDisk::find(path)?),
    ))
}

/// The regular files behind a path; stdin stands for itself.
fn resolve(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if path == Path::new(STDIN) {
        return Ok(vec![path.into()]);
    }
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_file() {
        return Ok(vec![path.into()]);
    }
    if !metadata.is_dir() {
        return Err(wrong_type(path));
    }
    let files = walk(path)?;
    if files.is_empty() {
        return Err(Error::Input {
            code: "empty-folder",
            message: format!("the folder {} holds no file", shown(path)),
            hint: "Give a folder with text files, or the files themselves.".into(),
        });
    }
    Ok(files)
}

/// Regular files below a folder in the order of their paths. Hidden names and what is neither file nor folder are
/// passed over; each real folder is entered once, so that links cannot lead in circles.
fn walk(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut entered = BTreeSet::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let real = fs::canonicalize(&folder).map_err(|error| unreadable(&folder, &error))?;
        if !entered.insert(real) {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))? {
            let path = entry.map_err(|error| unreadable(&folder, &error))?.path();
            let hidden = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            match (hidden, metadata.is_dir(), metadata.is_file()) {
                (false, true, _) => folders.push(path),
                (false, _, true) => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    open(path)?
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > most {
        return Err(Error::Input {
            code: "input-too-large",
            message: format!("{} is larger than {} GiB", shown(path), most >> 30),
            hint: "Give a smaller model.".into(),
        });
    }
    Ok(bytes)
}

/// A path as events and reports name it.
pub(super) fn plain_name(path: &Path) -> String {
    if path == Path::new(STDIN) {
        "stdin".into()
    } else {
        plain(&path.to_string_lossy())
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("{} does not exist", shown(path)),
        _ => format!("{} cannot be read: {error}", shown(path)),
    };
    Error::Input {
        code: "unreadable-input",
        message,
        hint: "Check the path and its permissions.".into(),
    }
}

fn wrong_type(path: &Path) -> Error {
    Error::Input {
        code: "not-a-file",
        message: format!("{} is neither a file nor a folder", shown(path)),
        hint: "Give text files, tables, archives, folders, or - for stdin.".into(),
    }
}

#[cfg(test)]
mod tests;
