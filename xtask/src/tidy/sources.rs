//! The files that the rules apply to: those tracked by git.

use crate::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A tracked text file.
pub struct Source {
    /// Path inside the repository, with `/`.
    pub path: String,
    /// Content as text.
    pub text: String,
}

impl Source {
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }
}

/// Reads the tracked Rust and Markdown files.
///
/// # Errors
/// Returns an error if git is missing or a file cannot be read.
pub fn read(root: &Path) -> Result<Vec<Source>, Error> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--", "*.rs", "*.md"])
        .current_dir(root)
        .output()
        .map_err(Error::file("list the files of", root))?;
    let paths = String::from_utf8_lossy(&output.stdout).into_owned();
    let paths = paths.split('\0').filter(|path| !path.is_empty());
    let existing = paths.filter(|path| root.join(path).exists());
    existing
        .map(|path| {
            let file = root.join(path);
            let text = fs::read_to_string(&file).map_err(Error::file("read", &file))?;
            Ok(Source {
                path: path.into(),
                text,
            })
        })
        .collect()
}
