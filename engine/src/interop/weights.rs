//! `model.safetensors`: weights to bytes and back.
//!
//! The format is that of the `safetensors` crate, which checks offsets, sizes and overflow. On top of it this file
//! refuses what the crate lets pass (duplicate names, numbers that are not finite, floods of tensors) and says by name
//! what a file is that only calls itself safetensors. It knows no model: any names and shapes pass.
//!
//! Source: the safetensors specification, <https://github.com/huggingface/safetensors#format>.

use super::distilbert::{self, weights_as_bert};
use super::error::InteropError;
use super::names::TIES;
use super::{HostTensor, Weights};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Tensors per file at most; bert-large has 400.
const MAX_TENSORS: usize = 4096;
/// Axes per tensor at most; a model here has 3.
const MAX_RANK: usize = 8;
/// Bytes of a header at most: 4096 tensors of 250 bytes each fit several times. The format itself allows 100 MB.
const MAX_HEADER_BYTES: u64 = 8 << 20;
/// The header's length stands in front of it as a 64-bit number.
const LENGTH_BYTES: usize = 8;
/// Buffers that old Hugging Face files carry beside the weights; they hold counters, not weights.
const IGNORED_SUFFIXES: [&str; 2] = ["embeddings.position_ids", "embeddings.token_type_ids"];
/// Endings of the LayerNorm names of 2018, with today's.
const OLD_ENDINGS: [(&str, &str); 2] = [
    ("LayerNorm.gamma", "LayerNorm.weight"),
    ("LayerNorm.beta", "LayerNorm.bias"),
];
/// First bytes of formats that are taken for safetensors by mistake.
const FOREIGN_MAGICS: [(&[u8], &str); 7] = [
    (
        b"PK\x03\x04",
        "a zip archive (perhaps a PyTorch .bin or .pt file, which can run code when opened)",
    ),
    (
        b"\x80\x02",
        "a Python pickle (a PyTorch .bin file, which can run code when opened)",
    ),
    (
        b"\x80\x04",
        "a Python pickle, which can run code when opened",
    ),
    (
        b"\x80\x05",
        "a Python pickle, which can run code when opened",
    ),
    (b"GGUF", "a GGUF file"),
    (b"\x89HDF", "an HDF5 file (perhaps TensorFlow weights)"),
    (b"\x1f\x8b", "a gzip archive"),
];

/// Writes weights as safetensors with `format: pt`, as `transformers` does. Equal weights give equal bytes.
pub fn weights_to_bytes(weights: &Weights) -> Vec<u8> {
    written(weights, Dtype::F32, |data| {
        data.iter()
            .flat_map(|number| number.to_le_bytes())
            .collect()
    })
}

/// As [`weights_to_bytes`], each number rounded to 16 bits: half the size, three decimal digits.
pub fn weights_to_half_bytes(weights: &Weights) -> Vec<u8> {
    written(weights, Dtype::F16, |data| {
        data.iter()
            .flat_map(|number| f16::from_f32(*number).to_le_bytes())
            .collect()
    })
}

fn written(weights: &Weights, dtype: Dtype, to_bytes: impl Fn(&[f32]) -> Vec<u8>) -> Vec<u8> {
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

/// Reads weights from safetensors. F32, F16 and BF16 are taken, as F32. Names of 2018 (`gamma`, `beta`, no `bert.`
/// prefix), those of tied tensors and DistilBERT's become those of today's BERT.
///
/// # Errors
/// When the bytes are not one whole safetensors file, hold a name twice, another number type, or numbers that are not
/// finite.
pub fn weights_from_bytes(bytes: &[u8]) -> Result<Weights, InteropError> {
    check_header(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error.to_string()))?;
    let prefix = missing_prefix(&file);
    let mut weights = Weights::new();
    for (name, view) in file.iter().filter(|(name, _)| !is_ignored(name)) {
        let tensor = host_tensor(name, &view)?;
        if weights.insert(modern_name(name, prefix), tensor).is_some() {
            let reason = "it stands in the file under its old and its new name".into();
            return Err(InteropError::Tensor {
                name: name.into(),
                reason,
            });
        }
    }
    let mut weights = weights_as_bert(weights)?;
    let aliases = aliases(bytes).into_iter();
    settle_ties(
        &mut weights,
        aliases.map(|(alias, kept)| (modern_name(&alias, prefix), modern_name(&kept, prefix))),
    );
    Ok(weights)
}

/// Names under which a file would hold a tensor once more, with the name that it has: what `safetensors.torch.save_model`
/// notes of tensors that share their memory.
pub(super) fn aliases(bytes: &[u8]) -> BTreeMap<String, String> {
    let metadata = SafeTensors::read_metadata(bytes)
        .ok()
        .and_then(|(_, metadata)| metadata.metadata().clone());
    metadata.into_iter().flatten().take(MAX_ALIASES).collect()
}

