//! A directory that may hold a model: its files, and how they are read.

use protocol::Message;
use serde_json::{Map, Value};

/// Maximum number of bytes of a file passed to the check.
pub const MAX_START_BYTES: u64 = 1 << 20;

/// A directory to be checked for a model.
pub struct Directory<'a> {
    /// Name of the directory in messages.
    pub place: &'a Message,
    /// Path of the directory in suggested commands.
    pub path: &'a str,
    /// Its files, with relative paths for those in subfolders.
    pub names: &'a [String],
    /// Reads the start of a file, at most [`MAX_START_BYTES`]; small files are read completely.
    pub start: &'a dyn Fn(&str) -> Option<Vec<u8>>,
}

impl Directory<'_> {
    /// Parses a small file; empty if it does not exist or is not a JSON object.
    pub(in crate::interop) fn json(&self, name: &str) -> Map<String, Value> {
        (self.start)(name)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }
}
