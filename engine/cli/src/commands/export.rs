//! The `export` command: writes a model directory as one file: a zip archive that includes the
//! training history, or the network as ONNX.

use crate::args::Export;
use crate::inputs;
use crate::run_dir::store::{replace, shown, write_error};
use crate::terminal::output;
use engine::error::Error;
use engine::interop::{
    self, CLASSIFIER_FILE, CONFIG_FILE, HISTORY_FILE, LINEAR_FILE, MAX_HISTORY_BYTES, WEIGHTS_FILE,
    check_weights, config_from_json, history_lines, weights_from_bytes, weights_to_half_bytes,
    zip_write,
};
use engine::session::ModelFiles;
use protocol::{Setting, message};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Name of the folder in the archive if the model directory has no name.
const FOLDER: &str = "model";

/// Largest finite 16-bit float.
const MAX_HALF: f32 = 65_504.0;

/// Runs the `export` command.
///
/// # Errors
/// Returns an error if the model cannot be read, the file exists or cannot be written.
pub(crate) fn export(args: &Export) -> Result<(), Error> {
    let Export {
        model,
        zip,
        onnx,
        half,
    } = args;
    if let Some(path) = [zip, onnx].into_iter().flatten().find(|path| path.exists()) {
        return Err(Error::Input {
            code: "output-exists",
            message: message!(
                "{path} already exists; nothing was changed",
                path = shown(path)
            ),
            hint: message!("Choose another output."),
        });
    }
    let files = inputs::read_model(model)?;
    if let Some(path) = onnx {
        write_onnx(&files, path)?;
    }
    zip.as_ref()
        .map_or(Ok(()), |path| write_zip(files, model, path, *half))
}

/// Writes the first network of the model as an ONNX graph.
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
        let message = message!("the model has neither a classification head nor a masked-LM head");
        return Err(Error::input(
            "no-head",
            message,
            message!("Export a model that was pre-trained or fine-tuned with Clozelab."),
        ));
    }
    if heads.classifier && file(CLASSIFIER_FILE).is_some() {
        output::print_stderr(
            "note: the ONNX file has only the first network; the classifier's other parts need clozelab or Python",
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
    output::print_stderr(&format!(
        "Wrote {} ({:.1} MB).",
        shown(path),
        bytes.len() as f64 / 1e6
    ));
    Ok(())
}

/// Packs the model and the training history of its run into a zip archive. `is_half` stores network
/// weights as 16-bit floats.
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
                message: message!(
                    "a weight in {model} is too large for a 16-bit float",
                    model = shown(model)
                ),
                hint: message!("Leave {half} out.", half = Setting::named("half")),
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

/// Reads the event log of the run that produced a model, up to [`MAX_HISTORY_BYTES`]. Empty if
/// there is none.
fn log_of(model: &Path) -> Result<Vec<u8>, Error> {
    let path = model.join(HISTORY_FILE);
    let mut bytes = Vec::new();
    match File::open(&path)
        .and_then(|file| file.take(MAX_HISTORY_BYTES as u64).read_to_end(&mut bytes))
    {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::Io {
            message: message!(
                "{path} cannot be read: {error}",
                path = shown(&path),
                error = error.to_string()
            ),
            hint: message!(
                "Check its permissions, or move it elsewhere to export the model without its training curves."
            ),
        }),
        _ => Ok(bytes),
    }
}
