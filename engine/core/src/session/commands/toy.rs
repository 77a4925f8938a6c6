//! The counting task as a run: the real model, optimiser and training loop on synthetic examples.
//! It stops as soon as the loss on fresh examples is below a tenth of a nat.

use crate::data::Tokenizer;
use crate::data::entropy_baselines::EntropyBaselines;
use crate::data::examples::counting::{Counting, MAJORITY_LOSS};
use crate::error::Result;
use crate::interop::Weights;
use crate::model::{Dropout, Heads, ModelConfig, ParamTensors, ProblemType};
use crate::session::read::read;
use crate::session::run::Finished;
use crate::session::run::plan::{self, Budget, DataShape, Plan};
use crate::session::run::task::{Split, Task};
use crate::session::run::training::RunSetup;
use crate::session::{Host, Session};
use crate::train::{
    DEFAULT_WARMUP, Decision, DeviceBatch, EvalInput, Schedule, TrainingLoss, classifier_metrics,
    classify, probabilities,
};
use burn::tensor::Device;
use protocol::{Metrics, PartsKind, Phase, RunConfig, TokenizerKind};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Loss on fresh examples, in nats, below which the task counts as solved.
pub const SOLVED_LOSS: f64 = 0.1;
/// Default number of steps and batch size.
const STEPS: u64 = 1000;
const BATCH_SIZE: usize = 64;
/// Steps between evaluations, and batches in each: 640 examples distinguish a loss of 0.1 from
/// 0.12.
const EVALUATE_EVERY: u64 = 20;
const HELD_OUT_BATCHES: u64 = 10;
/// Peak learning rate at width 128: the best of those tried (`docs/from-the-2018-system.md`).
const LR: f64 = 1e-3;
/// Warm-up steps. A tenth of [`STEPS`] would take longer than the whole training.
const WARMUP_STEPS: u64 = 10;
/// Default preset: what the 2018 system recommended for this task.
const PRESET: &str = "small";

/// The result of the counting task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToyOutcome {
    /// Whether the loss on fresh examples is below [`SOLVED_LOSS`].
    pub learned: bool,
    /// Optimiser steps done.
    pub step: u64,
    /// Loss on fresh examples at the end, in nats.
    pub loss: f64,
    /// Accuracy on fresh examples.
    pub accuracy: f64,
    /// Whether it was stopped.
    pub stopped: bool,
    /// Seconds of training.
    pub elapsed_secs: f64,
}

impl<H: Host> Session<H> {
    /// Trains on the counting task, with the preset, learning rate, batch size, steps and seed of
    /// `config`.
    ///
    /// # Errors
    /// Returns an error if a setting cannot be used or the run fails.
    pub async fn toy(&mut self, run: &str, config: &RunConfig) -> Result<ToyOutcome> {
        plan::check_numbers(config)?;
        let defaults = RunConfig::default();
        let preset = if config.preset == defaults.preset {
            PRESET.into()
        } else {
            config.preset.clone()
        };
        let config = RunConfig {
            preset,
            ..config.clone()
        };
        let tokenizer = Tokenizer::learn(
            TokenizerKind::Word,
            false,
            16,
            &mut ["tails heads tails heads"].into_iter(),
        )?;
        let side = |name: &str| tokenizer.id(name).expect("both sides were learned");
        let batch_size = config.batch_size.unwrap_or(BATCH_SIZE);
        let task = Toy {
            examples: Counting {
                specials: tokenizer.specials(),
                sides: [side("tails"), side("heads")],
                seed: config.seed,
                batch_size,
            },
        };
        let mut model = plan::model_config(
            &RunConfig {
                max_len: None,
                ..config.clone()
            },
            tokenizer.len(),
        )?;
        model.labels = vec!["at most 51".into(), "above 51".into()];
        model.problem_type = Some(ProblemType::SingleLabelClassification);
        model.max_position_embeddings = Counting::MAX_LEN;
        let plan = toy_plan(&config, &model, batch_size)?;
        let entropy_baselines = EntropyBaselines {
            uniform: std::f64::consts::LN_2,
            unigram: MAJORITY_LOSS,
            bigram: None,
        };
        let tokenizer = Rc::new(tokenizer);
        let heads = Heads::CLASSIFIER;
        let start = RunSetup {
            heads,
            model,
            tokenizer,
            plan,
            config,
            entropy_baselines,
            word_vectors: false,
            own_vectors: None,
        };
        let Finished {
            outcome, scores, ..
        } = self
            .run(run, start, task, "counting".into(), None, Weights::new())
            .await?;
        let last = scores.last().map(|score| score.figures).unwrap_or_default();
        Ok(ToyOutcome {
            learned: !scores.is_empty() && last.loss < SOLVED_LOSS,
            step: outcome.step,
            loss: last.loss,
            accuracy: last.precision_at_1,
            stopped: outcome.stopped,
            elapsed_secs: outcome.elapsed_secs,
        })
    }
}

