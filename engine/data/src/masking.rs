//! Masking of tokens. Source: Devlin et al. 2019, section 3.1: a share of the tokens is chosen; of
//! these, 80 % become `[MASK]`, 10 % a random token, and 10 % are kept, so that the model cannot
//! trust its input. Special tokens are never chosen and never drawn. Each (seed, epoch, example)
//! has its own mask.

use crate::random::{Purpose, below, generator, unit_f64};
use crate::tokenizer::{Specials, Tokenizer};
use protocol::MaskKind;
use rand_core::Rng;

/// Shares of the chosen tokens that are replaced; the rest are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corruption {
    /// Share replaced by `[MASK]`.
    pub mask: f64,
    /// Share replaced by a random token.
    pub random: f64,
}

impl Default for Corruption {
    /// Returns the published shares: 80 % `[MASK]`, 10 % random, 10 % kept.
    fn default() -> Self {
        Self {
            mask: 0.8,
            random: 0.1,
        }
    }
}

/// How many tokens to mask, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Masking {
    /// Share of the tokens to choose.
    pub rate: f64,
    /// Maximum number of tokens to choose per sequence (`max_predictions_per_seq`).
    pub most: usize,
    /// Whether words are masked with all their pieces.
    pub whole_word: bool,
    /// How chosen tokens are replaced.
    pub corruption: Corruption,
}

impl Masking {
    /// Returns the published masking of single tokens at the given rate.
    pub fn of_rate(rate: f64) -> Self {
        Self {
            rate,
            most: usize::MAX,
            whole_word: false,
            corruption: Corruption::default(),
        }
    }
}

/// A masked sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Masked {
    /// Token ids that the model sees, `[T]`.
    pub ids: Vec<u32>,
    /// Positions to predict, ascending, `[m]`.
    pub positions: Vec<usize>,
    /// Original token ids at these positions, `[m]`.
    pub targets: Vec<u32>,
    /// Treatment of each position, `[T]`.
    pub kinds: Vec<MaskKind>,
}

/// Masks the sequences of one vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Masker {
    specials: Specials,
    /// Ids that are never drawn as random tokens, ascending: special tokens and ids without a
    /// token.
    reserved: Vec<u32>,
    vocab_size: usize,
    /// For each id, whether it continues a word; empty if every token is a word.
    continues: Vec<bool>,
    masking: Masking,
}

impl Masker {
    /// Creates a masker for the tokens of `tokenizer`.
    pub fn new(tokenizer: &Tokenizer, masking: Masking) -> Self {
        let continues = if masking.whole_word {
            tokenizer.continues()
        } else {
            Vec::new()
        };
        let reserved = (0..tokenizer.len() as u32)
            .filter(|&id| !tokenizer.is_text(id))
            .collect();
        Self {
            reserved,
            ..Self::of_parts(tokenizer.specials(), tokenizer.len(), continues, masking)
        }
    }

    /// Creates a masker for a vocabulary in which all ids but the special ones may be drawn.
    fn of_parts(
        specials: Specials,
        vocab_size: usize,
        continues: Vec<bool>,
        masking: Masking,
    ) -> Self {
        let mut reserved = specials.all().to_vec();
        reserved.sort_unstable();
        Self {
            specials,
            reserved,
            vocab_size,
            continues,
            masking,
        }
    }

    /// Returns the ids of the special tokens.
    pub fn specials(&self) -> Specials {
        self.specials
    }

    /// Returns the maximum number of positions that [`Self::mask`] chooses in a sequence of
    /// `max_len` tokens, which is the number of slots per example.
    pub fn slots(&self, max_len: usize) -> usize {
        self.wanted(max_len).max(1)
    }

    /// Returns how many of `n` maskable tokens are chosen.
    fn wanted(&self, n: usize) -> usize {
        ((self.masking.rate * n as f64).round() as usize)
            .min(self.masking.most)
            .clamp(1, n.max(1))
    }

    /// Masks `window` as example `example` of `epoch` under `seed`.
    pub fn mask_example(&self, window: &[u32], seed: u64, epoch: u64, example: u64) -> Masked {
        self.mask(window, &mut generator(seed, Purpose::Mask, epoch, example))
    }

    /// Chooses and replaces tokens of `window`.
    pub fn mask(&self, window: &[u32], rng: &mut impl Rng) -> Masked {
        let mut masked = Masked {
            ids: window.to_vec(),
            positions: self.choose(window, rng),
            targets: Vec::new(),
            kinds: window.iter().map(|&id| self.kind_of_unchosen(id)).collect(),
        };
        for &position in &masked.positions {
            let (id, kind) = self.corrupt(window[position], rng);
            masked.ids[position] = id;
            masked.kinds[position] = kind;
            masked.targets.push(window[position]);
        }
        masked
    }

