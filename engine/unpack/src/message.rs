//! The messages to and from the archive module, apart from the bytes of the files.

use data::Converted;
use data::{DataError, InputFile};
use protocol::{FileRole, Message};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An [`InputFile`] without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    name: String,
    role: Option<FileRole>,
    encoding: Option<String>,
    member_roles: BTreeMap<String, FileRole>,
    converted: Option<Converted>,
    notes: Vec<Message>,
}

impl Described {
    /// Describes `file` without its content.
    pub fn of(file: &InputFile) -> Self {
        let InputFile {
            name,
            role,
            encoding,
            member_roles,
            converted,
            notes,
            ..
        } = file.clone();
        Self {
            name,
            role,
            encoding,
            member_roles,
            converted,
            notes,
        }
    }

    /// Returns the described file with `content`.
    pub fn with(self, content: std::rc::Rc<dyn data::ByteSource>) -> InputFile {
        let Self {
            name,
            role,
            encoding,
            member_roles,
            converted,
            notes,
        } = self;
        InputFile {
            name,
            content,
            role,
            encoding,
            member_roles,
            converted,
            notes,
        }
    }
}

/// The error of a file that could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    code: String,
    message: Message,
    hint: Message,
}

/// Error codes that are preserved; any other becomes [`OTHER_CODE`].
const CODES: [&str; 5] = [
    "archive-too-large",
    "damaged-archive",
    "empty-file",
    "not-text",
    "unreadable-input",
];
const OTHER_CODE: &str = "archive-not-opened";

impl From<DataError> for Refusal {
    fn from(error: DataError) -> Self {
        Self {
            code: error.code().into(),
            message: error.message(),
            hint: error.hint(),
        }
    }
}

impl From<Refusal> for DataError {
    fn from(
        Refusal {
            code,
            message,
            hint,
        }: Refusal,
    ) -> Self {
        let code = CODES
            .into_iter()
            .find(|known| *known == code)
            .unwrap_or(OTHER_CODE);
        Self::NotOpened {
            code,
            message,
            hint,
        }
    }
}

/// The result from the module. The contents of the files are passed separately, in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Descriptions of the files that can be read.
    pub files: Vec<Described>,
    /// The errors of files that could not be opened.
    pub refused: Vec<Refusal>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::message;

    #[test]
    fn files_and_errors_survive_the_round_trip() {
        let mut file =
            InputFile::in_memory("a.xlsx/Test.csv", "text,label\n", Some(FileRole::Test));
        file.converted = Some(Converted::Table);
        file.notes.push(message!("of two sheets one was read"));
        file.member_roles
            .insert("a.zip/b.txt".into(), FileRole::Valid);
        let found = Found {
            files: vec![Described::of(&file)],
            refused: vec![DataError::EmptyFile { file: "b".into() }.into()],
        };
        let sent = serde_json::to_string(&found).expect("plain data");
        let Found {
            mut files,
            mut refused,
        } = serde_json::from_str(&sent).expect("the same");
        let back = files.remove(0).with(file.content.clone());
        assert_eq!(Described::of(&back), Described::of(&file));
        let error = DataError::from(refused.remove(0));
        let empty = DataError::EmptyFile { file: "b".into() };
        let parts = |error: &DataError| (error.code(), error.to_string(), error.hint());
        assert_eq!(parts(&error), parts(&empty));
    }
}
