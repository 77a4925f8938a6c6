//! The documents of a classifier in tokens: those that it learns from, and those that it is measured on. What is left out
//! is reported.

use crate::data::examples::EncodedDocuments;
use crate::data::labels::{LabelSet, LabelSurvey};
use crate::data::{Corpus, Selection, Tokenizer};
use crate::error::{Error, Result};
use crate::model::ModelConfig;
use crate::session::parts::LinearPart;
use crate::session::tokenized_corpus::{self, Labelled};
use crate::session::{Host, Session};
use crate::train::Logits;
use protocol::{FileRole, RunConfig};
use std::collections::BTreeMap;

/// Labels that a warning lists.
const LISTED_LABELS: usize = 5;

/// Held-out documents in tokens.
pub(in crate::session) struct Encoded {
    /// With the labels that the classifier knows.
    pub documents: EncodedDocuments,
    /// Labels that it does not know, and how often they occur.
    pub unseen: BTreeMap<String, u64>,
    /// Whether each document carries such a label.
    pub has_unseen: Vec<bool>,
    /// What the linear part makes of each document, where there is one.
    pub margins: Option<Logits>,
}

impl<H: Host> Session<H> {
    /// The documents that a classifier learns from, and their labels. Says so where it leaves out what is no pair.
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

    /// Says so where documents are longer than what is read of them.
    pub(in crate::session) fn tell_long_documents(
        &self,
        run: &str,
        train: &EncodedDocuments,
        max_len: usize,
    ) {
        let (long, all) = (train.longer_than(max_len), train.len());
        if long > 0 {
            let message = format!(
                "{long} of {all} training documents are longer than {max_len} tokens: only the beginning of each is read; \
                 --max-len reads more"
            );
            self.warn(run, "long-documents", message);
        }
    }

    fn warn_singles(&self, run: &str, singles: Option<(u64, u64)>) {
        if let Some((count, line)) = singles {
            let message = format!(
                "{count} labelled lines have no tab between two texts and were left out, the first in line {line}"
            );
            self.warn(run, "not-a-pair", message);
        }
    }

    /// What `model`, a classifier, is measured on: as what it learned from, only pairs where those were pairs, as long as
    /// there is any. Says so where it leaves lines out.
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

    /// Documents to measure on, and the labels of theirs that are not in `labels`; `None` where there are none. A label
    /// that training never saw cannot be predicted: each counts as a miss, with a warning; documents with no other labels
    /// are the wrong documents.
    pub(in crate::session) fn held_out(
        &self,
        run: &str,
        split: &str,
        tokenizer: &Tokenizer,
        labels: &LabelSet,
        documents: (&Corpus, FileRole, &Selection),
        linear: Option<&LinearPart>,
    ) -> Result<Option<Encoded>> {
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
            let message = format!(
                "none of the {split} documents carries a label that training saw; they carry {shown}, the model knows {known}"
            );
            let hint = "Use documents with the labels that the model learned, or rename them with --label-map.";
            return Err(Error::input("unknown-labels", message, hint));
        }
        let (corpus, role, _) = documents;
        let without = corpus.documents(role) - corpus.labelled_documents(role);
        if role == FileRole::Test && without > 0 {
            let message =
                format!("{without} of the test documents carry no label and are not measured");
            self.warn(run, "unlabelled-documents", message);
        }
        if !unseen.is_empty() {
            let n = unseen.len();
            let message = format!(
                "{n} labels of the {split} documents never occur in training and count as missed: {shown}"
            );
            self.warn(run, "unknown-labels", message);
        }
        Ok(Some(Encoded {
            documents: encoded,
            unseen,
            has_unseen,
            margins,
        }))
    }
}
