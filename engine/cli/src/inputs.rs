//! Resolves the paths of the command line (files, folders, stdin) to input files. File types are
//! checked before anything is opened, so that a pipe without a writer cannot block and an endless
//! device cannot fill the disk. Files are read in place, as often as needed; only stdin is spooled.
//! Parsing the content is up to `data`.

use crate::run_dir::checkpoints::digest;
use crate::run_dir::model_digests;
use crate::run_dir::store::shown;
use crate::terminal::output::plain;
use data::{ByteSource, InputFile, ReadOptions, is_archive, looks_like_table};
use engine::error::Error;
use engine::interop::{self, Directory};
use engine::session::{ModelFiles, VectorLines};
use protocol::{FileRole, Message, message};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Seek};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

/// Maximum size of stdin in bytes: it is spooled, and a pipe may be endless.
const MAX_STDIN_BYTES: u64 = 16 << 30;
/// Size in bytes above which spooled stdin moves from memory to a temporary file.
const MAX_IN_MEMORY_BYTES: usize = 32 << 20;
/// The path that stands for stdin.
const STDIN: &str = "-";
/// Maximum size in bytes of one file of a model directory: nearly ten times the size of bert-base's
/// weights.
const MAX_MODEL_FILE_BYTES: u64 = 4 << 30;
/// Maximum depth of the search in a model directory: a Hugging Face cache has its models three
/// levels down.
const MAX_MODEL_DEPTH: usize = 4;
/// Maximum number of files that are listed in a model directory.
const MAX_MODEL_NAMES: usize = 5000;

/// An input file and its path.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Path as given; for a file in a given folder, the path of that file.
    pub path: PathBuf,
    /// The file as `data` reads it.
    pub file: InputFile,
}

/// Resolves `paths` to files, each with the given `role`. The files of a folder are sorted by path.
///
/// # Errors
/// Returns an error if a path does not exist, is neither file nor folder, or cannot be read.
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

/// Like [`read`], for training data. A file named on its own is training data; the files in a
/// folder or an archive get their roles from their names, since many such collections contain test
/// files too.
///
/// # Errors
/// The errors of [`read`].
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

/// Whether stdin looks like a table or JSON. Peeks at the start of stdin without consuming it.
pub(super) fn is_stdin_a_table(options: &ReadOptions) -> bool {
    let mut stdin = io::stdin().lock();
    let Ok(start) = stdin.fill_buf() else {
        return false;
    };
    looks_like_table(start, options)
}

/// Returns the SHA-256 of the content of a file, in hexadecimal digits.
///
/// # Errors
/// Returns an error if the file can no longer be read.
pub(super) fn sha256_of(path: &Path, content: &dyn ByteSource) -> Result<String, Error> {
    content
        .open()
        .and_then(digest)
        .map_err(|error| unreadable(path, &error))
}

/// A file that is read in place. It cannot be opened again once its size or modification time has
/// changed.
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

/// Stdin, spooled to an unnamed temporary file.
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

/// Spools stdin, which can be read only once, so that it can be read repeatedly.
fn read_stdin() -> Result<Box<dyn ByteSource>, Error> {
    let failed = |error: io::Error| unreadable(Path::new(STDIN), &error);
    let mut spool = tempfile::spooled_tempfile(MAX_IN_MEMORY_BYTES);
    let bytes = io::copy(&mut io::stdin().take(MAX_STDIN_BYTES + 1), &mut spool).map_err(failed)?;
    if bytes > MAX_STDIN_BYTES {
        return Err(Error::Input {
            code: "input-too-large",
            message: message!(
                "stdin is larger than {value} GiB",
                value = MAX_STDIN_BYTES >> 30
            ),
            hint: message!("Give files instead: they are read in place, whatever their size."),
        });
    }
    Ok(match spool.into_inner() {
        tempfile::SpooledData::InMemory(bytes) => Box::new(bytes.into_inner()),
        tempfile::SpooledData::OnDisk(file) => Box::new(SpooledStdin(file)),
    })
}

/// Reads the model files of a directory, with sharded weights joined into one file. Whether the
/// files fit each other is checked by `session`.
///
/// # Errors
/// Returns an error if `dir` is not a directory, lacks a configuration or weights, has weights in
/// an unsupported format, cannot be read, or differs from what its run wrote.
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
        place: &Message::verbatim(&place),
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
    let extension = dir
        .extension()
        .map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    let hint = match extension.as_deref() {
        _ if !dir.exists() => {
            message!(
                "Give the directory of a finished run, or a Hugging Face model directory; to use a model from the Hub, download it first (hf download NAME {flag} DIR).",
                flag = "--local-dir"
            )
        }
        Some("zip") => message!("Unpack it, and give the directory with config.json."),
        _ => {
            message!(
                "Give the directory that holds config.json and model.safetensors, not one of its files."
            )
        }
    };
    Error::Input {
        code: "no-model",
        message: message!("{dir} is not a directory", dir = shown(dir)),
        hint,
    }
}

/// Lists the files in a directory and its subfolders in sorted order, with `/` between folders.
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

/// Opens a path for streaming; `-` is stdin.
///
/// # Errors
/// Returns an error if it is not a regular file or cannot be opened.
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

/// Returns a reader of the lines of a word-vector file, gzipped or not, that can be called
/// repeatedly.
///
/// # Errors
/// Returns an error if the file cannot be opened. The returned reader fails if the file cannot be
/// read.
pub(super) fn vector_lines(path: &Path) -> Result<VectorLines, Error> {
    if path == Path::new(STDIN) {
        return Err(wrong_type(path));
    }
    open(path)?;
    Ok(engine::session::vector_lines(
        plain_name(path),
        Rc::new(OnDisk::find(path)?),
    ))
}

/// Resolves a path to regular files; `-` (stdin) is returned unchanged.
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
            message: message!("the folder {path} contains no files", path = shown(path)),
            hint: message!("Give a folder with text files, or the files themselves."),
        });
    }
    Ok(files)
}

/// Lists the regular files below a folder, sorted by path. Hidden names and special files are
/// skipped. Each real folder is visited once, so that symbolic links cannot form a cycle.
fn walk(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut visited = BTreeSet::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let real = fs::canonicalize(&folder).map_err(|error| unreadable(&folder, &error))?;
        if !visited.insert(real) {
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

fn read_bytes(path: &Path, max_bytes: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    open(path)?
        .take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::Input {
            code: "input-too-large",
            message: message!(
                "{path} is larger than {max_bytes} GiB",
                path = shown(path),
                max_bytes = max_bytes >> 30
            ),
            hint: message!("Use a smaller model."),
        });
    }
    Ok(bytes)
}

/// Returns the name of a path in events and reports.
pub(super) fn plain_name(path: &Path) -> String {
    if path == Path::new(STDIN) {
        "stdin".into()
    } else {
        plain(&path.to_string_lossy())
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::NotFound => message!("{path} does not exist", path = shown(path)),
        _ => message!(
            "{path} cannot be read: {error}",
            path = shown(path),
            error = error.to_string()
        ),
    };
    Error::Input {
        code: "unreadable-input",
        message,
        hint: message!("Check the path and its permissions."),
    }
}

fn wrong_type(path: &Path) -> Error {
    Error::Input {
        code: "not-a-file",
        message: message!("{path} is neither a file nor a folder", path = shown(path)),
        hint: message!("Give text files, tables, archives, folders, or - for stdin."),
    }
}

#[cfg(test)]
mod tests;
