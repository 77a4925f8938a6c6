//! Errors of output files and folders outside of run directories.

use crate::run_dir::store::{is_full, shown, unwritable};
use engine::error::Error;
use protocol::message;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Returns the error for an output that exists and is not overwritten.
pub(crate) fn output_exists(path: &Path) -> Error {
    Error::Input {
        code: "output-exists",
        message: message!(
            "{path} already exists; nothing was changed",
            path = shown(path)
        ),
        hint: message!("Choose another output."),
    }
}

/// Returns the error for an output that could not be written.
pub(crate) fn output_error(path: &Path, error: &io::Error) -> Error {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Error::Input {
            code: "no-folder",
            message: message!("the folder {folder} does not exist", folder = shown(folder)),
            hint: message!("Create it first, or choose another output."),
        };
    }
    let hint = match error.kind() {
        kind if is_full(kind) => message!("Free some space, then try again."),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            message!("Choose a directory that you can write to.")
        }
        _ => message!("Choose another output."),
    };
    unwritable(path, error, hint)
}
