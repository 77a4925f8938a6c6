//! What a model made of the text that a person looks at, moment by moment: a film whose frames are thinned out rather
//! than cut off, so that its beginning and its end are always there.

use protocol::MaskedToken;
use std::sync::Arc;

/// Frames kept at most; the next one makes every second one go.
const MAX_FRAMES: usize = 64;

/// Where a model looks: probabilities by layer, head, query and key.
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionMap {
    /// What it reads, `[T]`.
    pub tokens: Vec<String>,
    /// Number of layers, `L`.
    pub layers: usize,
    /// Heads of each, `H`.
    pub heads: usize,
    /// 255 times the square root of each probability, `[L, H, T, T]`.
    pub bytes: Arc<Vec<u8>>,
}

impl AttentionMap {
    /// A map, where the bytes are as many as the shape says.
    pub fn new(tokens: Vec<String>, layers: u64, heads: u64, bytes: Vec<u8>) -> Option<Self> {
        let (layers, heads) = (usize::try_from(layers).ok()?, usize::try_from(heads).ok()?);
        let wanted = [heads, tokens.len(), tokens.len()]
            .iter()
            .try_fold(layers, |n, &of| n.checked_mul(of))?;
        (wanted == bytes.len() && wanted > 0).then(|| Self {
            tokens,
            layers,
            heads,
            bytes: Arc::new(bytes),
        })
    }

    /// A token, with its place from 1 where it is not the only one of its kind.
    pub fn name_of(&self, place: usize) -> String {
        let token = &self.tokens[place];
        let is_alone = self.tokens.iter().filter(|other| *other == token).count() == 1;
        if is_alone {
            token.clone()
        } else {
            format!("{token} ({})", place + 1)
        }
    }

    /// The probabilities of one head, as bytes, query by query, `[T, T]`.
    pub fn head(&self, layer: usize, head: usize) -> &[u8] {
        let t = self.tokens.len();
        let place = (layer.min(self.layers - 1) * self.heads + head.min(self.heads - 1)) * t * t;
        &self.bytes[place..place + t * t]
    }
}

/// A byte of a map as a probability.
pub fn probability(byte: u8) -> f64 {
    (f64::from(byte) / 255.0).powi(2)
}

/// One look.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewSnapshot {
    /// The run that looked, empty outside of one.
    pub run: String,
    /// Steps that the model had seen, where a run told.
    pub step: Option<u64>,
    /// One entry per token.
    pub tokens: Vec<MaskedToken>,
    /// Where it looked, once known; none for a model without attention.
    pub attention: Option<AttentionMap>,
}

impl PreviewSnapshot {
    /// Whether both show the same text under the same mask.
    pub(super) fn shows_the_same(&self, tokens: &[MaskedToken]) -> bool {
        let same =
            |(a, b): (&MaskedToken, &MaskedToken)| a.original == b.original && a.shown == b.shown;
        self.tokens.len() == tokens.len() && self.tokens.iter().zip(tokens).all(same)
    }

    /// Mean loss of the tokens that were to be guessed, in nats.
    pub fn loss(&self) -> Option<f64> {
        let losses: Vec<f64> = self.tokens.iter().filter_map(|token| token.loss).collect();
        (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
    }

    /// How many of the tokens that were to be guessed have their true token as best guess, and how many there are.
    pub fn right(&self) -> (usize, usize) {
        let asked = self.tokens.iter().filter(|token| token.loss.is_some());
        let right = |token: &&MaskedToken| {
            token
                .guesses
                .first()
                .is_some_and(|best| best.token == token.original)
        };
        (asked.clone().filter(right).count(), asked.count())
    }
}

/// The film of one text under one mask, oldest frame first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreviewHistory {
    frames: Vec<PreviewSnapshot>,
    /// Every how many looks one is kept.
    stride: u64,
    looks: u64,
}

impl PreviewHistory {
    /// The frames, oldest first.
    pub fn frames(&self) -> &[PreviewSnapshot] {
        &self.frames
    }

    /// The newest frame.
    pub fn last(&self) -> Option<&PreviewSnapshot> {
        self.frames.last()
    }

    /// The run that looked last; none where all looks were outside of one.
    pub fn run(&self) -> Option<&str> {
        self.frames
            .iter()
            .rev()
            .find(|frame| !frame.run.is_empty())
            .map(|frame| frame.run.as_str())
    }

    /// Adds what masking and guessing gave. Another text, mask or run begins another film.
    pub fn add(&mut self, run: String, step: Option<u64>, tokens: Vec<MaskedToken>) {
        let same_run = run.is_empty() || self.run().is_none_or(|of_run| of_run == run);
        let same_text = self.last().is_some_and(|last| last.shows_the_same(&tokens));
        if !same_text || !same_run {
            *self = Self::default();
        } else if self
            .last()
            .is_some_and(|last| last.run == run && last.step == step)
        {
            // The same moment once more; without a run there is only now.
            if run.is_empty()
                && let Some(last) = self.frames.last_mut()
            {
                *last = PreviewSnapshot {
                    run,
                    step,
                    tokens,
                    attention: None,
                };
            }
            return;
        }
        let frame = PreviewSnapshot {
            run,
            step,
            tokens,
            attention: None,
        };
        // The newest frame is always there; when the next one comes, it stays only if its turn says so.
        let keeps_last =
            self.frames.len() < 2 || (self.looks - 1).is_multiple_of(self.stride.max(1));
        if !keeps_last {
            self.frames.pop();
        }
        self.frames.push(frame);
        self.looks += 1;
        if self.frames.len() > MAX_FRAMES {
            self.thin();
        }
    }

