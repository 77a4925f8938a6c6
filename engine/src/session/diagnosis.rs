//! What a person should hear about a finished model that its figures alone do not say: that it knows nothing but how
//! frequent words are, or that it never says some of its labels. Pure functions of the figures.

use crate::data::entropy_baselines::EntropyBaselines;
use protocol::{ClassifierMetrics, MaskedLmMetrics};

/// A model this close to the unigram floor, in nats, knows little more than frequencies: half of what the published
/// systems' plateau is left by in `docs/recipes.md`.
const PLATEAU: f64 = 0.25;
/// A shorter run is a quick look, of which nobody expects more.
pub const MIN_STEPS: u64 = 100;
/// Labels that a warning lists.
const LISTED_LABELS: usize = 5;

/// The sentence for a language model that has only learned word frequencies.
pub fn only_frequencies(metrics: &MaskedLmMetrics, floors: &EntropyBaselines) -> Option<String> {
    let above = metrics.masked_lm_loss > floors.unigram - PLATEAU;
    (metrics.n > 0 && above).then(|| {
        format!(
            "the model has learned little more than how frequent each token is: its held-out loss is {:.2} nats, and \
             frequencies alone give {:.2}. Train longer, or take a fast-* preset",
            metrics.masked_lm_loss, floors.unigram
        )
    })
}

/// The sentence for labels that occur in the measured documents and are never predicted.
pub fn never_predicted(metrics: &ClassifierMetrics) -> Option<String> {
    let never = metrics
        .per_label
        .iter()
        .filter(|row| row.support > 0 && row.predicted == 0);
    let names: Vec<&str> = never.map(|row| row.label.as_str()).collect();
    let supported = metrics
        .per_label
        .iter()
        .filter(|row| row.support > 0)
        .count();
    let shown: Vec<String> = names
        .iter()
        .take(LISTED_LABELS)
        .map(|name| crate::data::quoted(name))
        .collect();
    let more = if names.len() > LISTED_LABELS {
        ", .."
    } else {
        ""
    };
    (!names.is_empty()).then(|| {
        format!(
            "{} of the {supported} labels that occur are never predicted: {}{more}. More documents with them help, or \
             more passes",
            names.len(),
            shown.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::LabelMetrics;

    #[test]
    fn the_plateau_is_named_and_nothing_below_it() {
        let floors = EntropyBaselines {
            uniform: 9.0,
            unigram: 6.9,
            bigram: None,
        };
        let at = |masked_lm_loss| MaskedLmMetrics {
            n: 10,
            masked_lm_loss,
            ..Default::default()
        };
        assert!(only_frequencies(&at(6.8), &floors).is_some_and(|text| text.contains("6.80")));
        assert!(only_frequencies(&at(6.0), &floors).is_none());
        assert!(only_frequencies(&MaskedLmMetrics { n: 0, ..at(9.0) }, &floors).is_none());
    }

    #[test]
    fn labels_that_are_never_said_are_named() {
        let row = |label: &str, support, predicted| LabelMetrics {
            label: label.into(),
            support,
            predicted,
            ..Default::default()
        };
        let metrics = |per_label| ClassifierMetrics {
            per_label,
            ..Default::default()
        };
        let some = metrics(vec![
            row("a", 5, 4),
            row("b\u{1b}", 2, 0),
            row("c", 0, 0),
            row("d", 3, 1),
        ]);
        let text = never_predicted(&some).expect("b");
        assert!(
            text.starts_with("1 of the 3 labels") && text.contains("\"b\\u{1b}\""),
            "{text}"
        );
        assert!(never_predicted(&metrics(vec![row("a", 5, 4)])).is_none());
    }
}
