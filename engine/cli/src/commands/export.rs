//! The `export` command: writes a model directory as one file: a zip archive that includes the
//! training history, a web page that works offline, or the network as ONNX.

use crate::args::Export;
use crate::host::NativeHost;
use crate::inputs;
use crate::output_file::{output_error, output_exists};
use crate::run_dir::store::{replace, shown};
use crate::terminal::output;
use engine::error::Error;
use engine::interop::{
    self, CLASSIFIER_FILE, CONFIG_FILE, HISTORY_FILE, MAX_HISTORY_BYTES, WEIGHTS_FILE,
    check_weights, config_from_json, history_lines, weights_from_bytes, zip_write,
};
use engine::session::{ModelFiles, Session};
use futures_lite::future::block_on;
use protocol::{BackendChoice, Setting, message};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Name of the folder in the archive if the model directory has no name.
const FOLDER: &str = "model";

/// Runs the `export` command.
///
/// # Errors
/// Returns an error if the model cannot be read, the file exists or cannot be written.
pub(crate) fn export(args: &Export) -> Result<(), Error> {
    let Export {
        model,
        zip,
        html,
        onnx,
        half,
    } = args;
    if let Some(path) = [zip, html, onnx]
        .into_iter()
        .flatten()
        .find(|path| path.exists())
    {
        return Err(output_exists(path));
    }
    let files = inputs::read_model(model)?;
    if let Some(path) = onnx {
        write_onnx(&files, path)?;
    }
    if let Some(path) = html {
        write_page(files.clone(), model, path, *half)?;
    }
    zip.as_ref()
        .map_or(Ok(()), |path| write_zip(files, model, path, *half))
}

/// Writes a web page that contains the model.
fn write_page(files: ModelFiles, model: &Path, path: &Path, is_half: bool) -> Result<(), Error> {
    let mut session = block_on(Session::open(
        NativeHost::new(false, false),
        BackendChoice::Cpu,
    ))?;
    session.import(files)?;
    let files = block_on(session.export())?;
    let files = if is_half {
        halved(&files, model)?
    } else {
        files
    };
    let page = interop::web_page(folder_name(model).as_deref(), &files)?;
    write(path, page.as_bytes())
}

/// Returns the files with network weights as 16-bit floats.
fn halved(files: &ModelFiles, model: &Path) -> Result<ModelFiles, Error> {
    interop::half_precision(files)?.ok_or_else(|| Error::Input {
        code: "too-large-for-half",
        message: message!(
            "a weight in {model} is too large for a 16-bit float",
            model = shown(model)
        ),
        hint: message!("Leave {half} out.", half = Setting::named("half")),
    })
}

/// Returns the name of the model's directory.
fn folder_name(model: &Path) -> Option<String> {
    let path = model.canonicalize().ok()?;
    Some(path.file_name()?.to_str()?.to_string())
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
    replace(folder, path, bytes).map_err(|error| output_error(path, &error))?;
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
    if is_half {
        files = halved(&files, model)?;
    }
    let history = history_lines(&log_of(model)?);
    files.extend((!history.is_empty()).then(|| (HISTORY_FILE.to_string(), history)));
    let archive = zip_write(folder_name(model).as_deref().unwrap_or(FOLDER), &files);
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
