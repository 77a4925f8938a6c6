//! What each file is for: as given, else by its name.

use crate::InputFile;
use protocol::FileRole;

/// The role of each file, as given, else by name. Where that leaves no training file, what was only guessed trains:
/// a person who gives one file means to use it.
pub(super) fn roles(files: &[InputFile]) -> Vec<FileRole> {
    let by_name = files.iter().map(|file| file.role.unwrap_or_else(|| role_by_name(&file.name)));
    let roles: Vec<FileRole> = by_name.collect();
    if roles.contains(&FileRole::Train) {
        return roles;
    }
    files.iter().map(|file| file.role.unwrap_or(FileRole::Train)).collect()
}

/// The role that a file's name tells as one of its words: `valid.txt`, `my-test.txt.gz`, but not `latest.txt`.
fn role_by_name(name: &str) -> FileRole {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase();
    let base = base.strip_suffix(".gz").unwrap_or(&base);
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    for word in stem.split(|c: char| !c.is_alphabetic()) {
        match word {
            "valid" | "validation" | "val" | "dev" | "eval" => return FileRole::Valid,
            "test" | "testing" => return FileRole::Test,
            _ => {}
        }
    }
    FileRole::Train
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
            ("latest.txt", FileRole::Train),
            ("carnival devices", FileRole::Train),
            ("", FileRole::Train),
        ] {
            assert_eq!(role_by_name(name), role, "{name}");
        }
    }
}
