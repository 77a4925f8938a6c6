//! History of a model's predictions for the preview. Snapshots are thinned out rather than dropped
//! at one end, so that the first and the last are always available.

use protocol::MaskedToken;
use std::sync::Arc;

/// Maximum number of snapshots; when it is exceeded, every second one is dropped.
const MAX_FRAMES: usize = 64;

/// Attention probabilities by layer, head, query and key.
#[derive(Clone, Debug, PartialEq)]
pub struct AttentionMap {
    /// Tokens of the text, `[T]`.
    pub tokens: Vec<String>,
    /// Number of layers, `L`.
    pub layers: usize,
    /// Number of heads per layer, `H`.
    pub heads: usize,
    /// 255 times the square root of each probability, `[L, H, T, T]`.
    pub bytes: Arc<Vec<u8>>,
}

impl AttentionMap {
    /// Returns a map, or `None` if the number of bytes does not match the shape.
    pub fn new(tokens: Vec<String>, layers: u64, heads: u64, bytes: Vec<u8>) -> Option<Self> {
        let (layers, heads) = (usize::try_from(layers).ok()?, usize::try_from(heads).ok()?);
        let expected_len = [heads, tokens.len(), tokens.len()]
            .iter()
            .try_fold(layers, |n, &of| n.checked_mul(of))?;
        (expected_len == bytes.len() && expected_len > 0).then(|| Self {
            tokens,
            layers,
            heads,
            bytes: Arc::new(bytes),
        })
    }

    /// Returns a token, with its position from 1 if the token occurs more than once.
    pub fn name_of(&self, index: usize) -> String {
        let token = &self.tokens[index];
        let is_unique = self.tokens.iter().filter(|other| *other == token).count() == 1;
        if is_unique {
            token.clone()
        } else {
            format!("{token} ({})", index + 1)
        }
    }

    /// Returns the encoded probabilities of one head, `[T, T]` (query, key).
    pub fn head(&self, layer: usize, head: usize) -> &[u8] {
        let t = self.tokens.len();
        let start = (layer.min(self.layers - 1) * self.heads + head.min(self.heads - 1)) * t * t;
        &self.bytes[start..start + t * t]
    }
}

/// Decodes a byte of a map to a probability.
pub fn probability(byte: u8) -> f64 {
    (f64::from(byte) / 255.0).powi(2)
}

/// State of the preview at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewSnapshot {
    /// Run whose model made the predictions; empty outside of a run.
    pub run: String,
    /// Optimisation steps of the model, if reported by a run.
    pub step: Option<u64>,
    /// Tokens of the preview, before and after masking.
    pub tokens: Vec<MaskedToken>,
    /// Attention at this step, once received; `None` for a model without attention.
    pub attention: Option<AttentionMap>,
}

impl PreviewSnapshot {
    /// Returns whether both show the same text with the same mask.
    pub(super) fn shows_the_same(&self, tokens: &[MaskedToken]) -> bool {
        let is_same_token =
            |(a, b): (&MaskedToken, &MaskedToken)| a.original == b.original && a.shown == b.shown;
        self.tokens.len() == tokens.len() && self.tokens.iter().zip(tokens).all(is_same_token)
    }

    /// Returns the mean loss of the masked tokens, in nats.
    pub fn loss(&self) -> Option<f64> {
        let losses: Vec<f64> = self.tokens.iter().filter_map(|token| token.loss).collect();
        (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
    }

    /// Returns how many of the masked tokens are predicted correctly, and how many there are.
    pub fn right(&self) -> (usize, usize) {
        let masked = self.tokens.iter().filter(|token| token.loss.is_some());
        let right = |token: &&MaskedToken| {
            token
                .guesses
                .first()
                .is_some_and(|best| best.token == token.original)
        };
        (masked.clone().filter(right).count(), masked.count())
    }
}

/// History of one text with one mask, oldest snapshot first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PreviewHistory {
    frames: Vec<PreviewSnapshot>,
    /// Interval at which snapshots are kept, in previews.
    stride: u64,
    looks: u64,
}

impl PreviewHistory {
    /// Returns the snapshots, oldest first.
    pub fn frames(&self) -> &[PreviewSnapshot] {
        &self.frames
    }

    /// Returns the latest snapshot.
    pub fn last(&self) -> Option<&PreviewSnapshot> {
        self.frames.last()
    }

    /// Returns the run of the latest snapshot taken during a run; `None` if there is none.
    pub fn run(&self) -> Option<&str> {
        self.frames
            .iter()
            .rev()
            .find(|frame| !frame.run.is_empty())
            .map(|frame| frame.run.as_str())
    }

    /// Adds the predictions for a preview. Another text, mask or run starts a new history.
    pub fn add(&mut self, run: String, step: Option<u64>, tokens: Vec<MaskedToken>) {
        let same_run = run.is_empty() || self.run().is_none_or(|latest_run| latest_run == run);
        let same_text = self.last().is_some_and(|last| last.shows_the_same(&tokens));
        if !same_text || !same_run {
            *self = Self::default();
        } else if self
            .last()
            .is_some_and(|last| last.run == run && last.step == step)
        {
            // Repeats the latest step; outside of a run there is only one snapshot.
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
        // The latest snapshot is always present; when the next one arrives, it is kept only if the
        // stride selects it.
        let keep_last =
            self.frames.len() < 2 || (self.looks - 1).is_multiple_of(self.stride.max(1));
        if !keep_last {
            self.frames.pop();
        }
        self.frames.push(frame);
        self.looks += 1;
        if self.frames.len() > MAX_FRAMES {
            self.thin();
        }
    }

    /// Returns the snapshot at a step: the last one not after it; 0 is before training.
    pub fn at(&self, moment: u64) -> Option<&PreviewSnapshot> {
        self.frames
            .iter()
            .rev()
            .find(|frame| frame.step.unwrap_or(0) <= moment)
            .or(self.frames.first())
    }

    /// Returns whether any snapshot has predictions.
    pub fn is_guessed(&self) -> bool {
        self.frames.iter().any(|frame| frame.loss().is_some())
    }

    /// Adds attention to the snapshot of its step.
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
        let mut index = 0;
        self.frames.retain(|_| {
            index += 1;
            (index - 1) % 2 == 0 || index - 1 == last
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
    fn long_histories_keep_their_first_and_last_snapshots() {
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
        let largest_gap = steps
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .expect("gaps");
        assert!(largest_gap <= 70, "no long hole: {steps:?}");
    }

    #[test]
    fn another_text_or_run_starts_a_new_history() {
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
    fn equal_tokens_are_numbered() {
        let tokens = ["the", "cat", "the"].map(String::from).to_vec();
        let map = AttentionMap::new(tokens, 1, 1, vec![0; 9]).expect("fits");
        assert_eq!(
            [0, 1, 2].map(|index| map.name_of(index)),
            ["the (1)", "cat", "the (3)"]
        );
    }

    #[test]
    fn attention_belongs_to_the_snapshot_of_its_step() {
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
