//! Masked-LM batches of windows. The number of slots for masked tokens is fixed, so that every
//! batch has the same shape and the vocabulary projection runs on these slots only.

use super::packed::Window;
use super::{Batch, Packed, SentencePairs};
use crate::masking::Masker;

/// Source of windows: packed documents or sentence pairs.
#[derive(Clone, Debug)]
pub enum Windows {
    /// Documents packed end to end.
    Packed(Packed),
    /// Sentence pairs for next-sentence prediction.
    Pairs(SentencePairs),
}

impl Windows {
    /// Returns the number of windows per epoch.
    pub fn per_epoch(&mut self, seed: u64, max_len: usize) -> usize {
        match self {
            Self::Packed(packed) => packed.windows_per_epoch(max_len),
            Self::Pairs(pairs) => pairs.windows_per_epoch(seed, max_len),
        }
    }

    fn window(&mut self, seed: u64, epoch: u64, index: usize, max_len: usize) -> Window {
        match self {
            Self::Packed(packed) => {
                let ids = packed.window(seed, epoch, index, max_len);
                // A packed window is one segment, padding included.
                Window {
                    ids,
                    second: max_len,
                    random: None,
                }
            }
            Self::Pairs(pairs) => pairs.window(seed, epoch, index, max_len),
        }
    }
}

/// Masked-LM batches of one corpus, in one shape.
#[derive(Clone, Debug)]
pub struct MaskedExamples {
    windows: Windows,
    masker: Masker,
    seed: u64,
    batch_size: usize,
    max_len: usize,
    windows_per_epoch: usize,
}

impl MaskedExamples {
    /// Creates batches of `batch_size` windows of `max_len` tokens, masked by `masker`.
    pub fn new(
        mut windows: Windows,
        masker: Masker,
        seed: u64,
        batch_size: usize,
        max_len: usize,
    ) -> Self {
        assert!(batch_size > 0, "a batch holds an example");
        let windows_per_epoch = windows.per_epoch(seed, max_len);
        Self {
            windows,
            masker,
            seed,
            batch_size,
            max_len,
            windows_per_epoch,
        }
    }

    /// Returns the number of slots for masked tokens per batch, `M`.
    pub fn slots(&self) -> usize {
        self.batch_size * self.masker.slots(self.max_len)
    }

    /// Returns the number of windows per epoch.
    pub fn windows_per_epoch(&self) -> usize {
        self.windows_per_epoch
    }

    /// Returns the number of batches that hold each window at least once.
    pub fn batches_per_epoch(&self) -> usize {
        self.windows_per_epoch().div_ceil(self.batch_size)
    }

    /// Returns the batch of a training step, counted from 0. Batches continue across epochs, so
    /// that none has empty rows.
    pub fn batch(&mut self, step: u64) -> Batch {
        let windows = self.windows_per_epoch() as u64;
        let first = step * self.batch_size as u64;
        let rows = (first..)
            .take(self.batch_size)
            .map(|number| Some((number / windows, number % windows)));
        self.assemble(rows.collect())
    }

    /// Returns batch `index` of an evaluation, which covers each window of epoch 0 once; the last
    /// batch may have empty rows.
    pub fn batch_once(&mut self, index: usize) -> Batch {
        let windows = self.windows_per_epoch() as u64;
        let first = (index * self.batch_size) as u64;
        let rows = (first..)
            .take(self.batch_size)
            .map(|number| (number < windows).then_some((0, number)));
        self.assemble(rows.collect())
    }

