//! Sentences about how reliable a classifier's answers are.

use crate::tr;
use crate::wording::{figure, grouped, percent};
use protocol::{ConfidencePoint, Review};

/// Returns the point whose share is nearest to `wanted`.
pub fn nearest(surest: &[ConfidencePoint], wanted: f64) -> Option<ConfidencePoint> {
    let distance = |point: &ConfidencePoint| (point.share - wanted).abs();
    surest
        .iter()
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .copied()
}

/// Describes the error rate among the most confident documents.
pub fn surest_words(review: &Review, point: ConfidencePoint) -> String {
    tr!(
        "Among the {share} most confident of {all} documents, {wrong} did not get exactly their true labels. Their best label has a probability of at least {confidence}.",
        share = percent(point.share),
        all = grouped(review.n),
        wrong = percent(point.wrong),
        confidence = figure(point.confidence, 2)
    )
}

/// Share of unseen words from which the answer comes with a caution.
const UNFAMILIAR_SHARE: f64 = 0.5;
/// Maximum number of unseen words listed.
const LISTED_WORDS: usize = 8;

/// Describes which words of a text are new to the classifier; `None` if there are none.
pub fn unfamiliar(words: u64, unseen: &[String]) -> Option<String> {
    let listed: Vec<&str> = unseen
        .iter()
        .take(LISTED_WORDS)
        .map(String::as_str)
        .collect();
    let more = if unseen.len() > LISTED_WORDS {
        ", …"
    } else {
        ""
    };
    let sentence = tr!(
        "{count} of {all} words occurred in no document that the classifier learned from: {list}.",
        count = unseen.len(),
        all = words,
        list = listed.join(", ") + more
    );
    if unseen.is_empty() {
        None
    } else if (unseen.len() as f64) < UNFAMILIAR_SHARE * words as f64 {
        Some(sentence)
    } else {
        Some(format!(
            "{sentence} {}",
            tr!("Much of this text is new to the classifier: check its answer.")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentence_uses_the_share_nearest_to_the_selected_one() {
        let surest: Vec<ConfidencePoint> = (1..=20)
            .map(|i| ConfidencePoint {
                share: i as f64 / 20.0,
                confidence: 0.5,
                wrong: i as f64 / 100.0,
            })
            .collect();
        let review = Review {
            n: 1500,
            surest,
            ..Review::default()
        };
        let sentence = surest_words(&review, nearest(&review.surest, 0.79).expect("points"));
        assert!(sentence.contains("1,500 documents, 16"), "{sentence}");
        assert!(nearest(&[], 0.5).is_none());
    }

    #[test]
    fn texts_of_mostly_new_words_come_with_a_caution() {
        let unseen = |count: usize| vec!["zzz".to_string(); count];
        assert_eq!(unfamiliar(6, &[]), None);
        let few = unfamiliar(6, &unseen(2)).expect("told");
        assert!(
            few.starts_with("2 of 6 words") && !few.contains("check"),
            "{few}"
        );
        assert!(
            unfamiliar(6, &unseen(3)).is_some_and(|sentence| sentence.contains("check its answer"))
        );
        assert!(unfamiliar(20, &unseen(12)).is_some_and(|sentence| sentence.contains("zzz, …")));
    }
}
