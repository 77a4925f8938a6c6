//! Pre-training: from a configuration to a language model, by way of its data, its model
//! configuration and its initial weights.

use crate::data::Tokenizer;
use crate::data::examples::{Batch, MaskedExamples, Windows};
use crate::data::masking::{Masker, Masking};
use crate::error::Result;
use crate::interop::Weights;
use crate::model::{Layout, ModelConfig, specs};
use crate::session::checks::{check_enough, no_corpus};
use crate::session::dataset::tokenized_corpus::{self, TokenizedCorpus};
use crate::session::loaded_model::weights_of;
use crate::session::run::plan::{self, DataShape, EVALUATION_MASK_RATE, Plan};
use crate::session::run::snapshot::{self, Decoded};
use crate::session::run::task::{MaskedLm, Task};
use crate::session::run::training::RunSetup;
use crate::session::{Host, RunOutcome, Session, Snapshot};
use crate::train::OptimizerSettings;
use protocol::message;
use protocol::{FileRole, Phase, RunConfig};

/// Share of single-sentence documents above which next-sentence prediction is too easy, and a
/// warning is emitted.
const MAX_SINGLE_SHARE: f64 = 0.25;

/// A pre-training run before its first step.
struct Prepared {
    setup: RunSetup,
    task: MaskedLm,
    /// Fingerprint of the corpus.
    corpus: String,
    /// Weights of the model that it continues; empty for a new one.
    source: Weights,
}

/// The inputs of the first steps of a pre-training run, with which another program can repeat them.
pub struct FirstSteps {
    /// Configuration of the model.
    pub model: ModelConfig,
    /// Initial weights by name.
    pub weights: Weights,
    /// The batch of each step.
    pub batches: Vec<Batch>,
    /// The learning rate of each step.
    pub learning_rates: Vec<f64>,
    /// Settings of the optimiser.
    pub optimizer: OptimizerSettings,
}

impl<H: Host> Session<H> {
    /// Pre-trains a language model on the corpus. Resumes from `resume`, continues the imported
    /// model, or starts from scratch.
    ///
    /// # Errors
    /// Returns an error if the corpus or a setting cannot be used, or the run fails.
    pub async fn pretrain(
        &mut self,
        run: &str,
        config: &RunConfig,
        resume: Option<Snapshot>,
    ) -> Result<RunOutcome> {
        let resumed = self.resumed(Phase::Pretrain, resume)?;
        let config = resumed
            .as_ref()
            .map_or(config, |resumed| &resumed.state.config)
            .clone();
        let Prepared {
            setup,
            task,
            corpus,
            source,
        } = self
            .prepare_pretraining(run, config, resumed.as_ref())
            .await?;
        let finished = self.run(run, setup, task, corpus, resumed, source).await?;
        self.models.language_model = Some(finished.trained);
        self.models.pretraining_secs = Some(finished.outcome.elapsed_secs);
        self.models.continues = false;
        self.models.latest = Phase::Pretrain;
        Ok(finished.outcome)
    }

    /// Returns the inputs of the first steps of the run that `config` describes, at most as many as
    /// it has.
    ///
    /// # Errors
    /// Returns an error if the corpus or a setting cannot be used.
    pub async fn first_steps(&mut self, config: &RunConfig, steps: u64) -> Result<FirstSteps> {
        let Prepared {
            setup,
            mut task,
            source,
            ..
        } = self.prepare_pretraining("", config.clone(), None).await?;
        let layout = Layout::new(specs(&setup.model, setup.heads));
        let beginning = self.beginning("", &setup, source, false)?;
        let (groups, _) = beginning.values(&setup.model, &layout, &task, setup.plan.seed);
        let steps = 0..steps.min(setup.plan.steps());
        Ok(FirstSteps {
            weights: weights_of(&layout, &groups),
            batches: steps.clone().map(|step| task.batch(step)).collect(),
            learning_rates: steps.map(|step| setup.plan.schedule.lr(step)).collect(),
            optimizer: setup.plan.optimizer,
            model: setup.model,
        })
    }

