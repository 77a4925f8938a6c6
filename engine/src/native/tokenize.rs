//! The `tokenize` command: a corpus as token ids that numpy reads, for training elsewhere (docs/beyond-one-machine.md).

use super::args::{Common, Tokenize};
use super::store::{TEMPORARY, remove, shown, sync_folder, write_error};
use super::text_refusals::naming;
use super::train::files_of;
use super::{inputs, output, query};
use crate::data::{Opened, Packed, ReadOptions, Specials};
use crate::error::Error;
use crate::session::{EvaluationRows, sha256};
use protocol::{FileRole, RunConfig};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Version of the layout.
const VERSION: u32 = 1;
/// Tokens of a shard: 128 MiB of two bytes each.
const SHARD_TOKENS: usize = 64 << 20;
/// Vocabularies up to this size take two bytes per token.
const MAX_NARROW_VOCABULARY: usize = 1 << 16;
/// What describes the other files.
const INDEX_FILE: &str = "index.json";
/// Where each training document begins, and where the last one ends.
const BOUNDS_FILE: &str = "train-bounds.npy";
/// What a model sees of the validation windows, `[N, T]`.
const INPUTS_FILE: &str = "valid-inputs.npy";
/// The tokens to guess there, `[N, T]`.
const TARGETS_FILE: &str = "valid-targets.npy";

/// `index.json`.
#[derive(Serialize)]
struct Index {
    version: u32,
    vocab_size: usize,
    max_len: usize,
    /// SHA-256 of the tokenizer.json that the ids belong to, where the model has one.
    tokenizer_sha256: Option<String>,
    documents: usize,
    tokens: usize,
    shards: Vec<String>,
    special_tokens: Special,
    valid_windows: usize,
}

#[derive(Serialize)]
struct Special {
    pad: u32,
    unk: u32,
    cls: u32,
    sep: u32,
    mask: u32,
}

/// The `tokenize` command.
///
/// # Errors
/// When the model or the text cannot be used, the folder exists or cannot be written.
pub(super) fn tokenize(common: &Common, args: &Tokenize) -> Result<(), Error> {
    let Tokenize {
        corpus,
        valid,
        model,
        out,
        text_column,
        encoding,
    } = args;
    if out.exists() {
        return Err(Error::Input {
            code: "output-exists",
            message: format!("{} exists; nothing was changed", shown(out)),
            hint: "Choose another output.".into(),
        });
    }
    let model = inputs::read_model(model)?;
    let tokenizer = model
        .iter()
        .find(|(name, _)| name == "tokenizer.json")
        .map(|(_, bytes)| sha256(bytes));
    let mut sources = inputs::read_for_training(corpus)?;
    sources.extend(inputs::read(valid, Some(FileRole::Valid))?);
    let mut session = query::session(common, model, common.quiet)?;
    session.check_masked_lm()?;
    let options = ReadOptions {
        text_column: text_column.clone(),
        encoding: encoding.clone(),
        ..Default::default()
    };
    let files = files_of(sources);
    let mut config = RunConfig::default();
    common.apply(&mut config)?;
    let mut encode = || {
        session.set_corpus(&Opened::new(&files), &options)?;
        // What may be too short is looked at first.
        Ok::<_, Error>((
            session.evaluation_rows(config.seed)?,
            session.training_tokens()?,
        ))
    };
    let (rows, (train, specials)) = encode().map_err(|error| naming(error, &files))?;
    let folder = out
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let made = folder.join(format!("{TEMPORARY}{name}"));
    let written = write(&made, &train, specials, &rows, tokenizer)
        .and_then(|()| sync_folder(&made))
        .and_then(|()| fs::rename(&made, out))
        .and_then(|()| sync_folder(folder));
    if let Err(error) = written {
        // A leftover folder is harmless.
        let _ = remove(&made);
        return Err(write_error(out, &error));
    }
    let (tokens, documents) = (train.tokens().len(), train.documents());
    output::to_people(&format!(
        "Wrote {tokens} tokens of {documents} documents to {}.",
        shown(out)
    ));
    Ok(())
}

