//! The conclusion of a comparison, in words.

use protocol::{ComparisonPoint, Message, message};

/// Differences in F1 below this are not reported.
const SMALLEST_GAIN: f64 = 0.005;

/// Summarises the comparison, one sentence per share of labels. A difference is reported if it
/// exceeds the combined standard deviation of both conditions over the seeds; with one seed that is
/// unknown, and a last sentence says so.
pub fn verdict(points: &[ComparisonPoint]) -> Message {
    let mut sentences: Vec<Message> = points.iter().map(sentence).collect();
    if points.iter().any(|point| point.pretrained.runs.len() < 2) {
        sentences.push(message!(
            "With one seed, differences of a few hundredths may be chance"
        ));
    }
    message!("{sentences}.", sentences = Message::joined(sentences, ". "))
}

fn sentence(point: &ComparisonPoint) -> Message {
    let (pre, scratch, linear) = (
        point.pretrained.micro_f1,
        point.scratch.micro_f1,
        point.linear.test.micro_f1,
    );
    let gain = pre.mean - scratch.mean;
    let noise = (pre.sd.powi(2) + scratch.sd.powi(2)).sqrt();
    let (with, without) = (pre.mean, scratch.mean);
    let effect = if gain.abs() <= noise || gain.abs() < SMALLEST_GAIN {
        message!(
            "pre-training makes no difference beyond chance (micro F1 {pretrained} against {scratch} from scratch)",
            pretrained = format!("{with:.3}"),
            scratch = format!("{without:.3}")
        )
    } else if gain > 0.0 {
        message!(
            "pre-training adds {gain} micro F1 ({pretrained} against {scratch} from scratch)",
            gain = format!("{gain:.3}"),
            pretrained = format!("{with:.3}"),
            scratch = format!("{without:.3}")
        )
    } else {
        message!(
            "pre-training does not help: it lowers micro F1 by {gain} ({pretrained} against {scratch} from scratch)",
            gain = format!("{:.3}", -gain),
            pretrained = format!("{with:.3}"),
            scratch = format!("{without:.3}")
        )
    };
    let best = pre.mean.max(scratch.mean);
    let baseline = match best - linear {
        above if above > SMALLEST_GAIN => {
            message!("n-grams reach {f1}", f1 = format!("{linear:.3}"))
        }
        below if below < -SMALLEST_GAIN => {
            message!(
                "n-grams alone reach {f1}, which is better than both",
                f1 = format!("{linear:.3}")
            )
        }
        _ => message!(
            "n-grams alone do as well ({f1})",
            f1 = format!("{linear:.3}")
        ),
    };
    message!(
        "With {documents} labelled documents, {effect}, and {baseline}",
        documents = point.documents,
        effect,
        baseline
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use protocol::{ComparisonCondition, ComparisonRun, Figures, LinearResult, Spread};

    /// A run with this micro F1 on both sets.
    pub(in super::super) fn run(micro_f1: f64) -> ComparisonRun {
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

    fn verdict_for(pretrained: &[f64], scratch: &[f64], linear: f64) -> Message {
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
                "does not help: it lowers micro F1 by 0.100",
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
            let sentence = verdict_for(pretrained, scratch, linear).to_string();
            assert!(sentence.contains(expected), "{sentence}");
        }
    }
}
