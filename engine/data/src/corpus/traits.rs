//! Traits of a corpus as a whole: label counts, duplicates, leaks between splits, and settings
//! without effect.

use super::split::CorpusSplit;
use super::{Corpus, label_names};
use crate::error::DataError;
use crate::reading::warning::Warning;
use crate::table::ReadOptions;
use protocol::{CorpusTraits, FileRole, LabelCount, Setting, message};
use std::collections::{BTreeMap, BTreeSet};

/// Maximum number of labels reported to the user.
const MAX_COUNTED_LABELS: usize = 200;

/// Share of held-out documents with a training text above which a warning is given.
const NOTABLE_LEAK: f64 = 0.01;

impl Corpus {
    /// Returns the traits of the corpus.
    pub fn traits(&self) -> CorpusTraits {
        let mut label_counts = self.label_counts();
        let label_merges = label_names::merges(&label_counts);
        label_counts.truncate(MAX_COUNTED_LABELS);
        CorpusTraits {
            label_counts,
            repeated: self.train.survey.repeated,
            leaked_valid: self.train.survey.shared_with(&self.valid.survey),
            leaked_test: self.train.survey.shared_with(&self.test.survey),
            label_merges,
            fingerprint: self.fingerprint.clone(),
        }
    }

    /// Returns the number of documents per label, most frequent first.
    pub(super) fn label_counts(&self) -> Vec<LabelCount> {
        let mut counts: BTreeMap<String, LabelCount> = BTreeMap::new();
        let mut add = |part: &'_ CorpusSplit, field: fn(&mut LabelCount, u64)| {
            for (label, documents) in &part.survey.labels {
                field(counts.entry(label.clone()).or_default(), *documents);
            }
        };
        add(&self.train, |count, documents| count.train += documents);
        add(&self.valid, |count, documents| count.valid += documents);
        add(&self.test, |count, documents| count.test += documents);
        for label in self.valid_aside.labels() {
            let count = counts.entry(label.clone()).or_default();
            count.train -= 1;
            count.valid += 1;
        }
        for label in self.test_aside.labels() {
            let count = counts.entry(label.clone()).or_default();
            count.train -= 1;
            count.test += 1;
        }
        let mut counts: Vec<(String, LabelCount)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(count.train + count.valid + count.test));
        counts
            .into_iter()
            .map(|(label, count)| LabelCount { label, ..count })
            .collect()
    }

    /// Warns if held-out documents are also training documents, which inflates scores.
    pub(super) fn leak_warning(&self) -> Option<Warning> {
        let (train, valid, test) = (&self.train.survey, &self.valid.survey, &self.test.survey);
        let (leaked_valid, leaked_test) = (train.shared_with(valid), train.shared_with(test));
        let held_out = valid.documents + test.documents;
        let message = message!(
            "{leaked_valid} validation and {leaked_test} test documents are also training documents, which inflates the scores",
            leaked_valid,
            leaked_test
        );
        ((leaked_valid + leaked_test) as f64 > NOTABLE_LEAK * held_out as f64)
            .then_some(("leaked-documents", message))
    }

    /// Warns if table settings have no effect because no file is a table.
    pub(super) fn unused_settings_warning(&self, options: &ReadOptions) -> Option<Warning> {
        let is_set = options.quoting.is_some() || options.label_separator.is_some();
        let has_table = self.files.iter().any(|file| file.columns.is_some());
        let message = message!(
            "no file is a table: {quoting} and {label_separator} have no effect",
            quoting = Setting::named("quoting"),
            label_separator = Setting::named("label-separator")
        );
        (is_set && !has_table).then_some(("unused-settings", message))
    }

    /// Returns the error for a split without labels, which a classifier cannot use.
    pub fn no_labels(&self, role: FileRole) -> DataError {
        let tables = self
            .files
            .iter()
            .filter(|file| file.role == role)
            .filter_map(|file| file.columns.as_ref());
        let mut known = BTreeSet::new();
        let names = tables
            .flat_map(|table| &table.names)
            .filter(|name| known.insert(*name));
        let columns = names.cloned().collect();
        let documents = self.documents(role);
        DataError::NoLabels {
            role,
            documents,
            columns,
            likely: self.label_candidates.clone(),
        }
    }
}
