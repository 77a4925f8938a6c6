//! Which labels there are, and what kind of task they make. A label is any text without white space; its row in the
//! classifier is its place in the set.

use crate::corpus::Document;
use crate::error::DataError;
use crate::table::integral;
use protocol::{FileRole, TaskKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A classifier's output layer grows with the labels; beyond this the fault is in the data, e.g. ids as labels.
pub(crate) const MAX_LABELS: usize = 10_000;

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
    /// The labels of a model, in output order.
    pub fn from_names(names: Vec<String>) -> Self {
        let rows = names
            .iter()
            .cloned()
            .enumerate()
            .map(|(row, name)| (name, row))
            .collect();
        Self { names, rows }
    }

    /// In output order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Number of labels, `C`.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a classifier has at least two labels"
    )]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The row of a label. A whole number is the same however it is written, and so are yes and no: 1 is 1.0, true is True.
    fn row(&self, label: &str) -> Option<usize> {
        let written = || {
            let whole = integral(label)?;
            self.names
                .iter()
                .position(|name| integral(name).as_ref() == Some(&whole))
        };
        let is_answer = label.eq_ignore_ascii_case("true") || label.eq_ignore_ascii_case("false");
        let answered = || {
            self.names
                .iter()
                .position(|name| is_answer && name.eq_ignore_ascii_case(label))
        };
        self.rows
            .get(label)
            .copied()
            .or_else(written)
            .or_else(answered)
    }

    /// The rows of a document's labels, and the labels that were never seen in training.
    pub fn encode(&self, document: &Document) -> (Vec<usize>, Vec<String>) {
        let (mut rows, mut unknown) = (Vec::new(), Vec::new());
        for label in &document.labels {
            match self.row(label) {
                Some(row) => rows.push(row),
                None => unknown.push(label.clone()),
            }
        }
        (rows, unknown)
    }
}

/// What the labels of documents are, gathered one document at a time.
#[derive(Clone, Debug, Default)]
pub struct LabelSurvey {
    counts: BTreeMap<String, u64>,
    documents: u64,
    /// The first document with several labels: its line and how many.
    several: Option<(u64, usize)>,
    /// The line of the first document of one text.
    single: Option<u64>,
    /// Whether a document has two texts.
    pub pairs: bool,
}

impl LabelSurvey {
    /// Looks at one more document.
    pub fn take(&mut self, document: &Document) {
        self.documents += 1;
        for label in &document.labels {
            match self.counts.get_mut(label) {
                Some(count) => *count += 1,
                None => drop(self.counts.insert(label.clone(), 1)),
            }
        }
        if document.labels.len() > 1 {
            self.several
                .get_or_insert((document.line, document.labels.len()));
        }
        match document.second {
            Some(_) => self.pairs = true,
            None => drop(self.single.get_or_insert(document.line)),
        }
    }

    /// Whether no document carries a label.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The labels, most frequent first, by name where equally frequent.
    ///
    /// # Errors
    /// When there are fewer than two, or far too many.
    pub fn labels(&self) -> Result<LabelSet, DataError> {
        let mut by_count: Vec<(&String, u64)> = self
            .counts
            .iter()
            .map(|(label, count)| (label, *count))
            .collect();
        // Stable: equally frequent labels stay in the order of their names.
        by_count.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        match by_count.len() {
            0 => Err(DataError::NoLabels {
                role: FileRole::Train,
                documents: self.documents,
                columns: Vec::new(),
                likely: Vec::new(),
            }),
            1 => Err(DataError::TooFewLabels {
                label: by_count[0].0.clone(),
            }),
            labels if labels > MAX_LABELS => Err(DataError::TooManyLabels {
                labels,
                limit: MAX_LABELS,
            }),
            _ => Ok(LabelSet::from_names(
                by_count
                    .into_iter()
                    .map(|(label, _)| label.clone())
                    .collect(),
            )),
        }
    }

