//! Options for reading files, as set by the user.

use crate::document::Document;
use protocol::{Annotations, LabelMap, Quoting};
use serde::{Deserialize, Serialize};

/// Default separator between several labels in one cell.
const LABEL_SEPARATOR: &str = "|";

/// Options for reading files; all are optional, and the defaults rely on detection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOptions {
    /// Label of the encoding, overriding detection.
    pub encoding: Option<String>,
    /// Text column of a table: a name, or a number from 1. Two separated by a comma form a pair;
    /// several separated by plus signs are joined.
    pub text_column: Option<String>,
    /// Label column: a name, or a number from 1. Several are separated by commas; each of these is
    /// a label itself or holds label names.
    pub label_column: Option<String>,
    /// Separator between several labels in one cell; `None` means a vertical bar.
    pub label_separator: Option<String>,
    /// Quoting of cells, overriding detection.
    #[serde(default)]
    pub quoting: Option<Quoting>,
    /// New names of labels; `None` drops a label.
    #[serde(default)]
    pub label_map: LabelMap,
    /// Labels given by hand, which replace those of the file, after `label_map`.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// Columns that the model was trained on; used for tables that have all of them, unless others
    /// are requested.
    #[serde(skip)]
    pub trained_columns: Option<DocumentColumns>,
    /// Label columns that were requested for training, in the form of `label_column`; used for tables
    /// that have all of them, unless a label column is requested.
    #[serde(skip)]
    pub trained_labels: Option<String>,
    /// Whether sibling folders name the classes of the files in them.
    #[serde(skip)]
    pub reads_folder_classes: bool,
    /// Whether the file is input for prediction: missing labels are expected, and a table without a
    /// telling name is detected by its header only, or by the columns of training.
    #[serde(skip)]
    pub is_for_prediction: bool,
}

impl ReadOptions {
    /// Replaces the labels of a document that was labelled by hand.
    pub(crate) fn annotate(&self, document: &mut Document) {
        if self.annotations.is_empty() {
            return;
        }
        let labels = match &document.second {
            None => self.annotations.get(&document.text),
            Some(_) => self.annotations.get(&document.joined()),
        };
        if let Some(labels) = labels {
            document.labels.clone_from(labels);
        }
    }

    /// Returns the separator between several labels in one cell.
    pub(super) fn separator(&self) -> &str {
        self.label_separator
            .as_deref()
            .filter(|separator| !separator.is_empty())
            .unwrap_or(LABEL_SEPARATOR)
    }

    /// Returns whether the user requests columns, so that the file has to be a table.
    pub fn wants_columns(&self) -> bool {
        let names = |column: &Option<String>| {
            column
                .as_ref()
                .is_some_and(|names| !names.trim().is_empty())
        };
        names(&self.text_column) || names(&self.label_column)
    }

    /// Returns the column names that the user requests or that the model was trained on.
    pub(super) fn expected_names(&self) -> Vec<&str> {
        let requested = [&self.text_column, &self.label_column]
            .into_iter()
            .flatten();
        let requested = requested
            .flat_map(|names| std::iter::once(names.as_str()).chain(names.split([',', '+'])));
        let trained = self.trained_columns.iter();
        let trained = trained.flat_map(|columns| columns.names.iter().chain(&columns.labels));
        requested
            .chain(trained.map(String::as_str))
            .map(str::trim)
            .collect()
    }
}

/// The columns that a document is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentColumns {
    /// Names of the text columns in reading order.
    pub names: Vec<String>,
    /// Whether the two texts form a pair; otherwise, several texts are joined.
    pub is_pair: bool,
    /// Names of the label columns; empty if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}