/// Names that a file lists for tensors it has once; each is a copy in memory.
const MAX_ALIASES: usize = 16;

/// Gives a tied tensor the name that is looked for, where the file has it under the other one alone.
fn settle_ties(weights: &mut Weights, aliases: impl Iterator<Item = (String, String)>) {
    for (tied, original) in TIES {
        if !weights.contains_key(original)
            && let Some(tensor) = weights.remove(tied)
        {
            weights.insert(original.into(), tensor);
        }
    }
    for (alias, kept) in aliases {
        if !weights.contains_key(&alias)
            && let Some(tensor) = weights.get(&kept).cloned()
        {
            weights.insert(alias, tensor);
        }
    }
}

/// Refuses what is no safetensors file, lists a name twice, or lists a flood of tensors.
pub(super) fn check_header(bytes: &[u8]) -> Result<(), InteropError> {
    let header = header_text(bytes).map_err(|error| foreign(bytes).unwrap_or(error))?;
    let names = UniqueNames::of(header)
        .map_err(|reason| foreign(bytes).unwrap_or_else(|| damaged(&reason)))?;
    if names > MAX_TENSORS {
        return Err(damaged(&format!(
            "it lists {names} tensors; {MAX_TENSORS} is the most a model here can have"
        )));
    }
    Ok(())
}

/// The header, by 64-bit arithmetic, so that a length beyond 4 GiB cannot wrap where addresses have 32 bits.
fn header_text(bytes: &[u8]) -> Result<&[u8], InteropError> {
    let length = bytes
        .first_chunk::<LENGTH_BYTES>()
        .ok_or_else(|| damaged("the file ends before its header"))?;
    let length = u64::from_le_bytes(*length);
    let rest = &bytes[LENGTH_BYTES..];
    if length > MAX_HEADER_BYTES {
        return Err(damaged(&format!(
            "its header claims {length} bytes; {MAX_HEADER_BYTES} is the most allowed"
        )));
    }
    let end = usize::try_from(length).expect("a length below the limit is an address");
    rest.get(..end)
        .ok_or_else(|| damaged("the file ends inside its header"))
}

fn host_tensor(name: &str, view: &TensorView<'_>) -> Result<HostTensor, InteropError> {
    let refuse = |reason: String| InteropError::Tensor {
        name: name.into(),
        reason,
    };
    if view.shape().len() > MAX_RANK {
        return Err(refuse(format!(
            "it has {} axes; {MAX_RANK} is the most allowed",
            view.shape().len()
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
            return Err(refuse(format!(
                "its numbers are {other:?}; F32, F16 or BF16 are needed"
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
        count => Err(refuse(format!(
            "{count} of its {} numbers are not finite",
            tensor.data.len()
        ))),
    }
}

fn is_ignored(name: &str) -> bool {
    IGNORED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// A bare `BertModel` saves its weights without the `bert.` that every model with a head puts in front. A bare DistilBERT
/// is told by its layers.
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

fn damaged(reason: &str) -> InteropError {
    InteropError::Weights {
        reason: format!(
            "model.safetensors is damaged or not safetensors ({})",
            one_line(reason)
        ),
    }
}

/// Names the format, where the file is one that is commonly mistaken for safetensors.
fn foreign(bytes: &[u8]) -> Option<InteropError> {
    let (_, what) = FOREIGN_MAGICS
        .iter()
        .find(|(magic, _)| bytes.starts_with(magic))?;
    Some(InteropError::Weights {
        reason: format!("model.safetensors is {what}, not safetensors"),
    })
}

/// Messages of parsers may quote the file; nothing of it reaches a terminal unescaped or at length.
fn one_line(reason: &str) -> String {
    let escaped: String = reason.escape_debug().to_string().replace("\\\"", "\"");
    let cut: String = escaped.chars().take(200).collect();
    if cut.len() < escaped.len() {
        format!("{cut}…")
    } else {
        cut
    }
}

/// Counts the names of a header and refuses one that stands there twice: the format forbids it, and the crate's parser
/// keeps the last without a word.
struct UniqueNames;

impl UniqueNames {
    fn of(header: &[u8]) -> Result<usize, String> {
        let mut json = serde_json::Deserializer::from_slice(header);
        let names = json
            .deserialize_map(UniqueNames)
            .map_err(|error| error.to_string())?;
        json.end().map_err(|error| error.to_string())?;
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
                    "the name {} stands there twice",
                    super::error::quoted(&name)
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
