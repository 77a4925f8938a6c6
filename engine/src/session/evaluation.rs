//! Held-out text as a language model is measured on it, and training text as tokens, also for training elsewhere.

use super::checks::{needs_masked_lm, no_corpus, no_model};
use super::loaded_model::LoadedModel;
use super::plan::{self, EVALUATION_MASK_RATE};
use super::{BATCH_SIZE, Host, Session, tokenized_corpus};
use crate::data::examples::{MaskedExamples, Windows};
use crate::data::masking::{Masker, Masking};
use crate::data::{Packed, Specials};
use crate::error::Result;
use protocol::{FileRole, RunConfig};

/// In place of the target where a token is not to be guessed, as in `torch.nn.CrossEntropyLoss`.
const NOT_MASKED: i32 = -100;

/// Masked windows of held-out text.
pub struct EvaluationRows {
    /// Tokens of a window, `T`.
    pub max_len: usize,
    /// What the model sees, `[N, T]`, padded with `[PAD]`.
    pub inputs: Vec<i32>,
    /// The tokens to guess, `[N, T]`, and -100 elsewhere.
    pub targets: Vec<i32>,
}

impl<H: Host> Session<H> {
    /// Refuses a session whose model does not guess masked words.
    ///
    /// # Errors
    /// When it does not, or there is no model.
    pub fn check_masked_lm(&self) -> Result<()> {
        needs_masked_lm(self.language_model.as_ref().ok_or_else(no_model)?)
    }

    /// The windows of a part of the corpus, masked as `seed` says.
    ///
    /// # Errors
    /// When the part can no longer be read or is too short.
    pub(super) fn evaluation_examples(
        &self,
        model: &LoadedModel,
        role: FileRole,
        seed: u64,
    ) -> Result<MaskedExamples> {
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let packed = tokenized_corpus::pack(&self.host, &model.tokenizer, corpus, role)?;
        let fitted = || {
            plan::pretraining_max_len(
                &RunConfig::default(),
                tokenized_corpus::mean_tokens(&packed),
            )
        };
        let max_len = model
            .config
            .trained_len
            .unwrap_or_else(|| fitted().min(model.config.max_position_embeddings));
        packed.check(max_len)?;
        let masker = Masker::new(&model.tokenizer, Masking::of_rate(EVALUATION_MASK_RATE));
        Ok(MaskedExamples::new(
            Windows::Packed(packed),
            masker,
            seed,
            BATCH_SIZE,
            max_len,
        ))
    }

    /// The validation windows that [`Session::evaluate`] measures a language model on.
    ///
    /// # Errors
    /// As there.
    pub fn evaluation_rows(&self, seed: u64) -> Result<EvaluationRows> {
        let model = self.language_model.as_ref().ok_or_else(no_model)?;
        needs_masked_lm(model)?;
        let mut examples = self.evaluation_examples(model, FileRole::Valid, seed)?;
        let mut rows = EvaluationRows {
            max_len: 0,
            inputs: Vec::new(),
            targets: Vec::new(),
        };
        for index in 0..examples.batches_per_epoch() {
            let batch = examples.batch_once(index);
            rows.max_len = batch.max_len;
            let used = batch
                .row_weights
                .iter()
                .filter(|weight| **weight > 0.0)
                .count()
                * batch.max_len;
            let mut targets = vec![NOT_MASKED; batch.ids.len()];
            let slots = batch
                .masked_positions
                .iter()
                .zip(&batch.masked_targets)
                .zip(&batch.masked_weights);
            for ((position, target), _) in slots.filter(|(_, weight)| **weight > 0.0) {
                targets[*position as usize] = *target;
            }
            rows.inputs.extend(&batch.ids[..used]);
            rows.targets.extend(&targets[..used]);
        }
        Ok(rows)
    }

    /// The training text as the tokens of the language model, each document ended by `[SEP]`.
    ///
    /// # Errors
    /// When there is no model, or the text can no longer be read or has no token.
    pub fn training_tokens(&self) -> Result<(Packed, Specials)> {
        let model = self.language_model.as_ref().ok_or_else(no_model)?;
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let packed = tokenized_corpus::pack(&self.host, &model.tokenizer, corpus, FileRole::Train)?;
        Ok((packed, model.tokenizer.specials()))
    }
}
