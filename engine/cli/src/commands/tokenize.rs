//! The `tokenize` command: writes a corpus as token ids in NumPy files, for training elsewhere
//! (docs/beyond-one-machine.md).

use crate::args::{Common, Tokenize};
use crate::commands::query;
use crate::commands::run::files_of;
use crate::inputs;
use crate::output_file::{output_error, output_exists};
use crate::run_dir::store::{TEMPORARY, remove, shown, sync_folder};
use crate::terminal::output;
use crate::text_refusals::naming;
use data::{Opened, Packed, ReadOptions, Specials};
use engine::error::Error;
use engine::session::{EvaluationRows, sha256};
use protocol::{FileRole, RunConfig};
use serde::Serialize;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Version of the output layout, stored in [`INDEX_FILE`].
const VERSION: u32 = 1;
/// Tokens per shard: 128 MiB at two bytes per token.
const SHARD_TOKENS: usize = 64 << 20;
/// Largest vocabulary whose ids fit in two bytes.
const MAX_NARROW_VOCABULARY: usize = 1 << 16;
/// File that describes the other files.
const INDEX_FILE: &str = "index.json";
/// Start of each training document in tokens, and the end of the last one, `[N + 1]` for N
/// documents.
const BOUNDS_FILE: &str = "train-bounds.npy";
/// Masked input ids of the validation windows, `[N, T]`.
const INPUTS_FILE: &str = "valid-inputs.npy";
/// Target ids of the masked tokens in those windows, -100 elsewhere, `[N, T]`.
const TARGETS_FILE: &str = "valid-targets.npy";

/// Content of `index.json`.
#[derive(Serialize)]
struct Index {
    version: u32,
    vocab_size: usize,
    max_len: usize,
    /// SHA-256 of the `tokenizer.json` that produced the ids, if the model has one.
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

/// Runs the `tokenize` command.
///
/// # Errors
/// Returns an error if the model or the text cannot be used, the folder exists or cannot be
/// written.
pub(crate) fn tokenize(common: &Common, args: &Tokenize) -> Result<(), Error> {
    let Tokenize {
        corpus,
        valid,
        model,
        out,
        text_column,
        encoding,
    } = args;
    if out.exists() {
        return Err(output_exists(out));
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
    common.settings.apply(&mut config)?;
    let mut encode = || {
        session.set_corpus(&Opened::new(&files), &options)?;
        // The validation text goes first, since it may be too short.
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
    let staging = folder.join(format!("{TEMPORARY}{name}"));
    let written = write(&staging, &train, specials, &rows, tokenizer)
        .and_then(|()| sync_folder(&staging))
        .and_then(|()| fs::rename(&staging, out))
        .and_then(|()| sync_folder(folder));
    if let Err(error) = written {
        // A leftover folder is harmless.
        let _ = remove(&staging);
        return Err(output_error(out, &error));
    }
    let (tokens, documents) = (train.tokens().len(), train.documents());
    output::print_stderr(&format!(
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
    let dtype = if is_wide { "<u4" } else { "<u2" };
    let shards: Vec<String> = (0..tokens.len().div_ceil(SHARD_TOKENS))
        .map(|shard| format!("train-{shard:05}.npy"))
        .collect();
    let mut ids = tokens.chunks().flatten();
    for (shard, name) in shards.iter().enumerate() {
        let count = SHARD_TOKENS.min(tokens.len() - shard * SHARD_TOKENS);
        let mut array = Array::create(folder.join(name), dtype, &[count])?;
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

/// Writer of one array in the NumPy format, version 1.0 (NEP 1), from start to end.
struct Array {
    out: BufWriter<File>,
}

/// The length of the header is a multiple of this, in bytes.
const HEADER_ALIGNMENT: usize = 64;

impl Array {
    /// Creates the file and writes the header. `dtype` is a NumPy type such as `<u2`.
    fn create(path: PathBuf, dtype: &str, shape: &[usize]) -> io::Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        out.write_all(&header(dtype, shape))?;
        Ok(Self { out })
    }

    fn finish(self) -> io::Result<()> {
        self.out
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?
            .sync_all()
    }
}

fn header(dtype: &str, shape: &[usize]) -> Vec<u8> {
    const START: &[u8] = b"\x93NUMPY\x01\x00";
    let axes: String = shape.iter().map(|axis| format!("{axis},")).collect();
    let mut text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({axes}), }}");
    let used = START.len() + 2 + text.len() + 1;
    text.push_str(&" ".repeat(used.next_multiple_of(HEADER_ALIGNMENT) - used));
    text.push('\n');
    [START, &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_aligned_and_ends_with_a_newline() {
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
