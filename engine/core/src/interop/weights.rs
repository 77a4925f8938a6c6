//! Reads and writes `model.safetensors`.
//!
//! The `safetensors` crate checks offsets, sizes and overflow. This module also rejects what the
//! crate accepts (duplicate names, non-finite numbers, excessive numbers of tensors), and detects
//! other formats. It accepts any names and shapes.
//!
//! Source: the safetensors specification, <https://github.com/huggingface/safetensors#format>.

pub(crate) mod names;
pub(crate) mod shards;

use super::error::InteropError;
use super::{HostTensor, Weights};
use crate::interop::config::distilbert::{self, weights_as_bert};
use half::{bf16, f16};
use names::TIES;
use protocol::{Message, message, phrase};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Maximum number of tensors per file; bert-large has 400.
const MAX_TENSORS: usize = 4096;
/// Maximum number of axes per tensor; models here have at most 3.
const MAX_RANK: usize = 8;
/// Maximum number of bytes of a header, several times the need of 4096 tensors of 250 bytes each.
/// The format itself allows 100 MB.
const MAX_HEADER_BYTES: u64 = 8 << 20;
/// Size of the header's length, a 64-bit number in front of the header.
const LENGTH_BYTES: usize = 8;
/// Suffixes of buffers in old Hugging Face files, which hold indices instead of weights.
const IGNORED_SUFFIXES: [&str; 2] = ["embeddings.position_ids", "embeddings.token_type_ids"];
/// Legacy LayerNorm suffixes and the current ones.
const OLD_ENDINGS: [(&str, &str); 2] = [
    ("LayerNorm.gamma", "LayerNorm.weight"),
    ("LayerNorm.beta", "LayerNorm.bias"),
];
/// First bytes of other formats that are mistaken for safetensors.
const FOREIGN_MAGICS: [(&[u8], &str); 7] = [
    (
        b"PK\x03\x04",
        phrase!(
            "a zip archive (perhaps a PyTorch .bin or .pt file, which can run code when opened)"
        ),
    ),
    (
        b"\x80\x02",
        phrase!("a Python pickle (a PyTorch .bin file, which can run code when opened)"),
    ),
    (
        b"\x80\x04",
        phrase!("a Python pickle, which can run code when opened"),
    ),
    (
        b"\x80\x05",
        phrase!("a Python pickle, which can run code when opened"),
    ),
    (b"GGUF", phrase!("a GGUF file")),
    (
        b"\x89HDF",
        phrase!("an HDF5 file (perhaps TensorFlow weights)"),
    ),
    (b"\x1f\x8b", phrase!("a gzip archive")),
];

/// Writes weights as safetensors with `format: pt`, like `transformers`. Equal weights give equal
/// bytes.
pub fn weights_to_bytes(weights: &Weights) -> Vec<u8> {
    encode(weights, Dtype::F32, |data| {
        data.iter()
            .flat_map(|number| number.to_le_bytes())
            .collect()
    })
}

/// Like [`weights_to_bytes`], rounded to 16-bit floats: half the size, with about three decimal
/// digits. Returns `None` if a weight is too large for one.
pub(super) fn weights_to_half_bytes(weights: &Weights) -> Option<Vec<u8>> {
    let mut numbers = weights.values().flat_map(|tensor| &tensor.data);
    let is_in_range = numbers.all(|number| f16::from_f32(*number).is_finite());
    is_in_range.then(|| {
        encode(weights, Dtype::F16, |data| {
            data.iter()
                .flat_map(|number| f16::from_f32(*number).to_le_bytes())
                .collect()
        })
    })
}

fn encode(weights: &Weights, dtype: Dtype, to_bytes: impl Fn(&[f32]) -> Vec<u8>) -> Vec<u8> {
    let bytes: Vec<(&String, &HostTensor, Vec<u8>)> = weights
        .iter()
        .map(|(name, tensor)| (name, tensor, to_bytes(&tensor.data)))
        .collect();
    let views = bytes.iter().map(|(name, tensor, data)| {
        let view = TensorView::new(dtype, tensor.shape.clone(), data);
        (
            name.as_str(),
            view.expect("a tensor holds as many numbers as its shape says"),
        )
    });
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::serialize(views, Some(metadata))
        .expect("checked views with distinct names serialise")
}

