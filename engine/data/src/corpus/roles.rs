//! What each file is for: as given, else by its name.

use crate::packed::unpacked_name;
use crate::{DataError, InputFile, Warning};
use protocol::FileRole;

/// The role of each file, as given, else by the folder it lies in, else by its name. Where that leaves no training file,
/// what was only guessed trains: a person who gives one file means to use it.
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

/// The roles that folders tell, such as `train/` beside `test/`: where files lie in folders of such names at one level, some of
/// them for training.
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

/// The role that a file's name tells as one of its words: `valid.txt`, `my-test.txt.gz`, but not `latest.txt`.
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
    // What an archive of several parts is called says nothing of one of them.
    let of_archive = name
        .split('/')
        .find_map(|part| part.to_lowercase().strip_suffix(".zip").map(roles));
    of_archive
        .filter(|roles| roles.len() == 1)
        .and_then(|roles| held_out(&roles))
        .unwrap_or(FileRole::Train)
}

/// The role that a folder or an archive tells by its name.
fn role_of_folder(name: &str) -> Option<FileRole> {
    role_by_word(name.strip_suffix(".zip").unwrap_or(name))
}

/// The role that a folder or a sheet tells by its name, which is that of a split.
pub(crate) fn split_role(name: &str) -> Option<FileRole> {
    role_by_word(&name.to_lowercase())
}

fn role_by_word(word: &str) -> Option<FileRole> {
    match word {
        "train" | "training" => Some(FileRole::Train),
        "valid" | "validation" | "val" | "dev" | "eval" => Some(FileRole::Valid),
        "test" | "testing" => Some(FileRole::Test),
        _ => None,
    }
}

/// Says which files are held out by their names, of those whose use nobody gave.
pub(super) fn warning(files: &[InputFile], roles: &[FileRole]) -> Option<Warning> {
    let of = |wanted: FileRole| {
        let found = files
            .iter()
            .zip(roles)
            .filter(|(file, role)| file.role.is_none() && **role == wanted);
        DataError::columns(&found.map(|(file, _)| file.name.clone()).collect::<Vec<_>>())
    };
    let (valid, test) = (of(FileRole::Valid), of(FileRole::Test));
    let uses = [("validation", valid), ("testing", test)]
        .into_iter()
        .filter(|(_, files)| !files.is_empty());
    let uses = uses
        .map(|(what, files)| format!("for {what}: {files}"))
        .collect::<Vec<_>>()
        .join("; ");
    (!uses.is_empty()).then(|| {
        (
            "role-by-name",
            format!("files are held out by their names, {uses}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_role_as_a_word() {
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
    fn folders_beside_each_other_tell_the_roles_of_their_files() {
        use FileRole::{Test, Train, Valid};
        let roles_of = |names: &[&str]| {
            let files: Vec<InputFile> = names
                .iter()
                .map(|name| InputFile::held(*name, "", None))
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