fn write(
    folder: &Path,
    train: &Packed,
    specials: Specials,
    rows: &EvaluationRows,
    tokenizer: Option<String>,
) -> io::Result<()> {
    if folder.exists() {
        remove(folder)?;
    }
    fs::create_dir_all(folder)?;
    let vocab_size = train.counts().len();
    let tokens = train.tokens();
    let is_wide = vocab_size > MAX_NARROW_VOCABULARY;
    let kind = if is_wide { "<u4" } else { "<u2" };
    let shards: Vec<String> = (0..tokens.len().div_ceil(SHARD_TOKENS))
        .map(|shard| format!("train-{shard:05}.npy"))
        .collect();
    let mut ids = tokens.chunks().flatten();
    for (shard, name) in shards.iter().enumerate() {
        let count = SHARD_TOKENS.min(tokens.len() - shard * SHARD_TOKENS);
        let mut array = Array::create(folder.join(name), kind, &[count])?;
        for id in ids.by_ref().take(count) {
            if is_wide {
                array.out.write_all(&id.to_le_bytes())?
            } else {
                array.out.write_all(&(id as u16).to_le_bytes())?
            }
        }
        array.finish()?;
    }
    let mut bounds = Array::create(folder.join(BOUNDS_FILE), "<u8", &[tokens.documents() + 1])?;
    let starts = (0..tokens.documents()).map(|document| tokens.place(document).start);
    for bound in starts.chain([tokens.len()]) {
        bounds.out.write_all(&(bound as u64).to_le_bytes())?;
    }
    bounds.finish()?;
    for (name, values) in [(INPUTS_FILE, &rows.inputs), (TARGETS_FILE, &rows.targets)] {
        let mut array = Array::create(
            folder.join(name),
            "<i4",
            &[values.len() / rows.max_len, rows.max_len],
        )?;
        for value in values {
            array.out.write_all(&value.to_le_bytes())?;
        }
        array.finish()?;
    }
    let Specials {
        pad,
        unk,
        cls,
        sep,
        mask,
    } = specials;
    let index = Index {
        version: VERSION,
        vocab_size,
        max_len: rows.max_len,
        tokenizer_sha256: tokenizer,
        documents: tokens.documents(),
        tokens: tokens.len(),
        shards,
        special_tokens: Special {
            pad,
            unk,
            cls,
            sep,
            mask,
        },
        valid_windows: rows.inputs.len() / rows.max_len,
    };
    let mut json = serde_json::to_vec_pretty(&index).expect("plain data serialises");
    json.push(b'\n');
    let mut file = File::create(folder.join(INDEX_FILE))?;
    file.write_all(&json)?;
    file.sync_all()
}

/// An array in NumPy's format (NEP 1, version 1.0), which is written from its start to its end.
struct Array {
    out: BufWriter<File>,
}

/// The header's length is a multiple of this.
const HEADER_ALIGNMENT: usize = 64;

impl Array {
    /// Begins an array of numbers of the type `kind`.
    fn create(path: PathBuf, kind: &str, shape: &[usize]) -> io::Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        out.write_all(&header(kind, shape))?;
        Ok(Self { out })
    }

    fn finish(self) -> io::Result<()> {
        self.out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()
    }
}

fn header(kind: &str, shape: &[usize]) -> Vec<u8> {
    const START: &[u8] = b"\x93NUMPY\x01\x00";
    let axes: String = shape.iter().map(|axis| format!("{axis},")).collect();
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({axes}), }}");
    let used = START.len() + 2 + text.len() + 1;
    text.push_str(&" ".repeat(used.next_multiple_of(HEADER_ALIGNMENT) - used));
    text.push('\n');
    [START, &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_aligned_and_ends_with_its_line() {
        for shape in [&[3][..], &[1000, 32], &[123_456_789, 128]] {
            let header = header("<i4", shape);
            assert_eq!(header.len() % HEADER_ALIGNMENT, 0);
            assert_eq!(
                usize::from(u16::from_le_bytes([header[8], header[9]])) + 10,
                header.len()
            );
            assert!(header.starts_with(b"\x93NUMPY\x01\x00") && header.ends_with(b"\n"));
        }
        assert!(String::from_utf8_lossy(&header("<u2", &[3])).contains("'shape': (3,), }"));
    }
}
