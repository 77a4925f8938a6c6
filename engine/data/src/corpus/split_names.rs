//! Names of folders, archives and sheets that say which split a text belongs to.

use protocol::FileRole;

/// Returns the role named by a folder or a sheet, ignoring case.
pub(crate) fn split_role(name: &str) -> Option<FileRole> {
    role_by_word(&name.to_lowercase())
}

pub(super) fn role_by_word(word: &str) -> Option<FileRole> {
    match word {
        "train" | "training" => Some(FileRole::Train),
        "valid" | "validation" | "val" | "dev" | "eval" => Some(FileRole::Valid),
        "test" | "testing" => Some(FileRole::Test),
        _ => None,
    }
}