/// Reads weights from safetensors as F32; F32, F16 and BF16 are accepted. Legacy names (`gamma`,
/// `beta`, no `bert.` prefix), names of tied tensors and DistilBERT's names are converted to the
/// current names of BERT.
///
/// # Errors
/// Returns an error if the bytes are not a complete safetensors file, or contain a duplicate name,
/// another number type, or non-finite numbers.
pub fn weights_from_bytes(bytes: &[u8]) -> Result<Weights, InteropError> {
    check_header(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(reason_of(&error)))?;
    let prefix = missing_prefix(&file);
    let mut weights = Weights::new();
    for (name, view) in file.iter().filter(|(name, _)| !is_ignored(name)) {
        let tensor = host_tensor(name, &view)?;
        if weights.insert(modern_name(name, prefix), tensor).is_some() {
            let reason = message!("the file has it under both its old and its new name");
            return Err(InteropError::Tensor {
                name: name.into(),
                reason,
            });
        }
    }
    let mut weights = weights_as_bert(weights)?;
    let aliases = aliases(bytes).into_iter();
    resolve_ties(
        &mut weights,
        aliases.map(|(alias, stored)| (modern_name(&alias, prefix), modern_name(&stored, prefix))),
    );
    Ok(weights)
}

/// Returns aliases of tensors and the stored names, as written by `safetensors.torch.save_model`
/// for tensors that share memory.
pub(super) fn aliases(bytes: &[u8]) -> BTreeMap<String, String> {
    let metadata = SafeTensors::read_metadata(bytes)
        .ok()
        .and_then(|(_, metadata)| metadata.metadata().clone());
    metadata.into_iter().flatten().take(MAX_ALIASES).collect()
}

/// Maximum number of aliases in a file; each is a copy in memory.
const MAX_ALIASES: usize = 16;

/// Renames tied tensors that the file contains under the other name only, and copies aliased ones.
fn resolve_ties(weights: &mut Weights, aliases: impl Iterator<Item = (String, String)>) {
    for (tied, original) in TIES {
        if !weights.contains_key(original)
            && let Some(tensor) = weights.remove(tied)
        {
            weights.insert(original.into(), tensor);
        }
    }
    for (alias, stored) in aliases {
        if !weights.contains_key(&alias)
            && let Some(tensor) = weights.get(&stored).cloned()
        {
            weights.insert(alias, tensor);
        }
    }
}

/// Rejects files that are not safetensors, list a name twice, or list too many tensors.
pub(super) fn check_header(bytes: &[u8]) -> Result<(), InteropError> {
    let header = header_text(bytes).map_err(|error| foreign(bytes).unwrap_or(error))?;
    let names = UniqueNames::of(header)
        .map_err(|reason| foreign(bytes).unwrap_or_else(|| damaged(reason)))?;
    if names > MAX_TENSORS {
        return Err(damaged(message!(
            "it lists {tensors} tensors; the maximum is {limit}",
            tensors = names,
            limit = MAX_TENSORS
        )));
    }
    Ok(())
}

/// Returns the header. Uses 64-bit arithmetic, so that a length beyond 4 GiB cannot overflow on
/// 32-bit platforms.
fn header_text(bytes: &[u8]) -> Result<&[u8], InteropError> {
    let length = bytes
        .first_chunk::<LENGTH_BYTES>()
        .ok_or_else(|| damaged(message!("the file ends before its header")))?;
    let length = u64::from_le_bytes(*length);
    let rest = &bytes[LENGTH_BYTES..];
    if length > MAX_HEADER_BYTES {
        return Err(damaged(message!(
            "its header claims {length} bytes; the maximum is {limit}",
            length,
            limit = MAX_HEADER_BYTES
        )));
    }
    let end = usize::try_from(length).expect("a length below the limit is an address");
    rest.get(..end)
        .ok_or_else(|| damaged(message!("the file ends inside its header")))
}

