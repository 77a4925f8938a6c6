//! Which labels there are, and what kind of task they make. A label is any text without white space; its row in the
//! classifier is its place in the set.

use super::corpus::Document;
use super::error::DataError;
use protocol::TaskKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A classifier's output layer grows with the labels; beyond this the fault is in the data, e.g. ids as labels.
const MOST_LABELS: usize = 10_000;

/// What the classifier's outputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    /// Independent sigmoids.
    MultiLabelClassification,
    /// One softmax.
    SingleLabelClassification,
}

/// The labels that a classifier knows, in output order.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelSet {
    names: Vec<String>,
    rows: BTreeMap<String, usize>,
}

impl LabelSet {
    /// The labels of the training documents, most frequent first, by name where equally frequent.
    ///
    /// # Errors
    /// When there are fewer than two, or far too many.
    pub fn learn<'a>(documents: impl Iterator<Item = &'a Document>) -> Result<Self, DataError> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        let mut seen = 0;
        for document in documents {
            seen += 1;
            document.labels.iter().for_each(|label| *counts.entry(label).or_default() += 1);
        }
        let mut by_count: Vec<(&str, u64)> = counts.into_iter().collect();
        // Stable: equally frequent labels stay in the order of their names.
        by_count.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        match by_count.len() {
            0 => Err(DataError::NoLabels { documents: seen }),
            1 => Err(DataError::TooFewLabels { label: by_count[0].0.into() }),
            labels if labels > MOST_LABELS => Err(DataError::TooManyLabels { labels, limit: MOST_LABELS }),
            _ => Ok(Self::from_names(by_count.into_iter().map(|(label, _)| label.to_string()).collect())),
        }
    }

    /// The labels of a model, in output order.
    pub fn from_names(names: Vec<String>) -> Self {
        let rows = names.iter().cloned().enumerate().map(|(row, name)| (name, row)).collect();
        Self { names, rows }
    }

    /// In output order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of labels, `C`.
    #[expect(clippy::len_without_is_empty, reason = "a classifier has at least two labels")]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The rows of a document's labels, and the labels that were never seen in training.
    pub fn encode(&self, document: &Document) -> (Vec<usize>, Vec<String>) {
        let (mut rows, mut unknown) = (Vec::new(), Vec::new());
        for label in &document.labels {
            match self.rows.get(label) {
                Some(&row) => rows.push(row),
                None => unknown.push(label.clone()),
            }
        }
        (rows, unknown)
    }
}

/// What the labels of `documents` mean, as asked by `task` or, for `auto` and `pair`, by whether each document carries
/// exactly one.
///
/// # Errors
/// When a document contradicts `task`.
pub fn problem_type<'a>(
    task: TaskKind,
    documents: impl Iterator<Item = &'a Document> + Clone,
) -> Result<ProblemType, DataError> {
    let several = documents.clone().find(|document| document.labels.len() > 1);
    let single = documents.clone().find(|document| document.second.is_none());
    match (task, several, single) {
        (TaskKind::SingleLabel, Some(document), _) => {
            Err(DataError::SeveralLabels { line: document.line, labels: document.labels.len() })
        }
        (TaskKind::Pair, _, Some(document)) => Err(DataError::NotAPair { line: document.line }),
        (TaskKind::MultiLabel, ..) | (_, Some(_), _) => Ok(ProblemType::MultiLabelClassification),
        _ => Ok(ProblemType::SingleLabelClassification),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(lines: &[&str]) -> Vec<Document> {
        let document = |(line, labels): (usize, &&str)| Document {
            text: "text".into(),
            second: labels.starts_with('|').then(|| "second".into()),
            labels: labels.trim_matches('|').split_whitespace().map(Into::into).collect(),
            line: line as u64 + 1,
            block: 0,
        };
        lines.iter().enumerate().map(document).collect()
    }

    #[test]
    fn labels_are_ordered_by_frequency_then_name() {
        let set = LabelSet::learn(documents(&["b a", "c", "b", "c a", "01 1"]).iter()).expect("labels");
        assert_eq!(set.names(), ["a", "b", "c", "01", "1"]);
        let (rows, unknown) = set.encode(&documents(&["1 x b X"])[0]);
        assert_eq!((rows, unknown), (vec![4, 1], vec!["x".to_string(), "X".into()]));
        assert_eq!(LabelSet::from_names(set.names().to_vec()), set);
    }

    #[test]
    fn a_choice_needs_two_labels_and_not_thousands() {
        let many: Vec<String> = (0..10_001).map(|i| format!("label{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (lines, code) in [(&[][..], "no-labels"), (&["", ""], "no-labels"), (&["a", "a"], "too-few-labels")] {
            assert_eq!(LabelSet::learn(documents(lines).iter()).expect_err("refused").code(), code);
        }
        assert_eq!(LabelSet::learn(documents(&many).iter()).expect_err("refused").code(), "too-many-labels");
    }

    #[test]
    fn the_task_is_told_by_the_labels_or_refused() {
        use ProblemType::{MultiLabelClassification as Multi, SingleLabelClassification as Single};
        for (task, lines, expected) in [
            (TaskKind::Auto, &["a", "b"][..], Ok(Single)),
            (TaskKind::Auto, &["a", "b c"], Ok(Multi)),
            (TaskKind::MultiLabel, &["a", "b"], Ok(Multi)),
            (TaskKind::SingleLabel, &["a", "b"], Ok(Single)),
            (TaskKind::SingleLabel, &["a", "b c"], Err(DataError::SeveralLabels { line: 2, labels: 2 })),
            (TaskKind::Pair, &["|a", "|b"], Ok(Single)),
            (TaskKind::Pair, &["|a", "|b c"], Ok(Multi)),
            (TaskKind::Pair, &["|a", "b"], Err(DataError::NotAPair { line: 2 })),
        ] {
            assert_eq!(problem_type(task, documents(lines).iter()), expected, "{task:?} {lines:?}");
        }
    }
}
