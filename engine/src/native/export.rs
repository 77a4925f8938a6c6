//! The `export` command: a model directory as one file: packed with the curves of its run, or its network as ONNX.

use super::args::Export;
use super::store::{replace, shown, write_error};
use super::{inputs, output};
use crate::error::Error;
use crate::interop::{
    self, CLASSIFIER_FILE, CONFIG_FILE, HISTORY_FILE, LINEAR_FILE, MAX_HISTORY_BYTES, WEIGHTS_FILE,
    check_weights, config_from_json, history_lines, weights_from_bytes, weights_to_half_bytes,
    zip_write,
};
use crate::session::ModelFiles;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The folder inside the archive where the directory has no name of its own.
const FOLDER: &str = "model";

/// Largest number of 16 bits.
const MAX_HALF: f32 = 65_504.0;

/// The `export` command.
///
/// # Errors
/// When the model cannot be read, the file exists or cannot be written.
pub(super) fn export(args: &Export) -> Result<(), Error> {
    let Export {
        model,
        zip,
        onnx,
        half,
    } = args;
    if let Some(path) = [zip, onnx].into_iter().flatten().find(|path| path.exists()) {
        return Err(Error::Input {
            code: "output-exists",
            message: format!("{} exists; nothing was changed", shown(path)),
            hint: "Choose another output.".into(),
        });
    }
    let files = inputs::read_model(model)?;
    if let Some(path) = onnx {
        write_onnx(&files, path)?;
    }
    zip.as_ref()
        .map_or(Ok(()), |path| write_zip(files, model, path, *half))
}

/// Writes the first network as an ONNX graph.
fn write_onnx(files: &ModelFiles, path: &Path) -> Result<(), Error> {
    let file = |name: &str| {
        files
            .iter()
            .find(|(file, _)| file == name)
            .map(|(_, bytes)| bytes.as_slice())
    };
    let config = config_from_json(file(CONFIG_FILE).unwrap_or_default())?;
    let weights = weights_from_bytes(file(WEIGHTS_FILE).unwrap_or_default())?;
    let heads = check_weights(&config, &weights)?.heads;
    if !heads.classifier && !heads.masked_lm {
        let message = "the model has neither labels nor a head that guesses masked words";
        return Err(Error::input(
            "no-head",
            message,
            "Export a model that was pre-trained or fine-tuned here.",
        ));
    }
    if heads.classifier && file(CLASSIFIER_FILE).is_some() {
        output::to_people(
            "note: ONNX gets the first network alone; the classifier's other parts need clozelab or Python",
        );
    }
    write(path, &interop::onnx(&config, heads, &weights)?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    replace(folder, path, bytes).map_err(|error| write_error(path, &error))?;
    output::to_people(&format!(
        "Wrote {} ({:.1} MB).",
        shown(path),
        bytes.len() as f64 / 1e6
    ));
    Ok(())
}

/// Packs the model with the curves of its run.
fn write_zip(mut files: ModelFiles, model: &Path, path: &Path, is_half: bool) -> Result<(), Error> {
    let networks = files
        .iter_mut()
        .filter(|(name, _)| name.ends_with(".safetensors") && name != LINEAR_FILE);
    for (_, bytes) in networks.filter(|_| is_half) {
        let weights = weights_from_bytes(bytes)?;
        if weights
            .values()
            .flat_map(|tensor| &tensor.data)
            .any(|x| x.abs() > MAX_HALF)
        {
            return Err(Error::Input {
                code: "too-large-for-half",
                message: format!("a weight of {} is too large for 16 bits", shown(model)),
                hint: "Leave --half out.".into(),
            });
        }
        *bytes = weights_to_half_bytes(&weights);
    }
    let history = history_lines(&log_of(model)?);
    files.extend((!history.is_empty()).then(|| (HISTORY_FILE.to_string(), history)));
    let name = model
        .canonicalize()
        .ok()
        .and_then(|path| Some(path.file_name()?.to_str()?.to_string()));
    let archive = zip_write(name.as_deref().unwrap_or(FOLDER), &files);
    write(path, &archive)
}

/// The log of a model's run, as far as it is read; empty where there is none.
fn log_of(model: &Path) -> Result<Vec<u8>, Error> {
    let path = model.join(HISTORY_FILE);
    let mut bytes = Vec::new();
    match File::open(&path)
        .and_then(|file| file.take(MAX_HISTORY_BYTES as u64).read_to_end(&mut bytes))
    {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::Io {
            message: format!("{} cannot be read: {error}", shown(&path)),
            hint: "Check its permissions, or move it away to pack the model without its curves."
                .into(),
        }),
        _ => Ok(bytes),
    }
}
