//! Locations of the data that the tests share with the product: the workspace, its bundled text,
//! the golden models.

use std::path::{Path, PathBuf};

/// Returns the root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the first `lines` of a bundled text.
///
/// # Panics
/// Panics if the bundle cannot be read.
pub fn bundle(name: &str, lines: usize) -> String {
    let path = root().join("public/bundle").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split_inclusive('\n').take(lines).collect()
}

/// Returns a golden model directory, as written by PyTorch and `transformers`.
pub fn golden(case: &str) -> PathBuf {
    root().join("tests/golden/model").join(case)
}
