//! A model directory as one `.zip`: what the page exports and imports.
//!
//! An archive from outside is read entry by entry under limits that do not trust what it says of itself: sizes are
//! counted while unpacking, names are checked before use, entries may not overlap. Nothing is written anywhere; whether
//! the files are a model is for their own readers to say.

use super::InteropError;
use super::error::quoted;
use std::collections::BTreeSet;
use std::io::{Cursor, Read, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Files of a run directory by name, with their bytes.
type Files = Vec<(String, Vec<u8>)>;
type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Entries at most; a run directory with its checkpoints has some 30.
const MAX_ENTRIES: usize = 512;
/// Unpacked bytes at most: a model of the largest preset three times over.
const MAX_UNPACKED_BYTES: u64 = 2 << 30;
/// From this size on an archive may not shrink by more than [`MAX_RATIO`]: no model does.
const RATIO_FROM_BYTES: u64 = 64 << 20;
/// Unpacked by packed size at most, from [`RATIO_FROM_BYTES`] on. Text shrinks by 3 to 10, weights hardly.
const MAX_RATIO: u64 = 100;
/// The record that ends every archive: 22 bytes from its signature, before a comment of at most 65,535.
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_RECORD_BYTES: usize = 22;
const MAX_COMMENT_BYTES: usize = 65_535;

/// Packs files under one folder. Weights are stored as they are, since they hardly shrink. Equal files give equal
/// bytes.
pub fn zip_write(folder: &str, files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let stored = name.ends_with(".safetensors");
        let method = if stored {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::DEFAULT
            .compression_method(method)
            .large_file(bytes.len() as u64 >= u64::from(u32::MAX));
        archive
            .start_file(format!("{folder}/{name}"), options)
            .expect("an archive in memory takes distinct plain names");
        archive
            .write_all(bytes)
            .expect("an archive in memory takes all bytes");
    }
    archive
        .finish()
        .expect("an archive in memory can be finished")
        .into_inner()
}

/// Unpacks the files of one model directory: loose ones, or those of a single top folder, whose name is dropped.
/// Checkpoints and hidden files inside it are left out.
///
/// # Errors
/// When the archive is damaged, encrypted, too large, lists a name twice, nests folders, overlaps entries, or holds a
/// link or a name that points outside of it.
pub fn zip_read(bytes: &[u8]) -> Result<Files, InteropError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    check_directory(bytes, &mut archive)?;
    let names = (0..archive.len())
        .map(|index| entry_name(&mut archive, index))
        .collect::<Result<Vec<_>, _>>()?;
    let top = common_folder(names.iter().flatten());
    let mut budget = Budget {
        unpacked: 0,
        packed: bytes.len() as u64,
    };
    let mut files = Files::new();
    for (index, name) in names.iter().enumerate() {
        let Some(name) = name
            .as_deref()
            .map(|name| name.strip_prefix(&top).unwrap_or(name))
        else {
            continue;
        };
        if is_left_out(name) {
            continue;
        }
        let plain = MODEL_FOLDERS
            .iter()
            .find_map(|folder| name.strip_prefix(folder))
            .unwrap_or(name);
        if plain.contains('/') {
            return Err(refuse(format!(
                "{} lies in a folder below the model's",
                quoted(name)
            )));
        }
        files.push((name.to_string(), unpack(&mut archive, index, &mut budget)?));
    }
    Ok(files)
}

/// What can be checked before any entry is unpacked.
fn check_directory(bytes: &[u8], archive: &mut Archive<'_>) -> Result<(), InteropError> {
    let listed = listed_entries(bytes)
        .ok_or_else(|| refuse("it has no end record: it is cut off or not a zip".into()))?;
    if archive.len() > MAX_ENTRIES || listed > MAX_ENTRIES {
        return Err(refuse(format!(
            "it has {} entries; {MAX_ENTRIES} is the most allowed",
            listed.max(archive.len())
        )));
    }
    if listed != archive.len() {
        return Err(refuse(format!(
            "it lists {listed} entries under {} names: one name stands there twice",
            archive.len()
        )));
    }
    if archive.has_overlapping_entries().map_err(damaged)? {
        return Err(refuse(
            "its entries share bytes, as in a decompression bomb".into(),
        ));
    }
    Ok(())
}

