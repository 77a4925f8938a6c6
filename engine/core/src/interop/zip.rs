//! A model directory as one `.zip`, as exported and imported by the page.
//!
//! Reading does not trust the archive's own metadata: sizes are counted while unpacking, names are
//! checked before use, and entries must not overlap. Nothing is written to disk; whether the files
//! are a model is checked by their readers.

use super::InteropError;
use data::quoted;
use protocol::{Message, message};
use std::collections::BTreeSet;
use std::io::{Cursor, Read, Write};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Files of a run directory: name and content.
type Files = Vec<(String, Vec<u8>)>;
type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Maximum number of entries; a run directory with checkpoints has about 30.
const MAX_ENTRIES: usize = 512;
/// Maximum number of unpacked bytes: three times a model of the largest preset.
const MAX_UNPACKED_BYTES: u64 = 2 << 30;
/// Unpacked size above which the compression ratio is limited by [`MAX_RATIO`].
const RATIO_FROM_BYTES: u64 = 64 << 20;
/// Maximum ratio of unpacked to packed size above [`RATIO_FROM_BYTES`]. Text compresses by a factor
/// of 3 to 10, weights hardly.
const MAX_RATIO: u64 = 100;
/// The end record of an archive: 22 bytes from its signature, followed by a comment of at most
/// 65,535 bytes.
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_RECORD_BYTES: usize = 22;
const MAX_COMMENT_BYTES: usize = 65_535;

/// Packs files into one folder. Weights are stored uncompressed, since they hardly compress. Equal
/// files give equal bytes.
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

/// Unpacks the files of one model directory, which are at the top level or in a single top folder,
/// whose name is dropped. Checkpoints and hidden files are skipped.
///
/// # Errors
/// Returns an error if the archive is damaged, encrypted or too large, contains duplicate names,
/// nested folders, overlapping entries or links, or a name that points outside of it.
pub fn zip_read(bytes: &[u8]) -> Result<Files, InteropError> {
    unpack_where(bytes, |name| {
        if is_skipped(name) {
            return Ok(false);
        }
        let plain = MODEL_FOLDERS
            .iter()
            .find_map(|folder| name.strip_prefix(folder))
            .unwrap_or(name);
        if plain.contains('/') {
            return Err(refuse(message!(
                "{name} is in a subfolder of the model folder",
                name = quoted(name)
            )));
        }
        Ok(true)
    })
}

/// Unpacks the `wanted` files of a directory, by their names without that of the top folder.
///
/// # Errors
/// Like [`zip_read`].
pub fn zip_read_where(bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Files, InteropError> {
    unpack_where(bytes, |name| Ok(wanted(name)))
}

/// Unpacks the files of a directory whose names, without that of the top folder, are `wanted`.
fn unpack_where(
    bytes: &[u8],
    wanted: impl Fn(&str) -> Result<bool, InteropError>,
) -> Result<Files, InteropError> {
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
        let Some(name) = name else { continue };
        let name = name.strip_prefix(&top).unwrap_or(name);
        if wanted(name)? {
            files.push((name.to_string(), unpack(&mut archive, index, &mut budget)?));
        }
    }
    Ok(files)
}

/// Performs the checks that need no unpacking.
fn check_directory(bytes: &[u8], archive: &mut Archive<'_>) -> Result<(), InteropError> {
    let listed = listed_entries(bytes).ok_or_else(|| {
        refuse(message!(
            "it has no end record: it is truncated or not a zip file"
        ))
    })?;
    if archive.len() > MAX_ENTRIES || listed > MAX_ENTRIES {
        return Err(refuse(message!(
            "it has {count} entries; the maximum is {limit}",
            count = listed.max(archive.len()),
            limit = MAX_ENTRIES
        )));
    }
    if listed != archive.len() {
        return Err(refuse(message!(
            "it has duplicate names: {listed} entries but only {count} names",
            listed,
            count = archive.len()
        )));
    }
    if archive.has_overlapping_entries().map_err(damaged)? {
        return Err(refuse(message!(
            "its entries share bytes, as in a decompression bomb"
        )));
    }
    Ok(())
}

/// Returns the number of entries in the end record, which also counts entries with duplicate names.
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

/// Returns the name of a file, or `None` for a folder.
fn entry_name(archive: &mut Archive<'_>, index: usize) -> Result<Option<String>, InteropError> {
    let entry = archive.by_index_raw(index).map_err(damaged)?;
    let name = entry.name().map_err(damaged)?.into_owned();
    if entry.encrypted() {
        return Err(refuse(message!(
            "{name} is encrypted",
            name = quoted(&name)
        )));
    }
    if entry.is_symlink() {
        return Err(refuse(message!("{name} is a link", name = quoted(&name))));
    }
    let escapes = name.starts_with('/')
        || name.contains(['\\', '\0', ':'])
        || name.split('/').any(|part| part == "..");
    if escapes || name.is_empty() {
        return Err(refuse(message!(
            "the name {name} points outside the archive",
            name = quoted(&name)
        )));
    }
    Ok((!entry.is_dir()).then_some(name))
}

/// Returns `folder/` if all visible files are inside one folder, else an empty string.
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

/// Returns whether an entry is not part of the model, e.g. other files of a run directory.
fn is_skipped(name: &str) -> bool {
    // Other modules of sentence-transformers, such as `2_Normalize/`.
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

/// Subfolders with files of the model: a classifier's parts, and the pooling of
/// sentence-transformers.
const MODEL_FOLDERS: [&str; 2] = ["parts/", "1_Pooling/"];
/// Subfolders that are not part of the model: checkpoints and other formats.
const OTHER_FOLDERS: [&str; 3] = [CHECKPOINTS_FOLDER, "onnx/", "openvino/"];
/// Subfolder with the checkpoints of a run.
pub const CHECKPOINTS_FOLDER: &str = "checkpoints/";

/// Limits the total size while unpacking.
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
    let unpacked = entry
        .by_ref()
        .take(allowed + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(ZipError::Io(error)))?;
    if unpacked as u64 > allowed {
        return Err(refuse(message!(
            "it unpacks to far more data than a model has, like a decompression bomb"
        )));
    }
    if unpacked as u64 != entry.size() {
        return Err(refuse(message!(
            "an entry declares {declared} bytes but unpacks to {unpacked}",
            unpacked,
            declared = entry.size()
        )));
    }
    budget.unpacked += unpacked as u64;
    Ok(bytes)
}

fn damaged(error: ZipError) -> InteropError {
    let reason: String = error.to_string().escape_debug().take(200).collect();
    refuse(message!(
        "it is damaged or not a zip file ({reason})",
        reason
    ))
}

fn refuse(reason: Message) -> InteropError {
    InteropError::Archive { reason }
}

#[cfg(test)]
#[path = "zip_tests.rs"]
mod tests;
