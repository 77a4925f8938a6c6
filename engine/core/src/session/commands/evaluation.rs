//! Masked held-out examples on which a language model is evaluated, and tokens of the training
//! text; also for export.

use crate::data::examples::{MaskedExamples, Windows};
use crate::data::masking::{Masker, Masking};
use crate::data::{Packed, Specials};
use crate::error::Result;
use crate::session::checks::{no_corpus, no_model};
use crate::session::dataset::tokenized_corpus;
use crate::session::loaded_model::LoadedModel;
use crate::session::query::input::BATCH_SIZE;
use crate::session::run::plan::{self, EVALUATION_MASK_RATE};
use crate::session::{Host, Session};
use protocol::{FileRole, RunConfig};

/// Target of tokens that are not masked, as in `torch.nn.CrossEntropyLoss`.
const NOT_MASKED: i32 = -100;

/// Masked windows of held-out text.
pub struct EvaluationRows {
    /// Tokens per window, `T`.
    pub max_len: usize,
    /// Input token ids, `[N, T]`, padded with `[PAD]`.
    pub inputs: Vec<i32>,
    /// Target token ids of the masked tokens, `[N, T]`, and -100 elsewhere.
    pub targets: Vec<i32>,
}

impl<H: Host> Session<H> {
    /// Checks that the session's model has a masked-LM head.
    ///
    /// # Errors
    /// Returns an error if it has none, or there is no model.
    pub fn check_masked_lm(&self) -> Result<()> {
        self.models
            .language_model
            .as_ref()
            .ok_or_else(no_model)?
            .require_masked_lm()
    }

    /// Returns the windows of a split, with masks drawn from `seed`.
    ///
    /// # Errors
    /// Returns an error if the split can no longer be read or is too short.
    pub(crate) fn evaluation_examples(
        &self,
        model: &LoadedModel,
        role: FileRole,
        seed: u64,
    ) -> Result<MaskedExamples> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
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

    /// Returns the validation windows that [`Session::evaluate`] evaluates a language model on.
    ///
    /// # Errors
    /// Returns an error if there is no masked language model, or the split can no longer be read or
    /// is too short.
    pub fn evaluation_rows(&self, seed: u64) -> Result<EvaluationRows> {
        let model = self.models.language_model.as_ref().ok_or_else(no_model)?;
        model.require_masked_lm()?;
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

    /// Returns the training text as tokens of the language model, each document followed by
    /// `[SEP]`.
    ///
    /// # Errors
    /// Returns an error if there is no model, or the text can no longer be read or has no token.
    pub fn training_tokens(&self) -> Result<(Packed, Specials)> {
        let model = self.models.language_model.as_ref().ok_or_else(no_model)?;
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let packed = tokenized_corpus::pack(&self.host, &model.tokenizer, corpus, FileRole::Train)?;
        Ok((packed, model.tokenizer.specials()))
    }
}