    /// Prepares a pre-training run: its vocabulary, examples, plan and initial weights.
    async fn prepare_pretraining(
        &mut self,
        run: &str,
        config: RunConfig,
        resumed: Option<&Decoded>,
    ) -> Result<Prepared> {
        plan::check_numbers(&config)?;
        let base = if self.models.continues {
            self.models.language_model.clone()
        } else {
            None
        };
        let given = resumed.map(|resumed| &resumed.trained).or(base.as_ref());
        self.learn(run, &config, given.map(|model| model.tokenizer.clone()))?;
        let learned = self.dataset.learned.as_ref().expect("just learned");
        let mut model = match (resumed, &base) {
            (Some(resumed), _) => resumed.trained.config.clone(),
            (None, Some(base)) => unlabelled(&base.config, config.nsp),
            (None, None) => plan::model_config(&config, learned.tokenizer.len())?,
        };
        let max_len = plan::pretraining_max_len(&config, learned.mean_tokens()).min(
            model
                .max_position_embeddings
                .max(config.max_len.unwrap_or(0)),
        );
        plan::check_length(max_len, &model)?;
        learned.train.check(max_len)?;
        check_enough(learned.train.tokens().len())?;
        let (mut windows, held_out) = self.windows(run, learned, &config, max_len)?;
        let examples = windows.per_epoch(config.seed, max_len) as u64;
        let plan = match resumed {
            Some(resumed) => resumed.state.plan.clone(),
            None => plan::plan(
                &config,
                Phase::Pretrain,
                &model,
                DataShape {
                    examples,
                    max_len,
                    folds: None,
                    frozen: false,
                },
            )?,
        };
        model.trained_len = Some(plan.max_len);
        let task = masked_lm_task(&learned.tokenizer, windows, held_out, &plan);
        let (tokenizer, entropy_baselines) =
            (learned.tokenizer.clone(), learned.entropy_baselines());
        let heads = snapshot::heads_of(Phase::Pretrain, &config);
        let is_new = base.is_none() && resumed.is_none();
        let own_vectors = if is_new {
            self.own_vectors(run, &config, Phase::Pretrain, model.hidden_size)
        } else {
            None
        };
        let setup = RunSetup {
            heads,
            model,
            tokenizer,
            plan,
            config,
            entropy_baselines,
            word_vectors: true,
            own_vectors,
        };
        let corpus = self
            .dataset
            .corpus
            .as_ref()
            .ok_or_else(no_corpus)?
            .fingerprint()
            .to_string();
        let source = match base {
            Some(base) => base.weights().await?,
            None => Weights::new(),
        };
        Ok(Prepared {
            setup,
            task,
            corpus,
            source,
        })
    }

    /// Returns the training and validation examples: packed documents or, for next-sentence
    /// prediction, sentence pairs.
    pub(crate) fn windows(
        &self,
        run: &str,
        learned: &TokenizedCorpus,
        config: &RunConfig,
        max_len: usize,
    ) -> Result<(Windows, Option<Windows>)> {
        if !config.nsp {
            let valid = learned
                .valid
                .clone()
                .filter(|valid| valid.check(max_len).is_ok());
            return Ok((
                Windows::Packed(learned.train.clone()),
                valid.map(Windows::Packed),
            ));
        }
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let selection = tokenized_corpus::selection(config);
        let pairs = |role| {
            tokenized_corpus::pairs(&self.host, &learned.tokenizer, corpus, role, &selection)
        };
        let (train, valid) = (pairs(FileRole::Train)?, pairs(FileRole::Valid).ok());
        let single = train.single_share();
        if single > MAX_SINGLE_SHARE {
            let message = message!(
                "{percent} % of the documents have only one sentence; their second text is always random, which makes next-sentence prediction easy",
                percent = format!("{:.0}", single * 100.0)
            );
            self.warn(run, "single-sentences", message);
        }
        Ok((Windows::Pairs(train), valid.map(Windows::Pairs)))
    }
}

/// Returns the configuration of a classifier or language model whose pre-training continues, with
/// two token types for `pairs`.
fn unlabelled(model: &ModelConfig, pairs: bool) -> ModelConfig {
    ModelConfig {
        labels: Vec::new(),
        problem_type: None,
        threshold: None,
        threshold_scales: None,
        thresholds: None,
        type_vocab_size: model.type_vocab_size.max(if pairs { 2 } else { 1 }),
        ..model.clone()
    }
}

/// Builds the masked-LM task: trains on `train` and is evaluated on `held_out`, as `plan` says.
pub(crate) fn masked_lm_task(
    tokenizer: &Tokenizer,
    train: Windows,
    held_out: Option<Windows>,
    plan: &Plan,
) -> MaskedLm {
    let examples = |windows, masking| {
        MaskedExamples::new(
            windows,
            Masker::new(tokenizer, masking),
            plan.seed,
            plan.batch_size,
            plan.max_len,
        )
    };
    let masking = Masking {
        whole_word: plan.whole_word,
        most: plan.max_predictions.unwrap_or(usize::MAX),
        ..Masking::of_rate(plan.mask_rate)
    };
    MaskedLm {
        train: examples(train, masking),
        valid: held_out.map(|windows| examples(windows, Masking::of_rate(EVALUATION_MASK_RATE))),
        evaluation_batches: plan.evaluation_batches,
    }
}
