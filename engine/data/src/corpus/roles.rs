//! Assigns a role to each file: as given, else by its folder or name.

use super::split_names::role_by_word;
use crate::packed::unpacked_name;
use crate::{DataError, InputFile, Warning};
use protocol::FileRole;
use protocol::message;

/// Returns the role of each file: as given, else by its folder, else by its name. If that leaves no
/// training file, files without a given role are used for training: a single file is meant to be
/// used.
pub(super) fn roles(files: &[InputFile]) -> Vec<FileRole> {
    let folders = split_folders(files);
    let by_name = |(place, file): (usize, &InputFile)| {
        let by_folder = || folders.as_ref().and_then(|roles| roles[place]);
        file.role
            .or_else(by_folder)
            .unwrap_or_else(|| role_by_name(&file.name))
    };
    let roles: Vec<FileRole> = files.iter().enumerate().map(by_name).collect();
    if roles.contains(&FileRole::Train) {
        return roles;
    }
    files
        .iter()
        .map(|file| file.role.unwrap_or(FileRole::Train))
        .collect()
}

/// Returns the roles given by folders such as `train/` and `test/`, if files lie in folders with
/// such names at one level and some of them are for training.
fn split_folders(files: &[InputFile]) -> Option<Vec<Option<FileRole>>> {
    let folders = |file: &InputFile| {
        let mut parts: Vec<String> = file
            .name
            .split(['/', '\\'])
            .map(str::to_lowercase)
            .collect();
        parts.pop();
        parts
    };
    let paths: Vec<Vec<String>> = files.iter().map(folders).collect();
    let levels = paths.iter().map(Vec::len).max()?;
    (0..levels).find_map(|level| {
        let roles: Vec<Option<FileRole>> = paths
            .iter()
            .map(|parts| parts.get(level).and_then(|part| role_of_folder(part)))
            .collect();
        let trains = roles.contains(&Some(FileRole::Train));
        let holds_out = roles.iter().flatten().any(|role| *role != FileRole::Train);
        (trains && holds_out).then_some(roles)
    })
}

/// Returns the role named by a word of the file name: it is found in `valid.txt` and
/// `my-test.txt.gz`, but not in `latest.txt`.
fn role_by_name(name: &str) -> FileRole {
    let base = name
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(name)
        .to_lowercase();
    let base = unpacked_name(&base);
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let roles = |name: &str| {
        name.split(|c: char| !c.is_alphabetic())
            .filter_map(role_by_word)
            .collect::<Vec<_>>()
    };
    let of_file = roles(stem);
    let held_out = |roles: &[FileRole]| roles.iter().copied().find(|role| *role != FileRole::Train);
    if !of_file.is_empty() {
        return held_out(&of_file).unwrap_or(FileRole::Train);
    }
    // An archive name with several role words says nothing about a single member.
    let of_archive = name
        .split('/')
        .find_map(|part| part.to_lowercase().strip_suffix(".zip").map(roles));
    of_archive
        .filter(|roles| roles.len() == 1)
        .and_then(|roles| held_out(&roles))
        .unwrap_or(FileRole::Train)
}

/// Returns the role named by a folder or an archive.
fn role_of_folder(name: &str) -> Option<FileRole> {
    role_by_word(name.strip_suffix(".zip").unwrap_or(name))
}

/// Reports which files are held out because of their names, among those without a given role.
pub(super) fn warning(files: &[InputFile], roles: &[FileRole]) -> Option<Warning> {
    let files_with = |wanted: FileRole| {
        let found = files
            .iter()
            .zip(roles)
            .filter(|(file, role)| file.role.is_none() && **role == wanted);
        DataError::columns(&found.map(|(file, _)| file.name.clone()).collect::<Vec<_>>())
    };
    let (valid, test) = (files_with(FileRole::Valid), files_with(FileRole::Test));
    let message = match (valid.is_empty(), test.is_empty()) {
        (true, true) => return None,
        (false, true) => message!(
            "files are held out for validation because of their names: {valid}",
            valid
        ),
        (true, false) => message!(
            "files are held out for testing because of their names: {test}",
            test
        ),
        (false, false) => message!(
            "files are held out because of their names, for validation: {valid}; for testing: {test}",
            valid,
            test
        ),
    };
    Some(("role-by-name", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_found_as_words_of_a_name() {
        for (name, role) in [
            ("train.txt", FileRole::Train),
            ("valid.txt", FileRole::Valid),
            ("data/bert_valid2.txt.gz", FileRole::Valid),
            ("my-dev.TXT", FileRole::Valid),
            ("C:\\x\\test.txt", FileRole::Test),
            ("test/part1.txt", FileRole::Train),
            ("test.zip/part1.txt", FileRole::Test),
            ("train_test.zip/part1.txt", FileRole::Train),
            ("test.zip/train.txt", FileRole::Train),
            ("latest.txt", FileRole::Train),
            ("carnival devices", FileRole::Train),
            ("", FileRole::Train),
        ] {
            assert_eq!(role_by_name(name), role, "{name}");
        }
    }

    #[test]
    fn sibling_folders_give_the_roles_of_their_files() {
        use FileRole::{Test, Train, Valid};
        let roles_of = |names: &[&str]| {
            let files: Vec<InputFile> = names
                .iter()
                .map(|name| InputFile::in_memory(*name, "", None))
                .collect();
            roles(&files)
        };
        assert_eq!(
            roles_of(&["a/train/pos/1.txt", "a/test/pos/1.txt", "a/dev/neg/2.txt"]),
            [Train, Test, Valid]
        );
        assert_eq!(roles_of(&["a/test/1.txt", "a/test/2.txt"]), [Train, Train]);
        assert_eq!(roles_of(&["a/train.txt", "a/dev.txt"]), [Train, Valid]);
    }
}
