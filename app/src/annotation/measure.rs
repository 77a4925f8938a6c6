//! The documents on which labels given by hand are measured: a fifth of the documents drawn at random
//! is held out, since selected documents do not represent the text. Pure.

use protocol::{Annotations, HandLabelScores, text_hash};
use std::collections::BTreeSet;

/// One in this many documents drawn at random is held out.
const HELD_OUT_EVERY: u64 = 5;
/// Minimum number of held-out documents: F1 on fewer says next to nothing.
pub const MIN_HELD_OUT: usize = 8;
/// Minimum number of documents drawn at random, and of chosen ones, for a comparison of the two.
const MIN_COMPARED: usize = 20;
/// With fewer documents than this, a label is called rare: of 15 such labels of the bundled text, 8
/// were never predicted correctly; of those with 10 to 49, a fifth.
pub const RARE: u64 = 10;

/// Labelled documents to train and to measure on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measurement {
    /// All documents that are not held out; then, if there are enough of both, equally many drawn
    /// at random and chosen ones.
    pub training: Vec<Annotations>,
    /// The held-out documents.
    pub held_out: Annotations,
}

/// Why the labels cannot be measured yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooFew {
    /// There are only this many held-out documents.
    HeldOut(usize),
    /// There is only one label.
    Labels,
}

/// Returns why the labels cannot be measured yet. `drawn` has the hashes of the texts that were
/// drawn at random.
pub fn too_few(annotations: &Annotations, drawn: &BTreeSet<u64>) -> Option<TooFew> {
    let texts = annotations.keys();
    let held_out = texts.filter(|text| is_held_out(text, drawn)).count();
    let labels: BTreeSet<&String> = annotations.values().flatten().collect();
    if labels.len() < 2 {
        Some(TooFew::Labels)
    } else if held_out < MIN_HELD_OUT {
        Some(TooFew::HeldOut(held_out))
    } else {
        None
    }
}

/// Returns what to measure. `drawn` has the hashes of the texts that were drawn at random.
pub fn measurement(annotations: &Annotations, drawn: &BTreeSet<u64>) -> Measurement {
    let those = |takes: &dyn Fn(&str) -> bool| -> Annotations {
        let all = annotations.iter().filter(|(text, _)| takes(text));
        all.map(|(text, labels)| (text.clone(), labels.clone()))
            .collect()
    };
    let random = those(&|text| is_drawn(text, drawn) && !is_held_out(text, drawn));
    let chosen = those(&|text| !is_drawn(text, drawn));
    let mut training = vec![those(&|text| !is_held_out(text, drawn))];
    training.extend(compared_sets(random, chosen).into_iter().flatten());
    Measurement {
        training,
        held_out: those(&|text| is_held_out(text, drawn)),
    }
}

fn is_drawn(text: &str, drawn: &BTreeSet<u64>) -> bool {
    drawn.contains(&text_hash(text))
}

fn is_held_out(text: &str, drawn: &BTreeSet<u64>) -> bool {
    is_drawn(text, drawn) && text_hash(text).is_multiple_of(HELD_OUT_EVERY)
}

/// Returns equally many documents of both sets, or `None` if there are too few of either. Those of
/// the larger set are drawn by their hashes.
fn compared_sets(random: Annotations, chosen: Annotations) -> Option<[Annotations; 2]> {
    let size = random.len().min(chosen.len());
    if size < MIN_COMPARED {
        return None;
    }
    let draw = |set: Annotations| -> Annotations {
        let mut documents: Vec<(String, Vec<String>)> = set.into_iter().collect();
        // Independent of the rule by which documents are held out.
        documents.sort_by_key(|(text, _)| text_hash(text).reverse_bits());
        documents.into_iter().take(size).collect()
    };
    Some([draw(random), draw(chosen)])
}

/// Returns whether the scores of two sets may differ by chance: one is within the other's interval.
pub fn may_differ_by_chance(a: &HandLabelScores, b: &HandLabelScores) -> bool {
    let contains = |of: &HandLabelScores, score: f64| {
        of.interval
            .is_none_or(|interval| (interval.micro_f1[0]..=interval.micro_f1[1]).contains(&score))
    };
    contains(a, b.micro_f1) || contains(b, a.micro_f1)
}

