//! What an engine finds before anything is learned: the device, and what files hold.

use crate::FileRole;
use serde::{Deserialize, Serialize};

/// What computes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// `gpu` or `cpu`.
    pub backend: String,
    /// Names the adapter, or the CPU engine.
    pub name: String,
    /// True for an adapter that emulates a GPU on the CPU.
    pub software: bool,
    /// Why it was chosen, where that needs a sentence.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whether a training step on it gave the same numbers as on the CPU; adapters that emulate a GPU are not checked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_check: bool,
}

/// What was read from one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// Name as given.
    pub name: String,
    /// What it is used for.
    pub role: FileRole,
    /// Size as given, in bytes (packed, for `.gz`).
    pub bytes: u64,
    /// Encoding it was read in.
    pub encoding: String,
    /// Documents kept.
    pub documents: u64,
    /// Of these, with labels.
    pub labelled: u64,
    /// Lines left out, by reason.
    pub dropped: Vec<Dropped>,
    /// What was taken from where, where it is a table.
    #[serde(default)]
    pub columns: Option<TableColumns>,
}

/// Columns of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableColumns {
    /// All of them; numbers from 1 where they have no names.
    pub names: Vec<String>,
    /// Those that hold the text.
    pub text: Vec<String>,
    /// Those that hold the labels, or are one each.
    pub labels: Vec<String>,
    /// Whether two texts are a pair; otherwise several are joined.
    #[serde(default)]
    pub is_pair: bool,
    /// The cells of the first rows, cut where they are long.
    #[serde(default)]
    pub rows: Vec<Vec<String>>,
}

/// Lines left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// In words, e.g. `empty`.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// The first line it happened on, from 1.
    pub first_line: u64,
}
