//! The files that the rules apply to: those tracked by git.

use crate::error::Error;
use std::fs;
use std::path::Path;

/// A text file.
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

/// Folders that hold what tools have made.
const GENERATED: [&str; 3] = ["dist", "node_modules", "target"];

/// Reads the Rust and Markdown files below `root`, in the order of their paths.
///
/// # Errors
/// Returns an error if a folder or a file cannot be read.
pub fn read(root: &Path) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    read_folder(root, "", &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn read_folder(folder: &Path, before: &str, sources: &mut Vec<Source>) -> Result<(), Error> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    for entry in entries {
        let entry = entry.map_err(Error::file("read", folder))?.path();
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || GENERATED.contains(&name.as_ref()) {
            continue;
        }
        let path = format!("{before}{name}");
        if entry.is_dir() {
            read_folder(&entry, &format!("{path}/"), sources)?;
        } else if path.ends_with(".rs") || path.ends_with(".md") {
            let text = fs::read_to_string(&entry).map_err(Error::file("read", &entry))?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}