    fn kind_of_unchosen(&self, id: u32) -> MaskKind {
        if self.specials.contains(id) {
            MaskKind::Special
        } else {
            MaskKind::Untouched
        }
    }

    /// Chooses the positions to predict, ascending.
    fn choose(&self, window: &[u32], rng: &mut impl Rng) -> Vec<usize> {
        let mut words = self.words(window);
        let maskable = words.iter().map(Vec::len).sum();
        let wanted = if maskable == 0 {
            0
        } else {
            self.wanted(maskable)
        };
        let mut chosen: Vec<usize> = Vec::with_capacity(wanted);
        let mut next = 0;
        while next < words.len() && chosen.len() < wanted {
            let drawn = next + below(rng, (words.len() - next) as u64) as usize;
            words.swap(next, drawn);
            // A word that would exceed the share is skipped, as in the published code.
            if chosen.len() + words[next].len() <= wanted {
                chosen.extend(&words[next]);
            }
            next += 1;
        }
        if chosen.is_empty() && wanted > 0 {
            // Every word is longer than the share: masking part of one is better than masking
            // nothing.
            chosen.extend(&words[0][..wanted]);
        }
        chosen.sort_unstable();
        chosen
    }

    /// Returns the positions of each word's maskable tokens.
    fn words(&self, window: &[u32]) -> Vec<Vec<usize>> {
        let mut words: Vec<Vec<usize>> = Vec::new();
        let mut within = false;
        for (position, &id) in window.iter().enumerate() {
            let special = self.specials.contains(id);
            match words.last_mut() {
                _ if special => {}
                Some(word) if within && self.continues.get(id as usize) == Some(&true) => {
                    word.push(position)
                }
                _ => words.push(vec![position]),
            }
            within = !special;
        }
        words
    }

    /// Draws the replacement of `id`.
    fn corrupt(&self, id: u32, rng: &mut impl Rng) -> (u32, MaskKind) {
        let draw = unit_f64(rng);
        let Corruption { mask, random } = self.masking.corruption;
        match draw {
            _ if draw < mask => (self.specials.mask, MaskKind::Masked),
            _ if draw < mask + random && self.vocab_size > self.reserved.len() => {
                (self.random_token(rng), MaskKind::Random)
            }
            _ => (id, MaskKind::Kept),
        }
    }

