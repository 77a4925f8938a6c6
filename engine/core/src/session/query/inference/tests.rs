//! Tests of `inference`.

use crate::session::query::inference::*;
use ProblemType::{MultiLabelClassification, SingleLabelClassification};

#[test]
fn the_best_label_and_those_above_their_threshold_are_predicted() {
    let ranked = || vec![(2, 0.4), (0, 0.3), (1, 0.2)];
    let labels = |problem, threshold, own: Option<&[f64]>| {
        let from = |label: usize| own.map_or(threshold, |own| own[label]);
        predicted(ranked(), problem, from)
            .into_iter()
            .map(|(label, _)| label)
            .collect::<Vec<_>>()
    };
    assert_eq!(labels(SingleLabelClassification, 0.0, None), [2]);
    assert_eq!(labels(MultiLabelClassification, 0.25, None), [2, 0]);
    assert_eq!(
        labels(MultiLabelClassification, 0.9, None),
        [2],
        "the best one counts always"
    );
    let own = [0.35, 0.1, 0.9];
    assert_eq!(
        labels(MultiLabelClassification, 0.25, Some(&own)),
        [2, 1],
        "each from its own"
    );
    assert_eq!(predicted(vec![], MultiLabelClassification, |_| 0.5), []);
}