/// Returns the labels with fewer than ten documents, rarest first, once another label has more.
/// `counts` has the documents of each label.
pub fn rare_labels(counts: &[(String, u64)]) -> Vec<(String, u64)> {
    if counts.iter().all(|(_, count)| *count < RARE) {
        return vec![];
    }
    let mut rare: Vec<(String, u64)> = counts
        .iter()
        .filter(|(_, count)| *count < RARE)
        .cloned()
        .collect();
    rare.sort_by(|a, b| a.1.cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
    rare
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::ScoreInterval;

    fn labelled(prefix: &str, count: usize) -> Annotations {
        let document = |number: usize| {
            let label = ["a", "b"][number % 2].to_string();
            (format!("{prefix} {number}"), vec![label])
        };
        (0..count).map(document).collect()
    }

    fn hashes(annotations: &Annotations) -> BTreeSet<u64> {
        annotations.keys().map(|text| text_hash(text)).collect()
    }

    #[test]
    fn a_fifth_of_the_random_documents_is_held_out() {
        let random = labelled("random", 200);
        let Measurement { training, held_out } = measurement(&random, &hashes(&random));
        assert_eq!(
            training.len(),
            1,
            "there are no chosen ones to compare with"
        );
        assert_eq!(training[0].len() + held_out.len(), 200);
        assert!((20..=60).contains(&held_out.len()), "{}", held_out.len());
    }

    #[test]
    fn chosen_documents_are_never_held_out_and_compared_with_as_many_random_ones() {
        let (random, chosen) = (labelled("random", 200), labelled("chosen", 30));
        let drawn = hashes(&random);
        let all: Annotations = random.clone().into_iter().chain(chosen.clone()).collect();
        let Measurement { training, held_out } = measurement(&all, &drawn);
        assert!(held_out.keys().all(|text| !chosen.contains_key(text)));
        assert_eq!((training[1].len(), training[2].len()), (30, 30));
        assert_eq!(training[2], chosen);
        let others = random
            .into_iter()
            .filter(|(text, _)| !held_out.contains_key(text));
        let first: Annotations = others.take(30).collect();
        assert_ne!(
            training[1], first,
            "drawn, not the first ones of the alphabet"
        );
    }

    #[test]
    fn too_few_documents_or_labels_are_not_measured() {
        let few = labelled("random", 10);
        let found = too_few(&few, &hashes(&few));
        assert!(matches!(found, Some(TooFew::HeldOut(count)) if count < MIN_HELD_OUT));
        let many = labelled("random", 200);
        assert_eq!(too_few(&many, &hashes(&many)), None);
        assert_eq!(too_few(&many, &BTreeSet::new()), Some(TooFew::HeldOut(0)));
        let of_one_label = |(text, _): (String, _)| (text, vec!["a".to_string()]);
        let one: Annotations = many.into_iter().map(of_one_label).collect();
        assert_eq!(too_few(&one, &hashes(&one)), Some(TooFew::Labels));
    }

    #[test]
    fn scores_within_an_interval_are_not_told_apart() {
        let scores = |micro_f1, low, high| HandLabelScores {
            micro_f1,
            interval: Some(ScoreInterval {
                micro_f1: [low, high],
                macro_f1: [0.0, 1.0],
            }),
            ..HandLabelScores::default()
        };
        let close = (scores(0.5, 0.4, 0.6), scores(0.58, 0.5, 0.7));
        assert!(may_differ_by_chance(&close.0, &close.1));
        let apart = (scores(0.5, 0.4, 0.6), scores(0.8, 0.7, 0.9));
        assert!(!may_differ_by_chance(&apart.0, &apart.1));
    }

    #[test]
    fn labels_with_few_documents_are_listed_rarest_first() {
        let counts = [("a", 30), ("b", 9), ("c", 2), ("d", 2)];
        let counts = counts.map(|(label, count)| (label.to_string(), count));
        let rare: Vec<String> = rare_labels(&counts)
            .into_iter()
            .map(|rare| rare.0)
            .collect();
        assert_eq!(rare, ["c", "d", "b"]);
        assert_eq!(rare_labels(&counts[1..]), [], "labelling has just begun");
    }
}
