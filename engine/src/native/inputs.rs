//! Paths become files: single files, folders, stdin. Types are looked at before anything is opened, so that a pipe
//! without a writer cannot block and a device without an end cannot fill the memory. What the bytes mean is `data`'s.

use super::output::plain;
use super::store::shown;
use crate::data::InputFile;
use crate::error::Error;
use crate::session::{ModelFiles, VectorLines};
use flate2::read::MultiGzDecoder;
use protocol::FileRole;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes of input at most: all of it is held in memory, and a corpus beyond this asks for more than one machine.
const MAX_INPUT_BYTES: u64 = 4 << 30;
/// The path that means stdin.
const STDIN: &str = "-";
/// Bytes of one file of a model directory at most: bert-base's weights four times over.
const MAX_MODEL_FILE_BYTES: u64 = 4 << 30;
/// Files of a model directory; others, such as metrics and checkpoints, are not read.
const MODEL_FILES: [&str; 6] = [
    crate::interop::CONFIG_FILE,
    crate::interop::WEIGHTS_FILE,
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

/// A file with the path it was read from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Source {
    /// As given, with the way inside a given folder.
    pub path: PathBuf,
    /// What `data` reads.
    pub file: InputFile,
}

/// Reads the files that `paths` name, folders in the order of their names, each for `role`.
///
/// # Errors
/// When a path does not exist, is neither file nor folder, cannot be read, or all together are too large.
pub(super) fn read(paths: &[PathBuf], role: Option<FileRole>) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    let mut budget = MAX_INPUT_BYTES;
    for path in paths {
        for found in resolve(path)? {
            let bytes = read_bytes(&found, &mut budget)?;
            let name = plain_name(&found);
            sources.push(Source { path: found, file: InputFile { name, bytes, role } });
        }
    }
    Ok(sources)
}

/// Reads the files of a model directory that are there. Whether they make a model is `session`'s question.
///
/// # Errors
/// When `dir` is no directory, lacks a configuration or weights, or cannot be read.
pub(super) fn read_model(dir: &Path) -> Result<ModelFiles, Error> {
    let refuse = |message: String| Error::Input {
        code: "no-model",
        message,
        hint: "Give the directory of a finished run, or a Hugging Face model directory.".into(),
    };
    if !dir.is_dir() {
        return Err(refuse(format!("{} is not a directory", shown(dir))));
    }
    for needed in [crate::interop::CONFIG_FILE, crate::interop::WEIGHTS_FILE] {
        if !dir.join(needed).is_file() {
            return Err(refuse(format!("{} holds no model: {needed} is missing", shown(dir))));
        }
    }
    let present = MODEL_FILES.iter().filter(|name| dir.join(name).is_file());
    present.map(|name| Ok((name.to_string(), read_bytes(&dir.join(name), &mut { MAX_MODEL_FILE_BYTES })?))).collect()
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
    Ok(Box::new(fs::File::open(path).map_err(|error| unreadable(path, &error))?))
}

/// The lines of a file of word vectors, packed with gzip or not, as often as they are asked for.
///
/// # Errors
/// When it cannot be opened now; later, when it cannot be read.
pub(super) fn vector_lines(path: &Path) -> Result<VectorLines, Error> {
    open(path)?;
    if path == Path::new(STDIN) {
        return Err(wrong_type(path));
    }
    let path = path.to_path_buf();
    Ok(Box::new(move |take| {
        let mut raw = BufReader::with_capacity(1 << 20, open(&path)?);
        let packed = raw.fill_buf().map_err(|error| unreadable(&path, &error))?.starts_with(&[0x1f, 0x8b]);
        let mut reader: Box<dyn BufRead> =
            if packed { Box::new(BufReader::new(MultiGzDecoder::new(raw))) } else { Box::new(raw) };
        let mut line = Vec::new();
        loop {
            line.clear();
            let limited = &mut reader.as_mut().take(MAX_VECTOR_LINE_BYTES);
            if limited.read_until(b'\n', &mut line).map_err(|error| unreadable(&path, &error))? == 0 {
                return Ok(());
            }
            take(&line)?;
        }
    }))
}

