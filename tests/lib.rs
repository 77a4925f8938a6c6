//! Locations of the data that the tests share with the product: the workspace, its bundled text,
//! the golden models. The tests themselves are in `it/` (the command line) and `e2e/` (the
//! browser).

use std::path::{Path, PathBuf};

/// Returns the root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the workspace")
        .into()
}

/// Returns the first `lines` of a bundled text.
///
/// # Panics
/// Panics if the bundle cannot be read.
pub fn bundle(name: &str, lines: usize) -> String {
    let path = workspace().join("public/bundle").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split_inclusive('\n').take(lines).collect()
}

/// Returns a golden model directory, as written by PyTorch and `transformers`.
pub fn golden(case: &str) -> PathBuf {
    workspace().join("tests/golden/model").join(case)
}
