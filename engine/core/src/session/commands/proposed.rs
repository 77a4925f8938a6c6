//! Documents proposed for labelling by hand: unlabelled ones, at random or chosen by the classifier.

use crate::data::random::{Purpose, below, generator};
use crate::data::{Corpus, Document, Selection};
use crate::error::{Error, Result};
use crate::session::checks::{no_corpus, no_model};
use crate::session::classifier::hand_labels::HandLabelClassifier;
use crate::session::classifier::scored::UNTUNED_THRESHOLD;
use crate::session::commands::review::{SHOWN_LABELS, poll_stop, predicted_document, stopped};
use crate::session::query::inference::{self, LabelSelection};
use crate::session::query::input::{self, BATCH_SIZE};
use crate::session::{Host, Session};
use protocol::{FileRole, LabelScore, PredictedDocument, Sampler, message, text_hash};
use std::collections::{BTreeMap, HashSet};

/// Maximum number of documents among which the classifier chooses.
const MAX_POOL: usize = 2000;

impl<H: Host> Session<H> {
    /// Returns at most `limit` unlabelled training documents with their full texts, and the number
    /// of further ones; those whose text hashes are in `except` are left out. The classifier, or
    /// without one that of the labels given by hand, selects among [`MAX_POOL`] random ones. Equal
    /// seeds and corpora return equal documents.
    ///
    /// # Errors
    /// Returns an error if there is no corpus, every document has a label, a sampler needs a
    /// classifier and there is none, or it was stopped.
    pub(super) async fn unlabelled(
        &mut self,
        sampler: Sampler,
        seed: u64,
        except: &[u64],
        limit: usize,
    ) -> Result<(Vec<PredictedDocument>, u64)> {
        let pool_size = match sampler {
            Sampler::Random => limit,
            Sampler::Rare | Sampler::Uncertain => MAX_POOL,
        };
        let (pool, all) = self.draw(seed, except, pool_size)?;
        let traits = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?.traits();
        let counts: BTreeMap<String, u64> = traits
            .label_counts
            .iter()
            .map(|count| (count.label.clone(), count.train))
            .collect();
        let model = self.models.classifier.as_ref();
        let by_hand = self.dataset.hand_labels.as_ref();
        let threshold = model
            .map(inference::threshold)
            .or_else(|| by_hand.map(HandLabelClassifier::threshold))
            .unwrap_or(UNTUNED_THRESHOLD);
        let ranked = |mut predicted: Vec<LabelScore>| {
            let rank = match sampler {
                Sampler::Random => 0.0,
                Sampler::Rare => -rarity(&predicted, &counts),
                Sampler::Uncertain => uncertainty_margin(&predicted, threshold),
            };
            predicted.truncate(SHOWN_LABELS);
            (rank, predicted)
        };
        let mut ranks = match (sampler, &self.dataset.hand_labels) {
            (Sampler::Random, _) => vec![(0.0, Vec::new()); pool.len()],
            (_, Some(by_hand)) if self.models.classifier.is_none() => {
                let predictions = by_hand.predictions(&pool).into_iter();
                predictions.map(ranked).collect()
            }
            _ => {
                let labels = LabelSelection::Best(usize::MAX);
                self.predictions_of(&pool, labels, ranked).await?
            }
        };
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let mut order: Vec<usize> = (0..pool.len()).collect();
        order.sort_by(|a, b| ranks[*a].0.total_cmp(&ranks[*b].0));
        order.truncate(limit);
        let lines: Vec<PredictedDocument> = order
            .into_iter()
            .map(|place| with_full_text(corpus, &pool[place], std::mem::take(&mut ranks[place].1)))
            .collect();
        let candidates = if sampler == Sampler::Random {
            all
        } else {
            pool.len() as u64
        };
        let more = candidates.saturating_sub(lines.len() as u64);
        Ok((lines, more))
    }

    /// Draws at most `size` unlabelled training documents, without those whose text hashes are in
    /// `except`, and counts all of them.
    fn draw(&self, seed: u64, except: &[u64], size: usize) -> Result<(Vec<Document>, u64)> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let except: HashSet<u64> = except.iter().copied().collect();
        let is_unlabelled = |document: &Document| {
            document.labels.is_empty()
                && (except.is_empty() || !except.contains(&text_hash(&document.joined())))
        };
        let (pool, all) = sample(corpus, &Selection::default(), seed, size, is_unlabelled)?;
        // Labels given by hand are not a part of the corpus yet: running out of documents is no error.
        if all == 0 && except.is_empty() {
            return Err(Error::input(
                "all-labelled",
                message!("every training document already has a label"),
                message!(
                    "Add unlabelled documents; those the classifier is least certain of are worth labelling first."
                ),
            ));
        }
        Ok((pool, all))
    }

    /// Returns what `keep` makes of the selected labels of each document, best first.
    pub(super) async fn predictions_of<T>(
        &mut self,
        documents: &[Document],
        selection: LabelSelection,
        keep: impl Fn(Vec<LabelScore>) -> T,
    ) -> Result<Vec<T>> {
        let model = self.models.classifier.as_ref().ok_or_else(no_model)?;
        let texts: Vec<String> = documents.iter().map(Document::joined).collect();
        let mut answers = Vec::with_capacity(texts.len());
        for texts in texts.chunks(BATCH_SIZE) {
            let labels = (selection, input::Long::Cut);
            let predicted = inference::predict(model, &self.device, texts, labels).await?;
            answers.extend(predicted.into_iter().map(&keep));
            if !poll_stop(&self.host, &mut self.deferred).await? {
                return Err(stopped());
            }
        }
        Ok(answers)
    }
}

/// Draws at most `size` of the training documents that `takes` accepts, without replacement and in
/// random order, and counts all of these (reservoir sampling, Vitter 1985, algorithm R).
pub(super) fn sample(
    corpus: &Corpus,
    selection: &Selection,
    seed: u64,
    size: usize,
    takes: impl Fn(&Document) -> bool,
) -> Result<(Vec<Document>, u64)> {
    let rng = &mut generator(seed, Purpose::Proposal, 0, 0);
    let (mut pool, mut all) = (Vec::new(), 0_u64);
    corpus.each(FileRole::Train, selection, &mut |document| {
        if !takes(document) {
            return Ok::<(), Error>(());
        }
        all += 1;
        let place = below(rng, all) as usize;
        if pool.len() < size {
            pool.push(document.clone());
            let last = pool.len() - 1;
            pool.swap(place, last);
        } else if place < size {
            pool[place] = document.clone();
        }
        Ok(())
    })?;
    Ok((pool, all))
}

/// Expected gain for rare labels: the largest probability of a label relative to the root of its
/// number of training documents.
fn rarity(predicted: &[LabelScore], counts: &BTreeMap<String, u64>) -> f64 {
    let gain = |label: &LabelScore| {
        let count = counts.get(&label.label).copied().unwrap_or(0);
        label.score / ((count + 1) as f64).sqrt()
    };
    predicted.iter().map(gain).fold(0.0, f64::max)
}

/// Distance of the best label's probability to the threshold.
fn uncertainty_margin(predicted: &[LabelScore], threshold: f64) -> f64 {
    predicted
        .first()
        .map_or(f64::INFINITY, |best| (best.score - threshold).abs())
}

/// Returns a document with its full text, as annotations name it.
pub(super) fn with_full_text(
    corpus: &Corpus,
    document: &Document,
    predicted: Vec<LabelScore>,
) -> PredictedDocument {
    PredictedDocument {
        text: document.joined(),
        ..predicted_document(corpus, document, predicted)
    }
}
