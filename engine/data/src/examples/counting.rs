//! The counting task: predict whether more than 51 of a hundred coin flips are heads. It needs no
//! text and leaves no words to memorise, and it cannot be solved without attention spread evenly
//! over all positions: a self-test of the Transformer, taken over from the 2018 system (x in {0,
//! 1}^100, class 1 if the sum is above 100 / 2 + 1).

use super::Batch;
use crate::random::{Purpose, generator};
use crate::tokenizer::Specials;
use rand_core::Rng;

/// Number of flips per example.
pub const FLIPS: usize = 100;
/// Sum that a positive example exceeds.
pub const THRESHOLD: usize = FLIPS / 2 + 1;
/// Entropy of the classes in nats: 38.2 % of the examples are positive.
pub const MAJORITY_LOSS: f64 = 0.665;

/// Source of newly drawn examples for every step.
#[derive(Clone, Debug)]
pub struct Counting {
    /// Ids of `[CLS]` and padding.
    pub specials: Specials,
    /// Token ids of tails and heads.
    pub sides: [u32; 2],
    /// Seed of the flips.
    pub seed: u64,
    /// Examples per batch.
    pub batch_size: usize,
}

impl Counting {
    /// Number of tokens per example, `[CLS]` included.
    pub const MAX_LEN: usize = FLIPS + 1;

    /// Returns the batch of a step, counted from 0.
    pub fn batch(&self, step: u64) -> Batch {
        self.draw(Purpose::Order, step)
    }

    /// Returns a batch that no training step uses.
    pub fn held_out(&self, index: u64) -> Batch {
        self.draw(Purpose::Preview, index)
    }

    fn draw(&self, purpose: Purpose, index: u64) -> Batch {
        let mut batch = Batch::filled(&self.specials, self.batch_size, Self::MAX_LEN);
        batch.labels = vec![0.0; 2 * self.batch_size];
        for row in 0..self.batch_size {
            let rng = &mut generator(self.seed, purpose, index, row as u64);
            let flips: Vec<usize> = (0..FLIPS).map(|_| (rng.next_u64() & 1) as usize).collect();
            let ids: Vec<u32> = std::iter::once(self.specials.cls)
                .chain(flips.iter().map(|&side| self.sides[side]))
                .collect();
            batch.set_row(row, &ids, Self::MAX_LEN);
            batch.labels[2 * row + class(flips.iter().sum())] = 1.0;
        }
        batch
    }
}

/// Returns the class of a sum: 1 above the threshold, else 0.
pub fn class(sum: usize) -> usize {
    usize::from(sum > THRESHOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_follows_from_the_sum() {
        assert_eq!((THRESHOLD, class(51), class(52)), (51, 0, 1));
        let counting = Counting {
            specials: Specials {
                pad: 0,
                unk: 1,
                cls: 2,
                sep: 3,
                mask: 4,
            },
            sides: [5, 6],
            seed: 1,
            batch_size: 500,
        };
        let batch = counting.batch(0);
        let mut passed = 0;
        for (ids, labels) in batch
            .ids
            .chunks(Counting::MAX_LEN)
            .zip(batch.labels.chunks(2))
        {
            let heads = ids.iter().filter(|&&id| id == 6).count();
            assert_eq!(labels[class(heads)], 1.0);
            assert_eq!(labels.iter().sum::<f32>(), 1.0);
            passed += class(heads);
        }
        // 38.2 % of 500 within five standard deviations.
        assert!((137..=245).contains(&passed), "{passed}");
        assert_ne!(counting.batch(1).ids, batch.ids);
        assert_ne!(counting.held_out(0).ids, batch.ids);
    }
}
