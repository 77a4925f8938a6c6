//! Adds file names to errors about the input. `data` names the file when it rejects one; errors
//! about a whole corpus get their file names here, since only the command line knows which files
//! were given.

use crate::terminal::output::plain;
use data::{DataError, InputFile, quoted};
use engine::error::Error;
use protocol::{FileRole, message};
use std::path::Path;

/// Prefixes an error about a whole corpus with the names of the `files` that it concerns. Other
/// errors are returned unchanged.
pub(super) fn naming(error: Error, files: &[InputFile]) -> Error {
    let Error::Data(data) = &error else {
        return error;
    };
    let role = match data {
        DataError::NoLabels { role, .. } => Some(*role),
        DataError::TooFewLabels { .. }
        | DataError::TooManyLabels { .. }
        | DataError::SeveralLabels { .. }
        | DataError::NotAPair { .. } => Some(FileRole::Train),
        DataError::TooLittleText { .. }
        | DataError::NothingToMask { .. }
        | DataError::CorpusTooSmall { .. }
        | DataError::TooFewDocuments { .. } => None,
        _ => return error,
    };
    // A file without a role may contain documents of any role.
    let is_read =
        |file: &&InputFile| role.is_none_or(|role| file.role.is_none_or(|other| other == role));
    let mut read: Vec<&InputFile> = files.iter().filter(is_read).collect();
    if read.is_empty() {
        read = files.iter().collect();
    }
    match read.as_slice() {
        [] => error,
        [one] => prefixed(data, &quoted(&one.name)),
        [first, second] => prefixed(
            data,
            &format!("{} and {}", quoted(&first.name), quoted(&second.name)),
        ),
        [first, others @ ..] => prefixed(
            data,
            &format!("{} and {} more files", quoted(&first.name), others.len()),
        ),
    }
}

/// Like [`naming`], for errors about the word-vector file at `path`.
pub(super) fn naming_vectors(error: Error, path: Option<&Path>) -> Error {
    match (&error, path) {
        (
            Error::Data(
                data @ (DataError::NoWordVectors
                | DataError::WordVectorWidth { .. }
                | DataError::NotWordVectors { .. }),
            ),
            Some(path),
        ) => prefixed(data, &quoted(&path.to_string_lossy())),
        _ => error,
    }
}

fn prefixed(error: &DataError, names: &str) -> Error {
    Error::Input {
        code: error.code(),
        message: message!(
            "{files}: {error}",
            files = plain(names),
            error = error.message()
        ),
        hint: error.hint(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(roles: &[FileRole]) -> Vec<InputFile> {
        let file = |(at, role): (usize, &FileRole)| {
            InputFile::in_memory(format!("{at}.txt"), "text", Some(*role))
        };
        roles.iter().enumerate().map(file).collect()
    }

    #[test]
    fn an_error_names_the_files_that_it_concerns() {
        use FileRole::{Test, Train, Valid};
        let little = || DataError::TooLittleText {
            characters: 3,
            needed: 100,
        };
        let labels = |role| DataError::NoLabels {
            role,
            documents: 3,
            columns: Vec::new(),
            likely: Vec::new(),
        };
        for (error, roles, expected) in [
            (little(), &[Train][..], "\"0.txt\": the corpus"),
            (
                little(),
                &[Train, Valid],
                "\"0.txt\" and \"1.txt\": the corpus",
            ),
            (
                little(),
                &[Train, Train, Valid],
                "\"0.txt\" and 2 more files: the corpus",
            ),
            (labels(Test), &[Train, Valid, Test], "\"2.txt\": none of"),
            (labels(Valid), &[Train], "\"0.txt\": none of"),
            (
                DataError::NotAPair { line: 4 },
                &[Valid, Train],
                "\"1.txt\": line 4",
            ),
        ] {
            let (code, hint) = (error.code(), error.hint());
            let named = naming(error.into(), &files(roles));
            assert!(named.to_string().starts_with(expected), "{named}");
            assert_eq!(
                (named.code(), named.hint(), named.exit_code()),
                (code, hint, 2)
            );
        }
    }

    #[test]
    fn an_error_that_names_its_file_is_unchanged() {
        let error = Error::from(DataError::NoText {
            file: "a.txt".into(),
        });
        assert_eq!(naming(error.clone(), &files(&[FileRole::Train])), error);
        let named = naming_vectors(
            DataError::NoWordVectors.into(),
            Some(Path::new("words.vec")),
        );
        assert!(
            named
                .to_string()
                .starts_with("\"words.vec\": the word vector file"),
            "{named}"
        );
    }
}