    /// Draws an id uniformly from all but the reserved ones.
    fn random_token(&self, rng: &mut impl Rng) -> u32 {
        let plain = self.vocab_size - self.reserved.len();
        let drawn = below(rng, plain as u64) as u32;
        // Each reserved id at or below the result shifts it up by one.
        self.reserved.iter().fold(
            drawn,
            |id, &reserved| if reserved <= id { id + 1 } else { id },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIALS: Specials = Specials {
        pad: 0,
        unk: 1,
        cls: 2,
        sep: 3,
        mask: 4,
    };

    fn masker(rate: f64) -> Masker {
        Masker::of_parts(SPECIALS, 100, Vec::new(), Masking::of_rate(rate))
    }

    fn preview(example: u64) -> impl Rng {
        generator(1, Purpose::Preview, 0, example)
    }

    #[test]
    fn the_share_is_rounded_and_at_least_one_token_is_chosen() {
        for (rate, n, expected) in [
            (0.15, 20, 3),
            (0.15, 10, 2),
            (0.15, 1, 1),
            (0.15, 3, 1),
            (1.0, 7, 7),
            (0.0, 9, 1),
        ] {
            let window: Vec<u32> = [2].into_iter().chain(5..5 + n).chain([3, 0, 0]).collect();
            let masked = masker(rate).mask(&window, &mut preview(u64::from(n)));
            assert_eq!(masked.positions.len(), expected, "{rate} of {n}");
            assert!(expected <= masker(rate).slots(window.len()));
        }
        let nothing = masker(0.15).mask(&[2, 1, 3, 0, 0], &mut preview(0));
        assert_eq!(
            (nothing.positions.len(), nothing.ids),
            (0, vec![2, 1, 3, 0, 0])
        );
        assert_eq!(
            masker(0.15).mask(&[], &mut preview(0)).positions,
            [0_usize; 0]
        );
    }

    #[test]
    fn the_maximum_per_sequence_is_respected() {
        let one = Masker::of_parts(
            SPECIALS,
            100,
            Vec::new(),
            Masking {
                most: 1,
                ..Masking::of_rate(0.5)
            },
        );
        let window: Vec<u32> = [2].into_iter().chain(5..15).collect();
        assert_eq!(
            (
                one.mask(&window, &mut preview(0)).positions.len(),
                one.slots(11)
            ),
            (1, 1)
        );
    }

    #[test]
    fn chosen_tokens_are_replaced_80_10_10_and_evenly() {
        let window: Vec<u32> = [2].into_iter().chain(5..65).chain([3]).collect();
        let (mut kinds, mut positions, mut randoms) =
            ([0_u32; 3], vec![0_u32; window.len()], vec![0_u32; 100]);
        for example in 0..10_000 {
            let masked = masker(0.15).mask_example(&window, 1, 0, example);
            assert_eq!(masked.positions.len(), 9);
            for (&position, &target) in masked.positions.iter().zip(&masked.targets) {
                assert_eq!(window[position], target);
                positions[position] += 1;
                match masked.kinds[position] {
                    MaskKind::Masked => {
                        kinds[0] += u32::from(masked.ids[position] == SPECIALS.mask)
                    }
                    MaskKind::Random => {
                        kinds[1] += 1;
                        randoms[masked.ids[position] as usize] += 1;
                    }
                    MaskKind::Kept => kinds[2] += u32::from(masked.ids[position] == target),
                    other => panic!("{other:?} at a chosen position"),
                }
            }
        }
        // Each bound is five standard deviations of the binomial count.
        for (count, expected, bound) in [
            (kinds[0], 72_000, 600),
            (kinds[1], 9_000, 450),
            (kinds[2], 9_000, 450),
        ] {
            assert!(count.abs_diff(expected) < bound, "{kinds:?}");
        }
        assert!(
            positions[1..61]
                .iter()
                .all(|count| count.abs_diff(1500) < 180),
            "{positions:?}"
        );
        assert_eq!((positions[0], positions[61]), (0, 0));
        assert!(
            randoms[5..].iter().all(|count| count.abs_diff(95) < 50),
            "{randoms:?}"
        );
        assert_eq!(randoms[..5], [0; 5]);
    }

    #[test]
    fn special_tokens_are_never_drawn() {
        let specials = Specials {
            pad: 0,
            unk: 3,
            cls: 9,
            sep: 4,
            mask: 7,
        };
        let always = Corruption {
            mask: 0.0,
            random: 1.0,
        };
        let masker = Masker::of_parts(
            specials,
            10,
            Vec::new(),
            Masking {
                corruption: always,
                ..Masking::of_rate(1.0)
            },
        );
        let mut seen = [0; 10];
        for example in 0..100 {
            let masked = masker.mask(&[9, 1, 2, 5, 6, 8, 4, 3, 0], &mut preview(example));
            assert_eq!((masked.ids[0], &masked.ids[6..]), (9, &[4, 3, 0][..]));
            masked.ids[1..6]
                .iter()
                .for_each(|&id| seen[id as usize] += 1);
        }
        assert!([0, 3, 4, 7, 9].iter().all(|&id| seen[id] == 0));
        assert!([1, 2, 5, 6, 8].iter().all(|&id| seen[id] > 60), "{seen:?}");
    }

    #[test]
    fn a_whole_word_is_chosen_with_all_its_pieces() {
        let continues = (0..100).map(|id| id >= 50).collect();
        let masker = Masker::of_parts(SPECIALS, 100, continues, Masking::of_rate(0.4));
        // Words are at 1..3, 3, 4..7 and 8..10: the piece after [SEP] begins a new word.
        let window = [2, 10, 50, 11, 12, 51, 52, 3, 53, 54, 3];
        let mut seen = std::collections::BTreeSet::new();
        for example in 0..200 {
            let positions = masker.mask(&window, &mut preview(example)).positions;
            assert!((1..=3).contains(&positions.len()), "{positions:?}");
            seen.insert(positions);
        }
        let expected = [
            vec![1, 2],
            vec![1, 2, 3],
            vec![3, 8, 9],
            vec![4, 5, 6],
            vec![8, 9],
        ];
        assert!(
            seen.iter().all(|positions| expected.contains(positions)),
            "{seen:?}"
        );
        assert!(seen.len() >= 3, "{seen:?}");
        let long = masker.mask(&[2, 10, 50, 51, 52, 53, 54, 3], &mut preview(0));
        assert_eq!(long.positions, [1, 2]);
    }

    #[test]
    fn masks_differ_by_epoch_and_example_and_are_reproducible() {
        let window: Vec<u32> = (5..69).collect();
        let mask = |seed, epoch, example| masker(0.15).mask_example(&window, seed, epoch, example);
        assert_eq!(mask(1, 2, 3), mask(1, 2, 3));
        for other in [mask(2, 2, 3), mask(1, 3, 3), mask(1, 2, 4)] {
            assert_ne!(other.positions, mask(1, 2, 3).positions);
        }
    }
}
