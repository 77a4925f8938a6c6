//! Suspicious labels: documents whose given labels a linear classifier, trained on the other folds,
//! disagrees with. As in confident learning (Northcutt, Jiang & Chuang 2021), an out-of-fold
//! probability counts relative to the average of its label.
//!
//! With 15 wrong of 300 documents, five corpora and four draws each, the first 30 suspects held 10.5
//! of the 15 on average (6.3 to 14.0 by corpus); 8.6 if only the least probable label counted.

use crate::error::Result;
use crate::model::ProblemType;
use crate::session::checks::no_corpus;
use crate::session::commands::compare::baseline::LinearTraining;
use crate::session::commands::proposed::with_full_text;
use crate::session::{Host, Session};
use protocol::{LabelScore, PredictedDocument, RunConfig};

/// A document whose labels are probably wrong.
struct Suspect {
    /// Its index among the training documents.
    place: usize,
    /// How suspicious its labels are, at most 1.
    suspicion: f64,
    /// Labels to replace them with, the most probable first.
    suggested: Vec<LabelScore>,
}

impl<H: Host> Session<H> {
    /// Returns at most `limit` labelled training documents whose labels are probably wrong, the most
    /// suspicious first, with the suggested labels; and the number of further ones.
    ///
    /// # Errors
    /// Returns an error if there is no corpus, or too few labelled documents for cross-validation.
    pub(super) async fn suspicious(
        &mut self,
        limit: usize,
    ) -> Result<(Vec<PredictedDocument>, u64)> {
        let trained = self.train_linear(&RunConfig::default(), true).await?;
        let mut suspects = suspects(&trained);
        suspects.sort_by(|a, b| b.suspicion.total_cmp(&a.suspicion));
        let more = suspects.len().saturating_sub(limit) as u64;
        suspects.truncate(limit);
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let lines = suspects.into_iter().map(|suspect| {
            with_full_text(corpus, &trained.train[suspect.place], suspect.suggested)
        });
        Ok((lines.collect(), more))
    }
}

fn suspects(trained: &LinearTraining) -> Vec<Suspect> {
    let LinearTraining {
        train,
        labels,
        problem,
        chosen,
        ..
    } = trained;
    let is_single = *problem == ProblemType::SingleLabelClassification;
    let fusion = &chosen.vote.fusion;
    // Computed twice instead of kept: many documents with many labels would not fit in memory.
    let scores_of =
        |place: usize| fusion.probabilities(&[chosen.margins[place].as_slice()], *problem);
    let truth: Vec<Vec<usize>> = train
        .iter()
        .map(|document| labels.encode(document).0)
        .collect();
    let self_confidence = self_confidence(scores_of, &truth, labels.len());
    let mut suspects = Vec::new();
    for (place, given) in truth.iter().enumerate() {
        let scores = scores_of(place);
        let Some(suggested) = suggestion(&scores, given, is_single) else {
            continue;
        };
        let suggested = suggested.into_iter().map(|label| LabelScore {
            label: labels.names()[label].clone(),
            score: scores[label],
            raw: None,
        });
        suspects.push(Suspect {
            place,
            suspicion: suspicion(&scores, given, &self_confidence),
            suggested: suggested.collect(),
        });
    }
    suspects
}

/// Minimum of the average probabilities: that of a label on few documents is not reliable.
const MIN_SELF_CONFIDENCE: f64 = 0.02;

/// Returns the average probability of each label over the documents that have it, `[C]`. `scores_of`
/// returns the probabilities of a document, `[C]`; `truth` holds the labels of each document.
fn self_confidence(
    scores_of: impl Fn(usize) -> Vec<f64>,
    truth: &[Vec<usize>],
    labels: usize,
) -> Vec<f64> {
    let mut sums = vec![0.0; labels];
    let mut counts = vec![0_u32; labels];
    for (place, given) in truth.iter().enumerate() {
        let scores = scores_of(place);
        for &label in given {
            sums[label] += scores[label];
            counts[label] += 1;
        }
    }
    let average =
        |(sum, count): (f64, u32)| (sum / f64::from(count.max(1))).max(MIN_SELF_CONFIDENCE);
    sums.into_iter().zip(counts).map(average).collect()
}

/// Returns how suspicious the labels of a document are: the probability of the best other label,
/// less that of the given ones relative to their average ones, `self_confidence`, `[C]`.
fn suspicion(scores: &[f64], given: &[usize], self_confidence: &[f64]) -> f64 {
    let others = (0..scores.len()).filter(|label| !given.contains(label));
    let other = others.map(|label| scores[label]).fold(0.0, f64::max);
    let relative: f64 = given
        .iter()
        .map(|&label| scores[label] / self_confidence[label])
        .sum();
    other - relative / given.len() as f64
}

/// Returns the labels to replace the given ones with: the least probable of these is exchanged for
/// the most probable other one, dropped, or joined by it. `None` if the classifier agrees.
/// `scores` are probabilities, `[C]`.
fn suggestion(scores: &[f64], given: &[usize], is_single: bool) -> Option<Vec<usize>> {
    let by_score = |a: &usize, b: &usize| scores[*a].total_cmp(&scores[*b]);
    let least = given.iter().copied().min_by(by_score)?;
    let other = (0..scores.len())
        .filter(|label| !given.contains(label))
        .max_by(by_score)?;
    if scores[other] <= scores[least] {
        return None;
    }
    let is_likely = |label: usize| scores[label] >= 0.5;
    let mut suggested = given.to_vec();
    if is_single || !is_likely(least) && (given.len() > 1 || is_likely(other)) {
        suggested.retain(|label| *label != least);
    }
    if is_single || is_likely(other) {
        suggested.push(other);
    }
    suggested.sort_by(|a, b| by_score(b, a));
    let is_changed = suggested.len() != given.len() || suggested.contains(&other);
    (is_changed && !suggested.is_empty()).then_some(suggested)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scores: &[f64], given: &[usize], is_single: bool, expected: Option<&[usize]>) {
        let found = suggestion(scores, given, is_single);
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

    /// The classifier never believes much in label 1, not even where it is right.
    #[test]
    fn a_rare_label_is_judged_by_its_own_average() {
        let scores = [vec![0.45, 0.5], vec![0.6, 0.1], vec![0.6, 0.1]];
        let truth = [vec![0], vec![1], vec![1]];
        let average = self_confidence(|place| scores[place].clone(), &truth, 2);
        for (found, expected) in average.iter().zip([0.45, 0.1]) {
            assert!((found - expected).abs() < 1e-12, "{average:?}");
        }
        let frequent = suspicion(&[0.3, 0.5], &[0], &average);
        let rare = suspicion(&scores[1], &truth[1], &average);
        assert!(
            frequent > rare,
            "less probable than usual: {frequent} and {rare}, although .5 - .3 < .6 - .1"
        );
    }
}
