//! Suspicious labels: documents whose given labels a linear classifier, trained on the other folds,
//! disagrees with. The idea is that of confident learning (Northcutt, Jiang & Chuang 2021): rank by
//! out-of-fold probabilities.

use crate::data::Selection;
use crate::error::{Error, Result};
use crate::model::ProblemType;
use crate::session::checks::no_corpus;
use crate::session::classifier::folds::{Folds, MIN_DOCUMENTS};
use crate::session::classifier::portfolio;
use crate::session::commands::proposed::whole;
use crate::session::dataset::tokenized_corpus::Labelled;
use crate::session::{Host, Session};
use protocol::{FileRole, LabelScore, PredictedDocument, RunConfig, message};

impl<H: Host> Session<H> {
    /// Returns at most `limit` labelled training documents whose labels are probably wrong, the most
    /// suspicious first, with the suggested labels; and the number of further ones.
    ///
    /// # Errors
    /// Returns an error if there is no corpus or fewer than [`MIN_DOCUMENTS`] labelled documents.
    pub(super) async fn suspicious(
        &mut self,
        limit: usize,
    ) -> Result<(Vec<PredictedDocument>, u64)> {
        let config = RunConfig::default();
        if self.dataset.learned.is_none() {
            let words = self
                .models
                .language_model
                .as_ref()
                .map(|model| model.tokenizer.clone());
            self.learn("", &config, words)?;
        }
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let Labelled {
            selection, survey, ..
        } = Labelled::of(corpus, &config)?;
        let labels = survey.labels()?;
        let problem = survey.problem_type(config.task)?;
        let selection = Selection {
            with_set_aside: true,
            ..selection
        };
        let documents = corpus.labelled(FileRole::Train, &selection)?;
        if (documents.len() as u64) < MIN_DOCUMENTS {
            return Err(too_few(documents.len()));
        }
        let truth: Vec<Vec<usize>> = documents
            .iter()
            .map(|document| labels.encode(document).0)
            .collect();
        let folds = Folds::new(&documents, &truth);
        let (tokenizer, vectors) = self.text_vectors(&documents).unzip();
        let task = portfolio::Task {
            train: &documents,
            valid: &[],
            labels: &labels,
            problem,
            tokenizer: tokenizer.as_deref(),
            vectors,
            folds: Some(&folds),
            class_weights: config.class_weights,
            seed: config.seed,
        };
        let (host, deferred) = (&self.host, &mut self.deferred);
        let mut yield_now = async || deferred.extend(host.yield_now().await);
        let chosen = portfolio::choose(&task, &mut yield_now)
            .await
            .ok_or_else(|| too_few(documents.len()))?;
        let mut found: Vec<(f64, usize, Vec<LabelScore>)> = Vec::new();
        for (place, margins) in chosen.margins.iter().enumerate() {
            let scores = chosen
                .vote
                .fusion
                .probabilities(&[margins.as_slice()], problem);
            let is_single = problem == ProblemType::SingleLabelClassification;
            if let Some((suspicion, suggested)) = suggestion(&scores, &truth[place], is_single) {
                let suggested = suggested.into_iter().map(|label| LabelScore {
                    label: labels.names()[label].clone(),
                    score: scores[label],
                    raw: None,
                });
                found.push((suspicion, place, suggested.collect()));
            }
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let more = found.len().saturating_sub(limit) as u64;
        let line = |(_, place, suggested): (f64, usize, Vec<LabelScore>)| {
            whole(corpus, &documents[place], suggested)
        };
        Ok((found.into_iter().take(limit).map(line).collect(), more))
    }
}

/// Returns how suspicious the given labels are, and the labels to replace them with: the least
/// probable given label is exchanged for the most probable other one, dropped, or joined by it.
/// `None` if the classifier agrees. `scores` are probabilities, `[C]`.
fn suggestion(scores: &[f64], given: &[usize], is_single: bool) -> Option<(f64, Vec<usize>)> {
    let by_score = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]);
    let least = given.iter().copied().min_by(by_score)?;
    let other = (0..scores.len())
        .filter(|label| !given.contains(label))
        .max_by(by_score)?;
    let suspicion = scores[other] - scores[least];
    if suspicion <= 0.0 {
        return None;
    }
    let mut suggested = given.to_vec();
    let is_likely = |label: usize| scores[label] >= 0.5;
    if is_single || !is_likely(least) && (given.len() > 1 || is_likely(other)) {
        suggested.retain(|label| *label != least);
    }
    if is_single || is_likely(other) {
        suggested.push(other);
    }
    suggested.sort_by(|a, b| by_score(b, a));
    let is_changed = suggested.len() != given.len() || suggested.contains(&other);
    (is_changed && !suggested.is_empty()).then_some((suspicion, suggested))
}

fn too_few(documents: usize) -> Error {
    Error::input(
        "too-few-labels",
        message!(
            "{documents} labelled documents are too few to find wrong labels",
            documents
        ),
        message!(
            "Label more documents first: at least {least}.",
            least = MIN_DOCUMENTS
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scores: &[f64], given: &[usize], is_single: bool, expected: Option<&[usize]>) {
        let found = suggestion(scores, given, is_single).map(|(_, labels)| labels);
        assert_eq!(found.as_deref(), expected, "{scores:?} {given:?}");
    }

    #[test]
    fn a_single_label_is_exchanged_for_a_likelier_one() {
        check(&[0.1, 0.7, 0.2], &[0], true, Some(&[1]));
        check(&[0.6, 0.3, 0.1], &[0], true, None);
    }

    #[test]
    fn several_labels_lose_the_unlikely_and_gain_the_likely() {
        check(&[0.9, 0.1, 0.8], &[0, 1], false, Some(&[0, 2]));
        check(&[0.9, 0.1, 0.2], &[0, 1], false, Some(&[0]));
        check(&[0.9, 0.6, 0.7], &[0, 1], false, Some(&[0, 2, 1]));
        check(&[0.2, 0.3, 0.1], &[0], false, None);
        check(&[0.9, 0.8, 0.1], &[0, 1], false, None);
    }
}