/// Bytes of one line of word vectors at most; a longer one is cut and so counts as ragged.
const MAX_VECTOR_LINE_BYTES: u64 = 1 << 20;

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
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            let Ok(metadata) = fs::metadata(&path) else { continue };
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

fn read_bytes(path: &Path, budget: &mut u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let taken = open(path)?.take(*budget + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    *budget = budget.checked_sub(taken as u64).ok_or_else(|| Error::Input {
        code: "input-too-large",
        message: format!("with {} the input passes {} GiB", shown(path), MAX_INPUT_BYTES >> 30),
        hint: "Give fewer or smaller files.".into(),
    })?;
    Ok(bytes)
}

/// A path as events and reports name it.
fn plain_name(path: &Path) -> String {
    if path == Path::new(STDIN) { "stdin".into() } else { plain(&path.to_string_lossy()) }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::NotFound => format!("{} does not exist", shown(path)),
        _ => format!("{} cannot be read: {error}", shown(path)),
    };
    Error::Input { code: "unreadable-input", message, hint: "Check the path and its permissions.".into() }
}

fn wrong_type(path: &Path) -> Error {
    Error::Input {
        code: "not-a-file",
        message: format!("{} is neither a file nor a folder", shown(path)),
        hint: "Give text files, folders, .gz files, or - for stdin.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a scratch folder");
        for (name, text) in
            [("b.txt", "b"), ("a/z.txt", "z"), ("a/deep/y.txt.gz", "y"), (".hidden", "h"), ("a/.git/x", "x")]
        {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("below the root")).expect("writable");
            fs::write(path, text).expect("writable");
        }
        root
    }

    fn names(root: &Path, sources: &[Source]) -> Vec<String> {
        let below = |source: &Source| source.path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
        sources.iter().map(below).collect()
    }

    #[test]
    fn folders_are_read_in_the_order_of_their_names() {
        let root = folder();
        let sources = read(&[root.path().into()], Some(FileRole::Train)).expect("readable");
        assert_eq!(names(root.path(), &sources), ["a/deep/y.txt.gz", "a/z.txt", "b.txt"]);
        assert_eq!(sources[1].file.bytes, b"z");
        assert_eq!(sources[1].file.role, Some(FileRole::Train));
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        let root = folder();
        for (path, code) in [("nothing.txt", "unreadable-input"), ("empty", "empty-folder")] {
            fs::create_dir_all(root.path().join("empty")).expect("writable");
            let error = read(&[root.path().join(path)], None).expect_err("refused");
            assert_eq!(error.code(), code);
            assert!(error.to_string().contains(path), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_in_circles_pipes_and_devices_do_no_harm() {
        use std::os::unix::fs::symlink;
        let root = folder();
        symlink(root.path(), root.path().join("a/loop")).expect("writable");
        symlink("/dev/zero", root.path().join("endless")).expect("writable");
        symlink("nowhere", root.path().join("dangling")).expect("writable");
        let made =
            std::process::Command::new("mkfifo").arg(root.path().join("pipe")).status().expect("mkfifo is there");
        assert!(made.success());
        let sources = read(&[root.path().into()], None).expect("readable");
        assert_eq!(names(root.path(), &sources), ["a/deep/y.txt.gz", "a/z.txt", "b.txt"]);
        for name in ["endless", "pipe", "dangling"] {
            read(&[root.path().join(name)], None).expect_err(name);
        }
    }

    #[test]
    fn a_directory_that_is_no_model_is_named_so() {
        let root = folder();
        for path in [root.path().to_path_buf(), root.path().join("missing"), root.path().join("b.txt")] {
            assert_eq!(read_model(&path).expect_err("refused").code(), "no-model");
        }
    }
}