    /// Builds a batch from windows given as (epoch, index); `None` leaves a row empty.
    fn assemble(&mut self, rows: Vec<Option<(u64, u64)>>) -> Batch {
        let mut batch = Batch::filled(&self.masker.specials(), self.batch_size, self.max_len);
        if matches!(self.windows, Windows::Pairs(_)) {
            batch.next_sentence = vec![0; self.batch_size];
        }
        for (row, (epoch, index)) in rows
            .into_iter()
            .enumerate()
            .filter_map(|(row, example)| Some((row, example?)))
        {
            let window = self
                .windows
                .window(self.seed, epoch, index as usize, self.max_len);
            let masked = self
                .masker
                .mask_example(&window.ids, self.seed, epoch, index);
            batch.set_row(row, &masked.ids, window.second);
            if let Some(random) = window.random {
                batch.next_sentence[row] = i32::from(random);
            }
            let flat = |position: &usize| (row * self.max_len + position) as i32;
            batch
                .masked_positions
                .extend(masked.positions.iter().map(flat));
            batch
                .masked_targets
                .extend(masked.targets.iter().map(|&id| id as i32));
        }
        batch.masked_weights = vec![1.0; batch.masked_positions.len()];
        batch.masked_positions.resize(self.slots(), 0);
        batch.masked_targets.resize(self.slots(), 0);
        batch.masked_weights.resize(self.slots(), 0.0);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::Tokens;
    use crate::masking::Masking;
    use crate::tokenizer::Tokenizer;
    use protocol::TokenizerKind;

    const TEXT: &str =
        "the man went to a store\nthe man bought a gallon of milk\nthe store had milk\nthe end\n";

    fn examples(batch_size: usize, max_len: usize) -> (MaskedExamples, Tokenizer) {
        let tokenizer =
            Tokenizer::learn(TokenizerKind::Char, false, 40, &mut TEXT.lines()).expect("text");
        let sep = tokenizer.specials().sep;
        let documents = TEXT
            .lines()
            .map(|line| [tokenizer.encode(line), vec![sep]].concat());
        let packed = Packed::new(
            Tokens::in_memory(documents, tokenizer.len()),
            tokenizer.specials(),
            tokenizer.len(),
        );
        let masker = Masker::new(&tokenizer, Masking::of_rate(0.15));
        let windows = Windows::Packed(packed.expect("text"));
        (
            MaskedExamples::new(windows, masker, 7, batch_size, max_len),
            tokenizer,
        )
    }

    fn check_shape(batch: &Batch, slots: usize, tokenizer: &Tokenizer) {
        let cells = batch.batch_size * batch.max_len;
        assert_eq!(
            [
                batch.ids.len(),
                batch.attention_mask.len(),
                batch.token_type_ids.len()
            ],
            [cells; 3]
        );
        let masked = [
            batch.masked_positions.len(),
            batch.masked_targets.len(),
            batch.masked_weights.len(),
        ];
        assert_eq!(masked, [slots; 3]);
        for (&id, &attended) in batch.ids.iter().zip(&batch.attention_mask) {
            assert!((0..tokenizer.len() as i32).contains(&id));
            assert_eq!(attended == 0, id == tokenizer.specials().pad as i32);
        }
        for row in batch.ids.chunks(batch.max_len) {
            assert_eq!(row[0], tokenizer.specials().cls as i32);
        }
    }

    #[test]
    fn batches_have_one_shape_and_unused_slots_have_weight_0() {
        for (batch_size, max_len) in [(1, 2), (3, 8), (16, 32), (5, 100)] {
            let (mut examples, tokenizer) = examples(batch_size, max_len);
            let slots = examples.slots();
            for step in 0..10 {
                let batch = examples.batch(step);
                check_shape(&batch, slots, &tokenizer);
                assert_eq!(batch.row_weights, vec![1.0; batch_size]);
                for slot in 0..slots {
                    let position = batch.masked_positions[slot] as usize;
                    if batch.masked_weights[slot] == 0.0 {
                        assert_eq!((position, batch.masked_targets[slot]), (0, 0));
                    } else {
                        assert!(!tokenizer.is_special(batch.masked_targets[slot] as u32));
                        assert_eq!(batch.attention_mask[position], 1);
                        assert_ne!(position % max_len, 0);
                    }
                }
            }
        }
    }

    #[test]
    fn an_evaluation_covers_each_window_once() {
        let (mut examples, tokenizer) = examples(4, 8);
        let windows = examples.windows_per_epoch();
        assert_ne!(windows % 4, 0);
        let mut rows = 0.0;
        for index in 0..examples.batches_per_epoch() {
            let batch = examples.batch_once(index);
            check_shape(&batch, examples.slots(), &tokenizer);
            rows += batch.row_weights.iter().sum::<f32>();
        }
        assert_eq!(rows, windows as f32);
        assert_eq!(examples.batch_once(0), examples.batch(0));
    }

    #[test]
    fn steps_continue_across_epochs_and_are_reproducible() {
        let (mut first, _) = examples(4, 8);
        let (mut again, _) = examples(4, 8);
        let forward: Vec<Batch> = (0..20).map(|step| first.batch(step)).collect();
        for step in (0..20).rev() {
            assert_eq!(again.batch(step), forward[step as usize]);
        }
        let masks: std::collections::BTreeSet<_> = forward
            .iter()
            .map(|batch| &batch.masked_positions)
            .collect();
        assert_eq!(masks.len(), 20);
    }
}
