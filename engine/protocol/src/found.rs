//! What the engine detects before training: the device and the contents of the files.

use crate::{FileRole, Message};
use serde::{Deserialize, Serialize};

/// Compute device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// `gpu` or `cpu`.
    pub backend: String,
    /// Name of the adapter, or of the CPU engine.
    pub name: String,
    /// Whether the adapter emulates a GPU on the CPU.
    pub software: bool,
    /// Why this device was chosen, if that needs an explanation.
    #[serde(default)]
    pub reason: Option<Message>,
    /// Whether a training step on the device gave the same numbers as on the CPU; adapters that
    /// emulate a GPU are not checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_check: bool,
    /// Number of workers that the CPU engine computes with in a browser; 0 elsewhere.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub workers: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Summary of one file of the corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// Name of the file as sent.
    pub name: String,
    /// Role that the file is used in.
    pub role: FileRole,
    /// Size of the file as sent, in bytes (compressed, for `.gz`).
    pub bytes: u64,
    /// Character encoding used to decode it.
    pub encoding: String,
    /// Number of documents read.
    pub documents: u64,
    /// Number of those documents that have labels.
    pub labelled: u64,
    /// Dropped lines, by reason.
    pub dropped: Vec<Dropped>,
    /// Columns used, if the file is a table.
    #[serde(default)]
    pub columns: Option<TableColumns>,
}

/// Columns of a table and how they are used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableColumns {
    /// All column names; numbers from 1 if the table has no header.
    pub names: Vec<String>,
    /// Names of the text columns.
    pub text: Vec<String>,
    /// Names of the label columns: columns of labels, or one column per label.
    pub labels: Vec<String>,
    /// Whether the two text columns form a sentence pair; otherwise several text columns are
    /// joined.
    #[serde(default)]
    pub is_pair: bool,
    /// Cells of the first rows, truncated if long.
    #[serde(default)]
    pub rows: Vec<Vec<String>>,
}

/// Lines that were dropped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Reason in words, e.g. `empty`.
    pub reason: Message,
    /// Number of dropped lines.
    pub count: u64,
    /// First line dropped for this reason, from 1.
    pub first_line: u64,
}
