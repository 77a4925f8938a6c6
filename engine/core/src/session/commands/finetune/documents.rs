//! The labelled documents of a classifier, encoded: for training and for evaluation. Reports which
//! ones are skipped.

use crate::data::examples::EncodedDocuments;
use crate::data::labels::{LabelSet, LabelSurvey};
use crate::data::{Corpus, Selection, Tokenizer};
use crate::error::{Error, Result};
use crate::model::ModelConfig;
use crate::session::classifier::ensemble::LinearPart;
use crate::session::dataset::held_out::HeldOutDocuments;
use crate::session::dataset::tokenized_corpus::{self, Labelled};
use crate::session::{Host, Session};
use crate::train::Logits;
use protocol::{FileRole, RunConfig};
use protocol::{Setting, message};
use std::collections::BTreeMap;

/// Maximum number of labels that a warning lists.
const LISTED_LABELS: usize = 5;

impl<H: Host> Session<H> {
    /// Selects the labelled training documents and surveys their labels. Warns if it skips lines
    /// that are not pairs.
    pub(in crate::session) fn select_labelled(
        &self,
        run: &str,
        corpus: &Corpus,
        config: &RunConfig,
    ) -> Result<(Selection, LabelSurvey)> {
        let Labelled {
            selection,
            survey,
            singles,
        } = Labelled::of(corpus, config)?;
        self.warn_singles(run, singles);
        Ok((selection, survey))
    }

    /// Warns if training documents are truncated to `max_len` tokens.
    pub(in crate::session) fn tell_long_documents(
        &self,
        run: &str,
        train: &EncodedDocuments,
        max_len: usize,
    ) {
        let (long, all) = (train.longer_than(max_len), train.len());
        if long > 0 {
            let message = message!(
                "training documents longer than {max_len} tokens: {long} of {all}; only the beginning of each is read. Raise {max_len_setting} to read more",
                long,
                all,
                max_len,
                max_len_setting = Setting::named("max-len")
            );
            self.warn(run, "long-documents", message);
        }
    }

    fn warn_singles(&self, run: &str, singles: Option<(u64, u64)>) {
        if let Some((count, line)) = singles {
            let message = message!(
                "skipped labelled lines without a tab between two texts: {count} (first: line {line})",
                count,
                line
            );
            self.warn(run, "not-a-pair", message);
        }
    }

    /// Selects the documents on which `model`, a classifier, is evaluated: pairs only if it was
    /// trained on pairs and there are any. Warns if it skips lines.
    pub(in crate::session) fn measured_on(
        &self,
        run: &str,
        model: &ModelConfig,
        corpus: &Corpus,
        role: FileRole,
    ) -> Result<Selection> {
        let all = Selection::default();
        if !model.pairs || !corpus.holds_pairs(role)? {
            return Ok(all);
        }
        self.warn_singles(run, corpus.singles(&[role], &all)?);
        Ok(Selection { pairs: true, ..all })
    }

    pub(in crate::session) fn encode_for_training(
        &self,
        run: &str,
        tokenizer: &Tokenizer,
        labels: &LabelSet,
        (corpus, selection): (&Corpus, &Selection),
    ) -> Result<EncodedDocuments> {
        let train = tokenized_corpus::labelled_for_training(
            &self.host, tokenizer, labels, corpus, selection,
        )?;
        self.warn_unknown_share(run, train.share_of(tokenizer.specials().unk), false);
        Ok(train)
    }

    /// Encodes the held-out documents of a split; `None` if there are none. Labels that are not in
    /// `labels` cannot be predicted: each counts as a miss, with a warning. If no document has a
    /// known label, they are the wrong documents, which is an error.
    pub(in crate::session) fn held_out(
        &self,
        run: &str,
        split: &str,
        tokenizer: &Tokenizer,
        labels: &LabelSet,
        documents: (&Corpus, FileRole, &Selection),
        linear: Option<&LinearPart>,
    ) -> Result<Option<HeldOutDocuments>> {
        let mut unseen: BTreeMap<String, u64> = BTreeMap::new();
        let (mut margins, mut has_unseen) = (linear.map(|_| Logits::new()), Vec::new());
        let encoded = tokenized_corpus::labelled(
            &self.host,
            tokenizer,
            labels,
            documents,
            &mut |document| {
                if let Some((linear, margins)) = linear.zip(margins.as_mut()) {
                    margins.extend(linear.margins(Some(tokenizer), std::slice::from_ref(document)));
                }
                let unknown = labels.encode(document).1;
                has_unseen.push(!unknown.is_empty());
                for label in unknown {
                    *unseen.entry(label).or_default() += 1;
                }
            },
        )?;
        if encoded.is_empty() {
            return Ok(None);
        }
        let shown = unseen
            .keys()
            .take(LISTED_LABELS)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        if encoded.labels().iter().all(Vec::is_empty) {
            let known = labels
                .names()
                .iter()
                .take(LISTED_LABELS)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            let message = message!(
                "none of the {split} documents has a label that the model was trained on; their labels: {shown}; the model's labels: {known}",
                split,
                shown,
                known
            );
            let hint = message!(
                "Use documents with labels that the model was trained on, or rename the labels with {label_map}.",
                label_map = Setting::named("label-map")
            );
            return Err(Error::input("unknown-labels", message, hint));
        }
        let (corpus, role, _) = documents;
        let without = corpus.documents(role) - corpus.labelled_documents(role);
        if role == FileRole::Test && without > 0 {
            let message = message!(
                "test documents without labels are not evaluated ({count})",
                count = without
            );
            self.warn(run, "unlabelled-documents", message);
        }
        if !unseen.is_empty() {
            let n = unseen.len();
            let message = message!(
                "labels of the {split} documents that never occur in training count as missed ({count}): {shown}",
                count = n,
                split,
                shown
            );
            self.warn(run, "unknown-labels", message);
        }
        Ok(Some(HeldOutDocuments {
            documents: encoded,
            unseen,
            has_unseen,
            margins,
        }))
    }
}
