//! One masked word in slow motion.

use crate::script::{Script, config, failures, pretrain, tried};
use protocol::{Command, Event, HeadTrace, SlowMotion};

const TEXT: &str = "a small cat in the yard";

fn ask(request: u64, position: Option<u64>, head: u64) -> Command {
    Command::SlowMotion {
        request,
        text: TEXT.into(),
        position,
        layer: 0,
        head,
    }
}

fn motion(script: &Script, wanted: u64) -> SlowMotion {
    let answer = script.events().into_iter().find_map(|event| match event {
        Event::SlowMotion { request, motion } if request == wanted => Some(motion),
        _ => None,
    });
    answer.expect("an answer")
}

fn pretrained(preset: &str, backbone: &str) -> Command {
    let settings = [("preset", preset), ("backbone", backbone), ("steps", "20")];
    Command::Pretrain {
        run: "p".into(),
        config: config(&settings),
        go_on: false,
    }
}

/// The numbers are those of the forward pass: the softmax of the scores is the attention that the
/// model itself computes, with rotary positions and without.
#[test]
fn the_softmax_of_the_scores_is_the_attention() {
    for preset in ["fast-nano", "bert-tiny"] {
        let commands = vec![
            pretrained(preset, "transformer"),
            ask(1, Some(3), 1),
            ask(2, Some(3), 1),
        ];
        let script = tried(commands, vec![]);
        assert_eq!(failures(&script), [""; 0]);
        let first = motion(&script, 1);
        assert_eq!(first.tokens[3], "cat");
        let HeadTrace {
            scores, weights, ..
        } = first.attention.as_ref().expect("a Transformer");
        let highest = scores.iter().copied().fold(f64::MIN, f64::max);
        let powers: Vec<f64> = scores.iter().map(|score| (score - highest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        assert_eq!(weights.len(), first.tokens.len());
        for (power, weight) in powers.iter().zip(weights) {
            assert!((power / sum - weight).abs() < 1e-5, "{preset}: {scores:?}");
        }
        assert!(first.after.probability > first.before.probability);
        assert_eq!(first, motion(&script, 2), "the model itself is not trained");
    }
}

#[test]
fn the_rarest_word_is_masked_and_a_model_without_attention_has_none() {
    let script = tried(
        vec![pretrained("textcnn", "textcnn"), ask(1, None, 0)],
        vec![],
    );
    assert_eq!(failures(&script), [""; 0]);
    let motion = motion(&script, 1);
    assert_eq!(motion.attention, None);
    assert!((1..motion.tokens.len() as u64 - 1).contains(&motion.position));
    assert_eq!(motion.before.candidates.len(), 5);
}

#[test]
fn slow_motion_needs_a_language_model_and_a_word() {
    let empty = Command::SlowMotion {
        request: 2,
        text: "  ".into(),
        position: None,
        layer: 0,
        head: 0,
    };
    let script = tried(vec![ask(1, None, 0), pretrain(), empty], vec![]);
    assert_eq!(failures(&script), ["no-model", "no-word"]);
}
