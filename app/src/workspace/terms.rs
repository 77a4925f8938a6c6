//! The technical terms of each panel, explained in the panel itself.

use crate::language::translated;
use crate::mark;
use crate::tr;
use leptos::prelude::*;

/// A term and its explanation, both in English.
struct Term {
    name: &'static str,
    meaning: &'static str,
}

const fn term(name: &'static str, meaning: &'static str) -> Term {
    Term { name, meaning }
}

const TOKEN: Term = term(
    mark!("token"),
    mark!("A word or a piece of a word: the unit that the model reads."),
);
const PIECE: Term = term(
    "##",
    mark!("Marks a token that continues a word: “play ##ing” is “playing”."),
);
const MASK: Term = term(
    mark!("mask"),
    mark!(
        "Some tokens are masked, and the model must predict them. Most are replaced by [MASK], some by a random token, and some stay."
    ),
);
const PREDICTION: Term = term(
    mark!("prediction"),
    mark!("The most probable tokens at a masked position, with their probabilities."),
);
const NAT: Term = term(
    mark!("nat"),
    mark!(
        "Unit of the loss: the negative natural logarithm of the probability of the correct token. At 0 nats the model is certain; every 0.69 nats halve the probability."
    ),
);
const HELD_OUT: Term = term(
    mark!("held out"),
    mark!(
        "Not used for training. Results on held-out text show what was learned beyond memorising."
    ),
);
const ENTROPY_BASELINE: Term = term(
    mark!("entropy baseline"),
    mark!(
        "Loss of a model that knows only the size of the vocabulary (uniform), token frequencies (unigram) or pairs of tokens (bigram)."
    ),
);
const LEARNING_RATE: Term = term(
    mark!("learning rate"),
    mark!("Size of each update. Too large, and the loss diverges; too small, and it hardly falls."),
);
const WARM_UP: Term = term(
    mark!("warm-up"),
    mark!("The first steps, in which the learning rate rises from 0."),
);
const GRADIENT_NORM: Term = term(
    mark!("gradient norm"),
    mark!("Length of the gradient. Sudden peaks are a sign of instability."),
);
const ATTENTION: Term = term(
    mark!("attention"),
    mark!("How much each token takes from every token, itself included. The shares sum to 1."),
);
const HEAD: Term = term(
    mark!("head"),
    mark!("One of several attention patterns that a layer computes side by side."),
);
const LAYER: Term = term(
    mark!("layer"),
    mark!("One of the blocks of the model that transform the tokens one after another."),
);
const F1: Term = term(
    mark!("F1"),
    mark!(
        "Harmonic mean of precision and recall. Micro F1 weights all decisions equally, macro F1 all labels."
    ),
);
const PRECISION: Term = term(
    mark!("precision"),
    mark!("Share of the predicted labels that are correct."),
);
const RECALL: Term = term(
    mark!("recall"),
    mark!("Share of the true labels that were predicted."),
);
const EPOCH: Term = term(
    mark!("epoch"),
    mark!("One pass over all training documents."),
);
const THRESHOLD: Term = term(
    mark!("threshold"),
    mark!("Probability from which a label counts as predicted."),
);
const INTERVAL: Term = term(
    mark!("95 % interval"),
    mark!("Range of the true scores that fit the measurement: with few documents it is wide."),
);
const NGRAM_BASELINE: Term = term(
    mark!("n-gram baseline"),
    mark!("A linear classifier on counts of words and word sequences, without pre-training."),
);
const SCRATCH: Term = term(
    mark!("from scratch"),
    mark!("Fine-tuning from random weights instead of pre-trained ones."),
);
const SEED: Term = term(
    mark!("seed"),
    mark!("Initial state of the random generator. Other seeds give other, equally valid results."),
);
const CONFUSION: Term = term(
    mark!("confusion matrix"),
    mark!(
        "True labels in rows, predicted ones in columns. Correct predictions are on the diagonal."
    ),
);
const CALIBRATION: Term = term(
    mark!("calibration"),
    mark!(
        "Agreement of confidence and results: of predictions with 80 % confidence, 80 % should be correct."
    ),
);

/// Returns the terms that a panel uses.
fn of_panel(panel: &str) -> &'static [Term] {
    match panel {
        "line" => &[TOKEN, PIECE, MASK, PREDICTION],
        "loss" => &[
            NAT,
            HELD_OUT,
            ENTROPY_BASELINE,
            LEARNING_RATE,
            WARM_UP,
            GRADIENT_NORM,
        ],
        "heads" | "one-head" => &[ATTENTION, HEAD, LAYER],
        "vocabulary" => &[TOKEN, PIECE],
        "fill-mask" => &[MASK, TOKEN],
        "classify" => &[THRESHOLD],
        "scores" => &[F1, EPOCH, HELD_OUT, THRESHOLD, INTERVAL],
        "by-label" => &[PRECISION, RECALL, F1],
        "comparison" => &[SCRATCH, NGRAM_BASELINE, SEED, INTERVAL],
        "confusion" => &[CONFUSION],
        "confidence" => &[CALIBRATION, THRESHOLD],
        _ => &[],
    }
}

/// The terms of a panel; each unfolds its explanation, one at a time.
#[component]
pub fn Terms(panel: &'static str) -> impl IntoView {
    let terms = of_panel(panel);
    let one = |term: &Term| {
        view! {
            <details name="terms">
                <summary>{translated(term.name)}</summary>
                <p>{translated(term.meaning)}</p>
            </details>
        }
    };
    (!terms.is_empty()).then(|| {
        view! {
            <div class="terms" role="group" aria-label=tr!("Terms")>{terms.iter().map(one).collect_view()}</div>
        }
    })
}