    /// What the labels mean, as asked by `task` or, for `auto` and `pair`, by whether each document carries exactly one.
    ///
    /// # Errors
    /// When a document contradicts `task`.
    pub fn problem_type(&self, task: TaskKind) -> Result<ProblemType, DataError> {
        match (task, self.several, self.single) {
            (TaskKind::SingleLabel, Some((line, labels)), _) => {
                Err(DataError::SeveralLabels { line, labels })
            }
            (TaskKind::Pair, _, Some(line)) => Err(DataError::NotAPair { line }),
            (TaskKind::MultiLabel, ..) | (_, Some(_), _) => {
                Ok(ProblemType::MultiLabelClassification)
            }
            _ => Ok(ProblemType::SingleLabelClassification),
        }
    }
}

impl<'a> FromIterator<&'a Document> for LabelSurvey {
    fn from_iter<T: IntoIterator<Item = &'a Document>>(documents: T) -> Self {
        let mut survey = Self::default();
        documents
            .into_iter()
            .for_each(|document| survey.take(document));
        survey
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(lines: &[&str]) -> Vec<Document> {
        let document = |(line, labels): (usize, &&str)| Document {
            text: "text".into(),
            second: labels.starts_with('|').then(|| "second".into()),
            labels: labels
                .trim_matches('|')
                .split_whitespace()
                .map(Into::into)
                .collect(),
            file: 0,
            line: line as u64 + 1,
            block: 0,
        };
        lines.iter().enumerate().map(document).collect()
    }

    fn learn(lines: &[&str]) -> Result<LabelSet, DataError> {
        documents(lines).iter().collect::<LabelSurvey>().labels()
    }

    #[test]
    fn labels_are_ordered_by_frequency_then_name() {
        let set = learn(&["b a", "c", "b", "c a", "01 1"]).expect("labels");
        assert_eq!(set.names(), ["a", "b", "c", "01", "1"]);
        let (rows, unknown) = set.encode(&documents(&["1 x b X"])[0]);
        assert_eq!(
            (rows, unknown),
            (vec![4, 1], vec!["x".to_string(), "X".into()])
        );
        assert_eq!(LabelSet::from_names(set.names().to_vec()), set);
    }

    #[test]
    fn a_choice_needs_two_labels_and_not_thousands() {
        let many: Vec<String> = (0..10_001).map(|i| format!("label{i}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (lines, code) in [
            (&[][..], "no-labels"),
            (&["", ""], "no-labels"),
            (&["a", "a"], "too-few-labels"),
        ] {
            assert_eq!(learn(lines).expect_err("refused").code(), code);
        }
        assert_eq!(learn(&many).expect_err("refused").code(), "too-many-labels");
    }

    #[test]
    fn the_task_is_told_by_the_labels_or_refused() {
        use ProblemType::{MultiLabelClassification as Multi, SingleLabelClassification as Single};
        for (task, lines, expected) in [
            (TaskKind::Auto, &["a", "b"][..], Ok(Single)),
            (TaskKind::Auto, &["a", "b c"], Ok(Multi)),
            (TaskKind::MultiLabel, &["a", "b"], Ok(Multi)),
            (TaskKind::SingleLabel, &["a", "b"], Ok(Single)),
            (
                TaskKind::SingleLabel,
                &["a", "b c"],
                Err(DataError::SeveralLabels { line: 2, labels: 2 }),
            ),
            (TaskKind::Pair, &["|a", "|b"], Ok(Single)),
            (TaskKind::Pair, &["|a", "|b c"], Ok(Multi)),
            (
                TaskKind::Pair,
                &["|a", "b"],
                Err(DataError::NotAPair { line: 2 }),
            ),
        ] {
            let survey: LabelSurvey = documents(lines).iter().collect();
            assert_eq!(survey.problem_type(task), expected, "{task:?} {lines:?}");
        }
    }
}
