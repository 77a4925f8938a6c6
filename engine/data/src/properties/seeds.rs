//! The seed corpus for mutations: the small files of `tests/field/cases` and of this crate's tests.

use std::fs;
use std::path::Path;

/// Maximum size of a seed; larger files are slower to test and find no more.
const MAX_SEED_BYTES: usize = 8 << 10;

/// Returns the contents of the field cases whose paths end in one of `endings`, in path order and
/// without duplicates.
pub fn field(endings: &[&str]) -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    add_files(
        Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/field/cases"
        )),
        endings,
        &mut files,
    );
    assert!(!files.is_empty(), "no case ends in {endings:?}");
    files
}

fn add_files(folder: &Path, endings: &[&str], files: &mut Vec<Vec<u8>>) {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("listed").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            add_files(&path, endings, files);
        } else if endings
            .iter()
            .any(|ending| path.to_string_lossy().ends_with(ending))
        {
            let bytes = fs::read(&path).expect("a file");
            if bytes.len() <= MAX_SEED_BYTES && !files.contains(&bytes) {
                files.push(bytes);
            }
        }
    }
}

/// Returns the content of a file in this crate's `tests/data`.
pub fn of_tests(name: &str) -> Vec<u8> {
    fs::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data")).join(name))
        .expect("a file of the tests")
}
