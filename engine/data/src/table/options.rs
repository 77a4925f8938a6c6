//! How a person wants files to be read.

use protocol::{LabelMap, Quoting};
use serde::{Deserialize, Serialize};

/// What parts several labels in one cell, unless a person says otherwise.
const LABEL_SEPARATOR: &str = "|";

/// How to read files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOptions {
    /// Encoding, where detection guesses wrong.
    pub encoding: Option<String>,
    /// Column of the text in a table: a name, or a number from 1; two with a comma are a pair, several with plus signs are
    /// joined.
    pub text_column: Option<String>,
    /// Column of the labels: a name, or a number from 1; of several with commas, each is a label, or holds some.
    pub label_column: Option<String>,
    /// What parts several labels in one cell; `None`: a vertical bar.
    pub label_separator: Option<String>,
    /// How cells are quoted, where detection guesses wrong.
    #[serde(default)]
    pub quoting: Option<Quoting>,
    /// New names of labels; `None` drops a label.
    #[serde(default)]
    pub label_map: LabelMap,
    /// Columns of the text that the model was trained on: they are taken where a table has all of them.
    #[serde(skip)]
    pub trained_columns: Option<TextColumns>,
    /// Whether folders beside each other name classes.
    #[serde(skip)]
    pub reads_folder_classes: bool,
    /// Whether the file is to be labelled: lines without labels are what is expected, and no sign of a table.
    #[serde(skip)]
    pub is_for_prediction: bool,
}

impl ReadOptions {
    /// What parts several labels in one cell.
    pub(super) fn separator(&self) -> &str {
        self.label_separator
            .as_deref()
            .filter(|separator| !separator.is_empty())
            .unwrap_or(LABEL_SEPARATOR)
    }

    /// Whether a person asks for columns, so that a file has to have some.
    pub fn wants_columns(&self) -> bool {
        let names = |column: &Option<String>| {
            column
                .as_ref()
                .is_some_and(|names| !names.trim().is_empty())
        };
        names(&self.text_column) || names(&self.label_column)
    }

    /// The names that a person asks for.
    pub(super) fn asked_names(&self) -> Vec<&str> {
        let asked = [&self.text_column, &self.label_column]
            .into_iter()
            .flatten();
        asked
            .flat_map(|names| std::iter::once(names.as_str()).chain(names.split([',', '+'])))
            .map(str::trim)
            .collect()
    }
}

/// The columns that a text is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextColumns {
    /// Their names, in the order in which they are read.
    pub names: Vec<String>,
    /// Whether the two texts are a pair; otherwise several are joined.
    pub is_pair: bool,
}
