//! The labels of a classifier, and the kind of task that they define. The id of a label is its
//! index in the set, which is also its row in the output layer.

pub(crate) mod label_map;
pub(crate) mod labelled_table;
use crate::document::Document;
use crate::error::DataError;
use crate::table::integral;
use protocol::{FileRole, TaskKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Maximum number of labels: the output layer grows with it, and more indicate a fault in the data,
/// such as ids used as labels.
pub(crate) const MAX_LABELS: usize = 10_000;

/// Meaning of a classifier's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    /// Independent sigmoids, one per label.
    MultiLabelClassification,
    /// One softmax over all labels.
    SingleLabelClassification,
}

/// Labels of a classifier, in output order.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelSet {
    names: Vec<String>,
    rows: BTreeMap<String, usize>,
}

impl LabelSet {
    /// Creates the label set of a model, in output order.
    pub fn from_names(names: Vec<String>) -> Self {
        let rows = names
            .iter()
            .cloned()
            .enumerate()
            .map(|(row, name)| (name, row))
            .collect();
        Self { names, rows }
    }

    /// Returns the names in output order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the number of labels, `C`.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a classifier has at least two labels"
    )]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns the id of a label. Different spellings of a whole number or a boolean are equal: 1
    /// is 1.0, true is True.
    fn row(&self, label: &str) -> Option<usize> {
        let same_number = || {
            let whole = integral(label)?;
            self.names
                .iter()
                .position(|name| integral(name).as_ref() == Some(&whole))
        };
        let is_boolean = label.eq_ignore_ascii_case("true") || label.eq_ignore_ascii_case("false");
        let same_boolean = || {
            self.names
                .iter()
                .position(|name| is_boolean && name.eq_ignore_ascii_case(label))
        };
        self.rows
            .get(label)
            .copied()
            .or_else(same_number)
            .or_else(same_boolean)
    }

    /// Returns the ids of a document's labels, and the labels that are not in the set.
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

/// Statistics of the labels of documents, accumulated one document at a time.
#[derive(Clone, Debug, Default)]
pub struct LabelSurvey {
    counts: BTreeMap<String, u64>,
    documents: u64,
    /// First document with several labels: its line and the number of labels.
    several: Option<(u64, usize)>,
    /// Line of the first document with only one text.
    single: Option<u64>,
    /// Whether any document has two texts.
    pub pairs: bool,
}

impl LabelSurvey {
    /// Adds one document.
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

    /// Returns whether no document carries a label.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Returns the labels, most frequent first, and by name if equally frequent.
    ///
    /// # Errors
    /// Returns an error if there are fewer than two labels, or too many.
    pub fn labels(&self) -> Result<LabelSet, DataError> {
        let mut by_count: Vec<(&String, u64)> = self
            .counts
            .iter()
            .map(|(label, count)| (label, *count))
            .collect();
        // The sort is stable: equally frequent labels stay ordered by name.
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

    /// Returns the problem type: that of `task`, or, for `auto` and `pair`, single-label if no
    /// document carries several labels.
    ///
    /// # Errors
    /// Returns an error if a document contradicts `task`.
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
    fn a_classifier_needs_two_labels_and_not_thousands() {
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
    fn the_problem_type_follows_from_the_labels_and_the_task() {
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