    /// The frame of a moment: the last one that is not beyond it; 0 is before training.
    pub fn at(&self, moment: u64) -> Option<&PreviewSnapshot> {
        self.frames
            .iter()
            .rev()
            .find(|frame| frame.step.unwrap_or(0) <= moment)
            .or(self.frames.first())
    }

    /// Whether a model guessed in any of the looks.
    pub fn is_guessed(&self) -> bool {
        self.frames.iter().any(|frame| frame.loss().is_some())
    }

    /// Adds where the model looked, to the look of that moment.
    pub fn attend(&mut self, run: &str, step: Option<u64>, map: AttentionMap) {
        if let Some(last) = self
            .frames
            .last_mut()
            .filter(|last| last.run == run && last.step == step)
        {
            last.attention = Some(map);
        }
    }

    fn thin(&mut self) {
        let last = self.frames.len() - 1;
        let mut place = 0;
        self.frames.retain(|_| {
            place += 1;
            (place - 1) % 2 == 0 || place - 1 == last
        });
        self.stride = self.stride.max(1) * 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Candidate, MaskKind};

    fn tokens(word: &str, guess: &str) -> Vec<MaskedToken> {
        vec![MaskedToken {
            original: word.into(),
            shown: "[MASK]".into(),
            kind: MaskKind::Masked,
            guesses: vec![Candidate {
                token: guess.into(),
                score: 0.5,
            }],
            loss: Some(0.7),
        }]
    }

    #[test]
    fn a_film_keeps_its_first_and_its_last_frame_however_long_it_gets() {
        let mut film = PreviewHistory::default();
        for step in 1..=1000 {
            film.add("pretrain-1".into(), Some(step), tokens("cat", "dog"));
            assert!(film.frames().len() <= MAX_FRAMES);
            assert_eq!(film.last().expect("a frame").step, Some(step));
        }
        let steps: Vec<u64> = film
            .frames()
            .iter()
            .filter_map(|frame| frame.step)
            .collect();
        assert_eq!(steps[0], 1);
        assert!(
            steps.len() > MAX_FRAMES / 3 && steps.is_sorted(),
            "{steps:?}"
        );
        let widest = steps
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .expect("gaps");
        assert!(widest <= 70, "no long hole: {steps:?}");
    }

    #[test]
    fn another_text_or_run_begins_another_film_and_a_repeated_look_does_not_count() {
        let mut film = PreviewHistory::default();
        film.add(String::new(), None, tokens("cat", ""));
        film.add("a".into(), Some(1), tokens("cat", "dog"));
        film.add("a".into(), Some(1), tokens("cat", "dog"));
        assert_eq!(
            film.frames().len(),
            2,
            "the untrained look is the first frame of the run"
        );
        film.add("b".into(), Some(1), tokens("cat", "dog"));
        assert_eq!(film.frames().len(), 1);
        film.add("b".into(), Some(2), tokens("cow", "dog"));
        assert_eq!(film.frames().len(), 1);
        assert_eq!(film.last().map(PreviewSnapshot::right), Some((0, 1)));
        film.add(String::new(), None, tokens("cow", "dog"));
        film.add(String::new(), None, tokens("cow", "cow"));
        assert_eq!(
            (film.frames().len(), film.last().map(PreviewSnapshot::right)),
            (2, Some((1, 1))),
            "now is one moment"
        );
        film.add("c".into(), Some(1), tokens("cow", "dog"));
        assert_eq!(
            film.frames().len(),
            1,
            "the run before does not go on in another one"
        );
        film.add("c".into(), Some(9), tokens("cow", "dog"));
        let steps = [0, 5, 9, 99].map(|moment| film.at(moment).and_then(|frame| frame.step));
        assert_eq!(steps, [Some(1), Some(1), Some(9), Some(9)]);
    }

    #[test]
    fn equal_tokens_are_told_apart() {
        let tokens = ["the", "cat", "the"].map(String::from).to_vec();
        let map = AttentionMap::new(tokens, 1, 1, vec![0; 9]).expect("fits");
        assert_eq!(
            [0, 1, 2].map(|place| map.name_of(place)),
            ["the (1)", "cat", "the (3)"]
        );
    }

    #[test]
    fn attention_belongs_to_the_look_of_its_moment() {
        let map = || {
            AttentionMap::new(vec!["a".into(), "b".into()], 1, 1, vec![255, 0, 128, 255])
                .expect("fits")
        };
        let mut film = PreviewHistory::default();
        film.add("a".into(), Some(5), tokens("cat", "dog"));
        film.attend("a", Some(4), map());
        assert_eq!(film.last().expect("a frame").attention, None);
        film.attend("a", Some(5), map());
        assert_eq!(film.last().expect("a frame").attention, Some(map()));
        assert_eq!(
            AttentionMap::new(vec!["a".into()], 2, 1, vec![0]),
            None,
            "too few bytes"
        );
        assert_eq!(AttentionMap::new(vec![], u64::MAX, 2, vec![]), None);
    }
}