/// Entries by the end record, which still counts those that an index by name has merged.
fn listed_entries(bytes: &[u8]) -> Option<usize> {
    let from = bytes
        .len()
        .saturating_sub(END_RECORD_BYTES + MAX_COMMENT_BYTES);
    let at = from
        + bytes[from..]
            .windows(END_SIGNATURE.len())
            .rposition(|window| window == END_SIGNATURE)?;
    let count = bytes.get(at + 10..at + 12)?;
    Some(usize::from(u16::from_le_bytes([count[0], count[1]])))
}

/// The name of a plain file, `None` for a folder.
fn entry_name(archive: &mut Archive<'_>, index: usize) -> Result<Option<String>, InteropError> {
    let entry = archive.by_index_raw(index).map_err(damaged)?;
    let name = entry.name().map_err(damaged)?.into_owned();
    if entry.encrypted() {
        return Err(refuse(format!("{} is encrypted", quoted(&name))));
    }
    if entry.is_symlink() {
        return Err(refuse(format!("{} is a link", quoted(&name))));
    }
    let escapes = name.starts_with('/')
        || name.contains(['\\', '\0', ':'])
        || name.split('/').any(|part| part == "..");
    if escapes || name.is_empty() {
        return Err(refuse(format!(
            "the name {} points outside of it",
            quoted(&name)
        )));
    }
    Ok((!entry.is_dir()).then_some(name))
}

/// `folder/` where every visible file lies below it, else nothing.
fn common_folder<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let visible = names.filter(|name| !name.starts_with('.') && !name.starts_with("__MACOSX/"));
    let tops: BTreeSet<&str> = visible
        .map(|name| name.split_once('/').map_or("", |(top, _)| top))
        .collect();
    match (tops.len(), tops.first()) {
        (1, Some(top)) if !top.is_empty() => format!("{top}/"),
        _ => String::new(),
    }
}

/// What a person's own zip of a run directory holds beside the model.
fn is_left_out(name: &str) -> bool {
    // Further modules of sentence-transformers, such as `2_Normalize/`.
    let is_module =
        |folder: &str| folder.starts_with(|c: char| c.is_ascii_digit()) && folder.contains('_');
    let folder = name
        .split_once('/')
        .map(|(folder, _)| folder)
        .filter(|folder| *folder != "1_Pooling");
    let other =
        OTHER_FOLDERS.iter().any(|other| name.starts_with(other)) || folder.is_some_and(is_module);
    name.starts_with('.') || name.starts_with("__MACOSX/") || other
}

/// The folders inside a model directory that hold files of the model: a classifier's parts, and the pooling of
/// sentence-transformers.
const MODEL_FOLDERS: [&str; 2] = ["parts/", "1_Pooling/"];
/// Folders beside a model that hold nothing of it: checkpoints and other formats.
const OTHER_FOLDERS: [&str; 3] = ["checkpoints/", "onnx/", "openvino/"];

/// What unpacking may still cost.
struct Budget {
    unpacked: u64,
    packed: u64,
}

impl Budget {
    fn allowed(&self) -> u64 {
        let by_ratio = self.packed.saturating_mul(MAX_RATIO).max(RATIO_FROM_BYTES);
        by_ratio
            .min(MAX_UNPACKED_BYTES)
            .saturating_sub(self.unpacked)
    }
}

fn unpack(
    archive: &mut Archive<'_>,
    index: usize,
    budget: &mut Budget,
) -> Result<Vec<u8>, InteropError> {
    let mut entry = archive.by_index(index).map_err(damaged)?;
    let allowed = budget.allowed();
    let mut bytes = Vec::new();
    let taken = entry
        .by_ref()
        .take(allowed + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(ZipError::Io(error)))?;
    if taken as u64 > allowed {
        return Err(refuse(
            "it unpacks to far more than a model holds, as a decompression bomb does".into(),
        ));
    }
    if taken as u64 != entry.size() {
        return Err(refuse(format!(
            "an entry unpacks to {taken} bytes where it declares {}",
            entry.size()
        )));
    }
    budget.unpacked += taken as u64;
    Ok(bytes)
}

fn damaged(error: ZipError) -> InteropError {
    let reason: String = error.to_string().escape_debug().take(200).collect();
    refuse(format!("it is damaged or not a zip ({reason})"))
}

fn refuse(reason: String) -> InteropError {
    InteropError::Archive { reason }
}

#[cfg(test)]
#[path = "zip_tests.rs"]
mod tests;
