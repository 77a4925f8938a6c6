//! What a comparison says in words.

use protocol::ComparisonPoint;

/// Smaller differences of F1 are not worth a word.
const SMALLEST_GAIN: f64 = 0.005;

/// What the numbers say: a sentence for each share. A difference counts as one when it is larger than the spread of both
/// arms over the seeds; with one seed nothing is known of the spread, and a last sentence says so.
pub fn verdict(points: &[ComparisonPoint]) -> String {
    let mut sentences: Vec<String> = points.iter().map(sentence).collect();
    if points.iter().any(|point| point.pretrained.runs.len() < 2) {
        sentences.push("With one seed, differences of a few hundredths may be chance".into());
    }
    format!("{}.", sentences.join(". "))
}

fn sentence(point: &ComparisonPoint) -> String {
    let (pre, scratch, linear) = (
        point.pretrained.micro_f1,
        point.scratch.micro_f1,
        point.linear.test.micro_f1,
    );
    let gain = pre.mean - scratch.mean;
    let noise = (pre.sd.powi(2) + scratch.sd.powi(2)).sqrt();
    let (with, without) = (pre.mean, scratch.mean);
    let worth = if gain.abs() <= noise || gain.abs() < SMALLEST_GAIN {
        format!(
            "pre-training makes no difference beyond chance (micro F1 {with:.3} against {without:.3} from scratch)"
        )
    } else if gain > 0.0 {
        format!(
            "pre-training adds {gain:.3} micro F1 ({with:.3} against {without:.3} from scratch)"
        )
    } else {
        format!(
            "pre-training does not pay: it costs {:.3} micro F1 ({with:.3} against {without:.3} from scratch)",
            -gain
        )
    };
    let best = pre.mean.max(scratch.mean);
    let baseline = match best - linear {
        above if above > SMALLEST_GAIN => format!("n-grams reach {linear:.3}"),
        below if below < -SMALLEST_GAIN => {
            format!("n-grams alone reach {linear:.3}, which is better than both")
        }
        _ => format!("n-grams alone reach as much, {linear:.3}"),
    };
    format!(
        "With {} labelled texts {worth}, and {baseline}",
        point.documents
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{ComparisonCondition, ComparisonRun, Figures, LinearResult, Spread};

    fn run(micro_f1: f64) -> ComparisonRun {
        let test = Figures {
            micro_f1,
            ..Figures::default()
        };
        ComparisonRun {
            seed: 1,
            valid_micro_f1: micro_f1,
            test,
            valid: Vec::new(),
            elapsed_secs: 1.0,
            diverged: false,
        }
    }

    fn arm(scores: &[f64]) -> ComparisonCondition {
        let spread = Spread::of(scores.iter().copied());
        ComparisonCondition {
            lr: 1e-3,
            sweep: Vec::new(),
            runs: scores.iter().map(|score| run(*score)).collect(),
            micro_f1: spread,
            macro_f1: spread,
            mean_f1: spread,
            precision_at_1: spread,
            secs_per_run: 1.0,
            total_secs: 1.0,
        }
    }

    fn said(pretrained: &[f64], scratch: &[f64], linear: f64) -> String {
        let test = Figures {
            micro_f1: linear,
            ..Figures::default()
        };
        verdict(&[ComparisonPoint {
            label_fraction: 1.0,
            documents: 500,
            pretrained: arm(pretrained),
            scratch: arm(scratch),
            linear: LinearResult {
                test,
                features: 1,
                elapsed_secs: 1.0,
                ..LinearResult::default()
            },
        }])
    }

    #[test]
    fn the_sentence_follows_the_numbers() {
        for (pretrained, scratch, linear, expected) in [
            (
                &[0.70, 0.71][..],
                &[0.60, 0.61][..],
                0.5,
                "pre-training adds 0.100 micro F1",
            ),
            (
                &[0.60, 0.61],
                &[0.70, 0.71],
                0.5,
                "does not pay: it costs 0.100",
            ),
            (
                &[0.60, 0.66],
                &[0.60, 0.65],
                0.5,
                "no difference beyond chance",
            ),
            (&[0.70, 0.71], &[0.60, 0.61], 0.8, "better than both"),
            (&[0.70], &[0.60], 0.7, "one seed"),
        ] {
            let sentence = said(pretrained, scratch, linear);
            assert!(sentence.contains(expected), "{sentence}");
        }
    }
}