/// Returns the plan of a fine-tuning run without dropout, which would change the count.
fn toy_plan(config: &RunConfig, model: &ModelConfig, batch_size: usize) -> Result<Plan> {
    let steps = config.steps.unwrap_or(STEPS);
    let config = RunConfig {
        steps: Some(steps),
        batch_size: Some(batch_size),
        parts: Some(PartsKind::One),
        ..config.clone()
    };
    let data = DataShape {
        examples: steps * batch_size as u64,
        max_len: Counting::MAX_LEN,
        folds: None,
        frozen: false,
    };
    let plan = plan::plan(&config, Phase::Finetune, model, data)?;
    let lr = config
        .lr
        .unwrap_or(LR * (128.0 / model.hidden_size as f64).sqrt().min(1.0));
    let none = Dropout::NONE;
    Ok(Plan {
        budget: Budget::Steps(steps),
        schedule: Schedule {
            warmup_steps: WARMUP_STEPS.min(steps),
            ..Schedule::new(lr, steps, DEFAULT_WARMUP)
        },
        evaluate_every: EVALUATE_EVERY,
        steps_per_epoch: steps,
        hidden_dropout: none.hidden,
        attention_dropout: none.attention,
        ..plan
    })
}

struct Toy {
    examples: Counting,
}

impl Task for Toy {
    fn batch(&mut self, step: u64) -> crate::data::Batch {
        self.examples.batch(step)
    }

    fn loss(&self) -> TrainingLoss {
        TrainingLoss::Classification {
            problem: ProblemType::SingleLabelClassification,
            balanced_by: None,
        }
    }

    async fn evaluate(
        &mut self,
        config: &mut ModelConfig,
        params: &ParamTensors,
        device: &Device,
        split: Split,
        should_continue: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>> {
        if split == Split::Test {
            return Ok(None);
        }
        let (mut scores, mut truth): (Vec<Vec<f64>>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
        for index in 0..HELD_OUT_BATCHES {
            let batch = self.examples.held_out(index);
            truth.extend(
                batch
                    .labels
                    .chunks(2)
                    .map(|row| vec![usize::from(row[1] == 1.0)]),
            );
            let logits = read(classify(
                config,
                params,
                &DeviceBatch::upload(&batch, config, device),
            ))
            .await?;
            scores.extend(
                logits
                    .chunks(2)
                    .map(|row| probabilities(row, ProblemType::SingleLabelClassification)),
            );
            if !should_continue().await? {
                return Ok(None);
            }
        }
        let losses = scores
            .iter()
            .zip(&truth)
            .map(|(scores, truth)| -scores[truth[0]].max(f64::MIN_POSITIVE).ln());
        let loss = losses.sum::<f64>() / scores.len() as f64;
        let unseen = BTreeMap::new();
        let eval_input = EvalInput {
            scores: &scores,
            truth: &truth,
            labels: &config.labels,
            unseen: &unseen,
            loss,
        };
        Ok(Some(Metrics::Classifier(classifier_metrics(
            eval_input,
            Decision::Best,
        ))))
    }

    /// Queries are about text, not coins.
    fn answers(&self) -> bool {
        false
    }

    fn is_learned(&self, metrics: &Metrics) -> bool {
        matches!(metrics, Metrics::Classifier(figures) if figures.loss < SOLVED_LOSS)
    }
}
