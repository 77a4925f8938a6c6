//! Diagnoses of a finished model from its metrics: it has learned only token frequencies, or it
//! never predicts some labels. Pure functions.

use crate::data::entropy_baselines::EntropyBaselines;
use protocol::{ClassifierMetrics, MaskedLmMetrics, Message, message};

/// A model whose loss is within this many nats of the unigram entropy has learned little more than
/// token frequencies: half of the drop with which models leave that plateau in `docs/recipes.md`.
const PLATEAU: f64 = 0.25;
/// Minimum number of steps: shorter runs are trials, of which no more is expected.
pub const MIN_STEPS: u64 = 100;
/// Maximum number of labels that a warning lists.
const LISTED_LABELS: usize = 5;

/// Returns a warning if a language model has learned only token frequencies.
pub fn only_frequencies(
    metrics: &MaskedLmMetrics,
    entropy_baselines: &EntropyBaselines,
) -> Option<Message> {
    let is_on_plateau = metrics.masked_lm_loss > entropy_baselines.unigram - PLATEAU;
    (metrics.n > 0 && is_on_plateau).then(|| {
        message!(
            "the model has learned little more than how frequent each token is: its held-out loss is {loss} nats, and token frequencies alone give {unigram}. Train longer, or use a fast-* preset",
            loss = format!("{:.2}", metrics.masked_lm_loss),
            unigram = format!("{:.2}", entropy_baselines.unigram)
        )
    })
}

/// Returns a warning if labels that occur in the evaluated documents are never predicted.
pub fn never_predicted(metrics: &ClassifierMetrics) -> Option<Message> {
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
        message!("{count} of {supported} labels are never predicted: {shown}{more}. Add documents with these labels, or train longer", count = names.len(), supported, shown = shown.join(", "), more)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::LabelMetrics;

    #[test]
    fn only_a_loss_on_the_plateau_is_reported() {
        let entropy_baselines = EntropyBaselines {
            uniform: 9.0,
            unigram: 6.9,
            bigram: None,
        };
        let at = |masked_lm_loss| MaskedLmMetrics {
            n: 10,
            masked_lm_loss,
            ..Default::default()
        };
        assert!(
            only_frequencies(&at(6.8), &entropy_baselines).is_some_and(|message| {
                message
                    .to_string()
                    .contains("is 6.80 nats, and token frequencies alone give 6.90.")
            })
        );
        assert!(only_frequencies(&at(6.0), &entropy_baselines).is_none());
        assert!(
            only_frequencies(&MaskedLmMetrics { n: 0, ..at(9.0) }, &entropy_baselines).is_none()
        );
    }

    #[test]
    fn labels_that_are_never_predicted_are_listed() {
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
        let text = never_predicted(&some).expect("b").to_string();
        assert!(
            text.starts_with("1 of 3 labels") && text.contains("\"b\\u{1b}\""),
            "{text}"
        );
        assert!(never_predicted(&metrics(vec![row("a", 5, 4)])).is_none());
    }
}
