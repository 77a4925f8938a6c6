//! What stands out in a corpus as a whole: labels and their counts, copies, leaks, and settings without effect.

use super::split::CorpusSplit;
use super::{Corpus, label_names};
use crate::error::DataError;
use crate::file::Warning;
use crate::table::ReadOptions;
use protocol::{CorpusTraits, FileRole, LabelCount};
use std::collections::{BTreeMap, BTreeSet};

/// Labels that are counted for a person; nobody reads more.
const MAX_COUNTED_LABELS: usize = 200;

/// Share of held-out documents among the training texts that a person should hear of.
const NOTABLE_LEAK: f64 = 0.01;

impl Corpus {
    /// What stands out in the text as a whole.
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

    /// How many documents carry each label, most frequent first.
    pub(super) fn label_counts(&self) -> Vec<LabelCount> {
        let mut counts: BTreeMap<String, LabelCount> = BTreeMap::new();
        let mut add = |part: &'_ CorpusSplit, of: fn(&mut LabelCount, u64)| {
            for (label, documents) in &part.survey.labels {
                of(counts.entry(label.clone()).or_default(), *documents);
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

    /// Says so when held-out documents are training documents too: scores on them flatter.
    pub(super) fn leak_warning(&self) -> Option<Warning> {
        let (train, valid, test) = (&self.train.survey, &self.valid.survey, &self.test.survey);
        let (leaked_valid, leaked_test) = (train.shared_with(valid), train.shared_with(test));
        let held_out = valid.documents + test.documents;
        let message = format!(
            "{leaked_valid} texts of the validation files and {leaked_test} of the test files are training texts too: \
             scores on them flatter"
        );
        ((leaked_valid + leaked_test) as f64 > NOTABLE_LEAK * held_out as f64)
            .then_some(("leaked-documents", message))
    }

    /// Says so where settings of tables have no effect, since no file is one.
    pub(super) fn unused_settings_warning(&self, options: &ReadOptions) -> Option<Warning> {
        let is_set = options.quoting.is_some() || options.label_separator.is_some();
        let has_table = self.files.iter().any(|file| file.columns.is_some());
        let message = "no file is a table: --quoting and --label-separator have no effect";
        (is_set && !has_table).then(|| ("unused-settings", message.into()))
    }

    /// Why documents of one use, none of which has a label, do not serve a classifier.
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
