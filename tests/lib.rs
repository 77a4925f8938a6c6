//! Where the tests find what they share with the product: the workspace, its bundled text, the golden models. The tests
//! themselves stand in `it/` (the command line) and `e2e/` (the browser).

use std::path::{Path, PathBuf};

/// The workspace's root.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the workspace")
        .into()
}

/// The first `lines` of a bundled text.
///
/// # Panics
/// When the bundle is not where it belongs.
pub fn bundle(name: &str, lines: usize) -> String {
    let path = workspace().join("public/bundle").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split_inclusive('\n').take(lines).collect()
}

/// A golden model directory, as PyTorch and `transformers` wrote it.
pub fn golden(case: &str) -> PathBuf {
    workspace().join("tests/golden/model").join(case)
}
