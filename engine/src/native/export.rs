//! The `export` command: a model directory as one file, with the curves of its run.

use super::args::Export;
use super::store::{replace, shown, write_error};
use super::{inputs, output};
use crate::error::Error;
use crate::interop::{
    HISTORY_FILE, LINEAR_FILE, MAX_HISTORY_BYTES, history_lines, weights_from_bytes, weights_to_half_bytes, zip_write,
};
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
    let Export { model, zip, half } = args;
    if zip.exists() {
        return Err(Error::Input {
            code: "output-exists",
            message: format!("{} exists; nothing was changed", shown(zip)),
            hint: "Choose another output.".into(),
        });
    }
    let mut files = inputs::read_model(model)?;
    let networks = files.iter_mut().filter(|(name, _)| name.ends_with(".safetensors") && name != LINEAR_FILE);
    for (_, bytes) in networks.filter(|_| *half) {
        let weights = weights_from_bytes(bytes)?;
        if weights.values().flat_map(|tensor| &tensor.data).any(|x| x.abs() > MAX_HALF) {
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
    let name = model.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_string()));
    let archive = zip_write(name.as_deref().unwrap_or(FOLDER), &files);
    let folder = zip.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    replace(folder, zip, &archive).map_err(|error| write_error(zip, &error))?;
    output::to_people(&format!("Wrote {} ({:.1} MB).", shown(zip), archive.len() as f64 / 1e6));
    Ok(())
}

/// The log of a model's run, as far as it is read; empty where there is none.
fn log_of(model: &Path) -> Result<Vec<u8>, Error> {
    let path = model.join(HISTORY_FILE);
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(MAX_HISTORY_BYTES as u64).read_to_end(&mut bytes)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::Io {
            message: format!("{} cannot be read: {error}", shown(&path)),
            hint: "Check its permissions, or move it away to pack the model without its curves.".into(),
        }),
        _ => Ok(bytes),
    }
}