fn host_tensor(name: &str, view: &TensorView<'_>) -> Result<HostTensor, InteropError> {
    let refuse = |reason: Message| InteropError::Tensor {
        name: name.into(),
        reason,
    };
    if view.shape().len() > MAX_RANK {
        return Err(refuse(message!(
            "it has {count} axes; the maximum is {limit}",
            count = view.shape().len(),
            limit = MAX_RANK
        )));
    }
    let data = match view.dtype() {
        Dtype::F32 => view
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect(),
        Dtype::F16 => view
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|b| f16::from_le_bytes(*b).to_f32())
            .collect(),
        Dtype::BF16 => view
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|b| bf16::from_le_bytes(*b).to_f32())
            .collect(),
        other => {
            return Err(refuse(message!(
                "its type is {dtype}; it must be F32, F16 or BF16",
                dtype = format!("{other:?}")
            )));
        }
    };
    let tensor = HostTensor {
        shape: view.shape().to_vec(),
        data,
    };
    match tensor
        .data
        .iter()
        .filter(|number| !number.is_finite())
        .count()
    {
        0 => Ok(tensor),
        count => Err(refuse(message!(
            "{count} of its {numbers} numbers are not finite",
            count,
            numbers = tensor.data.len()
        ))),
    }
}

fn is_ignored(name: &str) -> bool {
    IGNORED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// Returns the prefix `bert.` if it is missing, as in a bare `BertModel` without a head. A bare
/// DistilBERT is recognised by its layers.
fn missing_prefix(file: &SafeTensors<'_>) -> &'static str {
    let any = |start: &str| file.names().iter().any(|name| name.starts_with(start));
    let is_bare = any("embeddings.word_embeddings.") && !any("bert.") && !any(distilbert::LAYERS);
    if is_bare { "bert." } else { "" }
}

fn modern_name(name: &str, prefix: &str) -> String {
    let old = OLD_ENDINGS
        .iter()
        .find_map(|(old, new)| name.strip_suffix(old).map(|stem| format!("{stem}{new}")));
    let name = old.unwrap_or_else(|| name.to_string());
    let inside = ["embeddings.", "encoder.", "pooler."]
        .iter()
        .any(|start| name.starts_with(start));
    if inside {
        format!("{prefix}{name}")
    } else {
        name
    }
}

fn damaged(reason: Message) -> InteropError {
    InteropError::Weights {
        reason: message!(
            "model.safetensors is damaged or not safetensors ({reason})",
            reason
        ),
    }
}

/// Returns an error that names the format, if it is one that is commonly mistaken for safetensors.
fn foreign(bytes: &[u8]) -> Option<InteropError> {
    let (_, what) = FOREIGN_MAGICS
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))?;
    Some(InteropError::Weights {
        reason: message!(
            "model.safetensors is {what}, not safetensors",
            what = Message::phrase(what)
        ),
    })
}

fn reason_of(error: &dyn std::fmt::Display) -> Message {
    Message::verbatim(one_line(&error.to_string()))
}

/// Escapes and truncates a parser's message, which may quote the file.
fn one_line(reason: &str) -> String {
    let escaped: String = reason.escape_debug().to_string().replace("\\\"", "\"");
    let cut: String = escaped.chars().take(200).collect();
    if cut.len() < escaped.len() {
        format!("{cut}…")
    } else {
        cut
    }
}

/// Counts the names of a header and rejects duplicates: the format forbids them, but the crate's
/// parser silently keeps the last one.
struct UniqueNames;

impl UniqueNames {
    fn of(header: &[u8]) -> Result<usize, Message> {
        let mut json = serde_json::Deserializer::from_slice(header);
        let names = json
            .deserialize_map(UniqueNames)
            .map_err(|error| reason_of(&error))?;
        json.end().map_err(|error| reason_of(&error))?;
        Ok(names)
    }
}

impl<'de> Visitor<'de> for UniqueNames {
    type Value = usize;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a header that maps names to tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value::<IgnoredAny>()?;
            if names.contains(&name) {
                return Err(A::Error::custom(format!(
                    "the name {} occurs twice",
                    data::quoted(&name)
                )));
            }
            names.insert(name);
        }
        Ok(names.len())
    }
}

#[cfg(test)]
#[path = "weights_tests.rs"]
mod tests;
