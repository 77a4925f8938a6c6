//! From the requested configuration to a checked plan: the one place where a configuration is
//! refused, with a hint, before any work on the device.

mod budget;
mod length;
mod limits;
mod shape;

pub use crate::session::run::plan::length::FINETUNING_EPOCHS;
pub use crate::session::run::plan::limits::{check_length, check_numbers, max_lr, training_bytes};
pub use crate::session::run::plan::shape::model_config;

use crate::data::examples::EncodedDocuments;
use crate::error::Result;
use crate::model::{Dropout, ModelConfig};
use crate::session::run::plan::length::{budget, networks, pretraining_epochs};
use crate::session::run::plan::limits::{check_frozen_memory, check_memory, is_sound_budget};
use crate::train::{DEFAULT_WARMUP, MuonSettings, OptimizerSettings, Schedule};
pub use budget::{Budget, DataShape, MIN_MAX_LEN};
use protocol::{EmbeddingInit, OptimizerKind, Phase, RunConfig};
use serde::{Deserialize, Serialize};

/// A checked configuration: what a run will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Pre-training or fine-tuning.
    pub phase: Phase,
    /// Seed of all random generators of the run.
    pub seed: u64,
    /// Examples per step.
    pub batch_size: usize,
    /// Maximum number of tokens per example.
    pub max_len: usize,
    /// Steps per epoch.
    pub steps_per_epoch: u64,
    /// Networks that are trained one after another, with different seeds.
    #[serde(default = "one")]
    pub networks: u64,
    /// Length of the training of each network.
    pub budget: Budget,
    /// Learning-rate schedule of each network.
    pub schedule: Schedule,
    /// Settings of the optimiser.
    pub optimizer: OptimizerSettings,
    /// Share of the tokens that are masked (pre-training).
    pub mask_rate: f64,
    /// Whether whole words are masked (pre-training).
    pub whole_word: bool,
    /// Maximum number of masked tokens per example (pre-training).
    #[serde(default)]
    pub max_predictions: Option<usize>,
    /// Dropout probability of hidden states in training.
    pub hidden_dropout: f64,
    /// Dropout probability of attention weights in training.
    pub attention_dropout: f64,
    /// Steps between reports. Counted in steps, not seconds, so that two identical runs report
    /// alike.
    pub report_every: u64,
    /// Steps between evaluations.
    pub evaluate_every: u64,
    /// Validation batches per evaluation (pre-training).
    pub evaluation_batches: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Parts of a batch whose gradients are computed separately and added, on the CPU.
    #[serde(default = "one_part")]
    pub batch_parts: usize,
}

/// Maximum length that is chosen automatically: attention grows with its square.
const LONGEST_FITTED: usize = 128;
/// Share of the documents that fit the automatic length untruncated.
const FITTED_SHARE: f64 = 0.98;
/// Mask rate in evaluation, independent of training, so that losses of different mask rates are
/// comparable.
pub const EVALUATION_MASK_RATE: f64 = 0.15;
/// A report waits for the device; one every eight steps bounds the queue of a GPU at no noticeable
/// cost.
const MAX_STEPS_BETWEEN_REPORTS: u64 = 8;
/// Approximate number of reports per run, if it is short enough.
const REPORTS_PER_RUN: u64 = 200;
/// Maximum number of validation batches per evaluation: 400 windows at the default batch size.
const MAX_EVALUATION_BATCHES: u64 = 25;
/// Default number of checkpoints per run.
const CHECKPOINTS_PER_RUN: u64 = 10;
/// Default minimum of steps between checkpoints: fewer are not worth the writes.
const MIN_STEPS_BETWEEN_CHECKPOINTS: u64 = 100;
/// Maximum number of steps between evaluations, and between checkpoints, of a run with a time
/// budget.
const MAX_STEPS_UNSEEN: u64 = 500;

/// Mean document length, in tokens, up to which the short window is used.
const SHORT_DOCUMENT_TOKENS: f64 = 24.0;
/// Default lengths for short and for long documents; short windows learn faster on a budget of
/// minutes.
const WINDOWS: (usize, usize) = (32, 64);
/// Example length of the 2018 system: `[CLS]` and ten tokens, of which one in ten is masked.
const SEED_WINDOW: usize = 11;
const SEED_MASK_RATE: f64 = 0.1;
/// Examples per epoch from which the default batch size is 32 instead of 16, so that small data
/// makes enough steps.
const MIN_EXAMPLES_OF_WIDE_BATCHES: u64 = 2000;

/// Returns the example length of pre-training: as configured, or by the mean document length in
/// tokens.
pub fn pretraining_max_len(config: &RunConfig, mean_tokens: f64) -> usize {
    let fitted = if mean_tokens <= SHORT_DOCUMENT_TOKENS {
        WINDOWS.0
    } else {
        WINDOWS.1
    };
    config.max_len.unwrap_or(if config.seed_masking {
        SEED_WINDOW
    } else {
        fitted
    })
}

/// Returns the example length of fine-tuning: as configured, or such that 98 % of the documents fit
/// with `[CLS]` and `[SEP]`, at most `max`.
pub fn finetuning_max_len(config: &RunConfig, documents: &EncodedDocuments, max: usize) -> usize {
    config
        .max_len
        .unwrap_or_else(|| fitted_len(documents).min(max))
}

/// Returns the example length that suits classifying `documents`.
pub fn fitted_len(documents: &EncodedDocuments) -> usize {
    documents
        .fitting_len(FITTED_SHARE)
        .next_multiple_of(8)
        .clamp(MIN_MAX_LEN * 2, LONGEST_FITTED)
}

/// Checks `config` for a run of `phase` with `model` on `data`.
///
/// # Errors
/// Returns an error for the first setting that cannot be met, naming its flag.
pub fn plan(
    config: &RunConfig,
    phase: Phase,
    model: &ModelConfig,
    data: DataShape,
) -> Result<Plan> {
    let pretrain = phase == Phase::Pretrain;
    check_length(data.max_len, model)?;
    let batch_size = config
        .batch_size
        .unwrap_or(if data.examples < MIN_EXAMPLES_OF_WIDE_BATCHES {
            16
        } else {
            32
        });
    if data.frozen {
        check_frozen_memory(model, batch_size, data.max_len)?;
    } else {
        check_memory(model, batch_size, data.max_len)?;
    }
    let steps_per_epoch = data.examples.div_ceil(batch_size as u64).max(1);
    let tokens_per_epoch = steps_per_epoch * (batch_size * data.max_len) as u64;
    let networks = match data.folds {
        Some(folds) => folds,
        None if pretrain => 1,
        None => networks(config, tokens_per_epoch),
    };
    let default_epochs = if pretrain {
        pretraining_epochs(data)
    } else {
        FINETUNING_EPOCHS
    };
    let (budget, steps) = budget(config, default_epochs, steps_per_epoch, networks);
    let dropout = training_dropout(config, model, pretrain);
    let evaluate_every = if pretrain {
        steps_per_epoch.min(steps).div_ceil(4).max(steps.min(10))
    } else {
        steps_per_epoch
    };
    let checkpoint_every = (steps / CHECKPOINTS_PER_RUN).max(MIN_STEPS_BETWEEN_CHECKPOINTS);
    // How many steps a time budget allows is unknown: anything counted in steps must come soon
    // enough.
    let (evaluate_every, checkpoint_every) = match budget {
        Budget::Seconds(_) if pretrain => (
            evaluate_every.min(MAX_STEPS_UNSEEN),
            checkpoint_every.min(MAX_STEPS_UNSEEN),
        ),
        Budget::Seconds(_) => (evaluate_every, checkpoint_every.min(MAX_STEPS_UNSEEN)),
        Budget::Steps(_) => (evaluate_every, checkpoint_every),
    };
    let muon = muon(config, model, pretrain);
    let warmup_share = if muon.is_some() {
        MUON_WARMUP
    } else {
        DEFAULT_WARMUP
    };
    let lr = config.lr.unwrap_or_else(|| default_lr(model, pretrain));
    Ok(Plan {
        phase,
        seed: config.seed,
        batch_size,
        max_len: data.max_len,
        steps_per_epoch,
        networks,
        budget,
        schedule: Schedule::new(lr, steps, warmup_share),
        optimizer: OptimizerSettings {
            muon,
            ..OptimizerSettings::default()
        },
        mask_rate: mask_rate(config, model),
        whole_word: config.whole_word,
        max_predictions: config.max_predictions.or(config.seed_masking.then_some(1)),
        hidden_dropout: dropout.hidden,
        attention_dropout: dropout.attention,
        report_every: (steps / REPORTS_PER_RUN).clamp(1, MAX_STEPS_BETWEEN_REPORTS),
        evaluate_every,
        evaluation_batches: (steps / 8).clamp(2, MAX_EVALUATION_BATCHES),
        checkpoint_every: config.checkpoint_every.unwrap_or(checkpoint_every),
        batch_parts: one_part(),
    })
}

/// Returns Muon's settings if it trains the matrices inside the blocks: by default in pre-training,
/// for presets whose recipe says so.
fn muon(config: &RunConfig, model: &ModelConfig, pretrain: bool) -> Option<MuonSettings> {
    let is_default = pretrain && model.architecture.backbone().recipe().muon;
    let is_wanted = config
        .optimizer
        .map_or(is_default, |kind| kind == OptimizerKind::Muon);
    is_wanted.then(MuonSettings::default)
}

/// Whether the word embeddings of a new model are initialised from vectors of the training text.
pub fn starts_from_own_vectors(config: &RunConfig, phase: Phase) -> bool {
    config.embedding_init.unwrap_or(match phase {
        Phase::Pretrain => EmbeddingInit::Own,
        Phase::Finetune => EmbeddingInit::Random,
    }) == EmbeddingInit::Own
}

/// Returns the mask rate of pre-training: as configured, or the default of the architecture: as
/// published for BERT; `fast` models learn more from each window at 0.4 (docs/recipes.md).
pub fn mask_rate(config: &RunConfig, model: &ModelConfig) -> f64 {
    let own = model.architecture.backbone().recipe().mask_rate;
    config.mask_rate.unwrap_or(if config.seed_masking {
        SEED_MASK_RATE
    } else {
        own
    })
}

impl Plan {
    /// Returns the plan without training: one network, whose weights are given.
    pub fn without_steps(self) -> Self {
        let schedule = Schedule {
            steps: 0,
            ..self.schedule
        };
        Self {
            networks: 1,
            budget: Budget::Steps(0),
            schedule,
            ..self
        }
    }

    /// Returns the planned steps of all networks; an estimate for a time budget.
    pub fn steps(&self) -> u64 {
        self.schedule.steps * self.networks
    }

    /// Whether a plan that was read from a file is valid for `model`.
    pub fn is_sound(&self, model: &ModelConfig) -> bool {
        let counts = [
            self.networks,
            self.steps_per_epoch,
            self.report_every,
            self.evaluate_every,
            self.checkpoint_every,
        ];
        let OptimizerSettings {
            beta1,
            beta2,
            eps,
            weight_decay,
            clip_norm,
            muon,
        } = self.optimizer;
        let Schedule {
            peak,
            warmup_share,
            floor,
            ..
        } = self.schedule;
        let shares = [
            self.mask_rate,
            self.hidden_dropout,
            self.attention_dropout,
            beta1,
            beta2,
            warmup_share,
        ];
        let is_positive = |value: f64| value.is_finite() && value > 0.0;
        let is_decay = |value: f64| value.is_finite() && value >= 0.0;
        let has_sound_muon = muon.is_none_or(|muon| {
            is_positive(muon.lr_ratio)
                && (0.0..1.0).contains(&muon.momentum)
                && is_decay(muon.weight_decay)
        });
        let memory = if self.budget == Budget::Steps(0) {
            check_frozen_memory
        } else {
            check_memory
        };
        let fits = check_length(self.max_len, model)
            .and_then(|()| memory(model, self.batch_size, self.max_len));
        self.batch_size > 0
            && self.batch_parts.is_power_of_two()
            && self.batch_parts <= self.batch_size
            && counts.iter().all(|&count| count > 0)
            && shares.iter().all(|share| (0.0..1.0).contains(share))
            && is_positive(peak)
            && peak <= max_lr()
            && (0.0..=1.0).contains(&floor)
            && [eps, clip_norm].into_iter().all(is_positive)
            && is_decay(weight_decay)
            && has_sound_muon
            && is_sound_budget(self.budget)
            && self.max_predictions != Some(0)
            && fits.is_ok()
    }

    /// Returns the dropout probabilities in training.
    pub fn dropout(&self) -> Dropout {
        Dropout {
            hidden: self.hidden_dropout,
            attention: self.attention_dropout,
        }
    }
}

fn one() -> u64 {
    1
}

fn one_part() -> usize {
    1
}

/// Fine-tuning repeats few documents often and needs dropout; a few epochs of re-masked text do not
/// (Geiping & Goldstein 2022, 4.3).
fn training_dropout(config: &RunConfig, model: &ModelConfig, pretrain: bool) -> Dropout {
    if let Some(share) = config.dropout {
        return Dropout {
            hidden: share,
            attention: share,
        };
    }
    let own = model.architecture.backbone().recipe().finetuning_dropout;
    let hidden = if pretrain {
        model.hidden_dropout_prob
    } else {
        own
    };
    Dropout {
        hidden,
        attention: model.attention_probs_dropout_prob,
    }
}

/// Returns the default peak learning rate, which decreases with the hidden size.
pub fn default_lr(model: &ModelConfig, pretrain: bool) -> f64 {
    let recipe = model.architecture.backbone().recipe();
    let narrow = if pretrain {
        recipe.pretraining_lr
    } else {
        recipe.finetuning_lr
    };
    narrow * (128.0 / model.hidden_size as f64).sqrt().min(1.0)
}

/// Warm-up as a share of a run with Muon: 10 % cost 0.04 nats at a quarter of the epoch
/// (docs/recipes.md).
const MUON_WARMUP: f64 = 0.03;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::examples::EncodedDocument;
    use protocol::{PartsKind, SettingKind, SettingRange};

    fn check(change: impl Fn(&mut RunConfig)) -> Result<Plan> {
        let mut config = RunConfig::default();
        change(&mut config);
        check_numbers(&config)?;
        let model = model_config(&config, 1000)?;
        let max_len = pretraining_max_len(&config, 16.0);
        plan(
            &config,
            Phase::Pretrain,
            &model,
            DataShape {
                examples: 1600,
                max_len,
                folds: None,
                frozen: false,
            },
        )
    }

    #[test]
    fn small_corpora_get_several_epochs_and_large_ones_get_one() {
        let plan = check(|_| ()).expect("defaults are sound");
        assert_eq!(
            (plan.batch_size, plan.max_len, plan.steps(), plan.budget),
            (16, 32, 800, Budget::Steps(800))
        );
        assert_eq!(
            (
                plan.report_every,
                plan.evaluate_every,
                plan.checkpoint_every
            ),
            (4, 25, 100)
        );
        let epochs = |examples| {
            pretraining_epochs(DataShape {
                examples,
                max_len: 32,
                folds: None,
                frozen: false,
            })
        };
        assert_eq!(
            [1000, 25_000, 50_000, 1_000_000].map(epochs),
            [8.0, 2.0, 1.0, 1.0]
        );
    }

    #[test]
    fn dropout_is_that_of_the_architecture_unless_given() {
        let dropout = |preset: &str, given| {
            let plan = check(|config| {
                config.preset = preset.into();
                config.dropout = given;
            });
            let Dropout { hidden, attention } = plan.expect("it is sound").dropout();
            (hidden, attention)
        };
        assert_eq!(dropout("bert-tiny", None), (0.1, 0.1));
        assert_eq!(dropout("bert-tiny", Some(0.0)), (0.0, 0.0));
        assert_eq!(dropout("fast-tiny", Some(0.3)), (0.3, 0.3));
        assert!(check(|config| config.dropout = Some(0.95)).is_err());
    }

    #[test]
    fn a_small_classifier_gets_three_networks_that_share_the_budget() {
        let config = RunConfig {
            steps: Some(31),
            ..RunConfig::default()
        };
        let model = ModelConfig::preset("fast-nano", 100, 64).expect("exists");
        let planned = |config: &RunConfig, examples| {
            let plan = plan(
                config,
                Phase::Finetune,
                &model,
                DataShape {
                    examples,
                    max_len: 32,
                    folds: None,
                    frozen: false,
                },
            )
            .expect("sound");
            (plan.networks, plan.budget, plan.steps())
        };
        assert_eq!(planned(&config, 100), (3, Budget::Steps(10), 30));
        assert_eq!(planned(&config, 100_000), (1, Budget::Steps(31), 31));
        assert_eq!(
            planned(
                &RunConfig {
                    parts: Some(PartsKind::One),
                    ..config.clone()
                },
                100
            )
            .0,
            1
        );
        assert_eq!(
            planned(
                &RunConfig {
                    steps: Some(2),
                    ..config
                },
                100
            ),
            (2, Budget::Steps(1), 2)
        );
        let timed = RunConfig {
            minutes: Some(3.0),
            ..RunConfig::default()
        };
        assert_eq!(planned(&timed, 100).1, Budget::Seconds(60.0));
    }

    #[test]
    fn invalid_settings_are_refused() {
        let code = |change: fn(&mut RunConfig)| check(change).expect_err("refused").code();
        assert_eq!(code(|c| c.lr = Some(0.0)), "bad-setting");
        assert_eq!(code(|c| c.lr = Some(f64::NAN)), "bad-setting");
        assert_eq!(code(|c| c.lr = Some(1.1)), "bad-setting");
        assert_eq!(code(|c| c.minutes = Some(1e300)), "bad-setting");
        assert_eq!(code(|c| c.epochs = Some(f64::INFINITY)), "bad-setting");
        assert_eq!(code(|c| c.batch_size = Some(0)), "bad-setting");
        assert_eq!(code(|c| c.mask_rate = Some(1.5)), "bad-setting");
        assert_eq!(code(|c| c.max_len = Some(4)), "bad-setting");
        assert_eq!(code(|c| c.preset = "huge".into()), "no-such-preset");
        assert_eq!(
            code(|c| (c.preset, c.backbone) = ("big".into(), protocol::BackboneKind::Textcnn)),
            "no-such-backbone"
        );
        assert_eq!(code(|c| c.batch_size = Some(1_000_000)), "too-large");
        assert_eq!(code(|c| c.max_predictions = Some(0)), "bad-setting");
    }

    #[test]
    fn the_minimum_length_is_that_of_its_setting() {
        let spec = protocol::SettingSpec::find("max-len").expect("a setting");
        assert_eq!(spec.range.min, MIN_MAX_LEN as f64);
    }

    #[test]
    fn settings_are_accepted_at_their_bounds_and_refused_beyond_them() {
        let is_accepted = |key: &str, value: f64| {
            let mut config = RunConfig::default();
            let is_parsed = config.set(key, &value.to_string()).is_ok();
            is_parsed && check_numbers(&config).is_ok()
        };
        let mut checked = 0;
        for spec in RunConfig::SETTINGS {
            let SettingRange {
                min,
                max,
                includes_min,
            } = spec.range;
            if matches!(spec.kind, SettingKind::Integer | SettingKind::Real) && spec.key != "seed" {
                assert!(is_accepted(spec.key, max), "{}: {max}", spec.key);
                assert!(!is_accepted(spec.key, max + 1.0), "{}: {max} + 1", spec.key);
                assert_eq!(
                    is_accepted(spec.key, min),
                    includes_min,
                    "{}: {min}",
                    spec.key
                );
                assert!(!is_accepted(spec.key, min - 1.0), "{}: {min} - 1", spec.key);
                checked += 1;
            }
        }
        assert!(checked > 10, "{checked}");
    }

    #[test]
    fn an_invalid_plan_from_a_file_is_refused() {
        let model = ModelConfig::preset("fast-nano", 1000, 64).expect("exists");
        let plan = check(|_| ()).expect("defaults are sound");
        let is_sound = |change: fn(&mut Plan)| {
            let mut plan = plan.clone();
            change(&mut plan);
            plan.is_sound(&model)
        };
        assert!(is_sound(|_| ()) && is_sound(|p| *p = p.clone().without_steps()));
        assert!(is_sound(
            |p| (p.schedule.peak, p.optimizer.muon) = (max_lr(), None)
        ));
        for change in [
            |p: &mut Plan| p.schedule.peak = -1.0,
            |p: &mut Plan| p.schedule.peak = 2.0,
            |p: &mut Plan| p.schedule.warmup_share = 1.0,
            |p: &mut Plan| p.schedule.floor = f64::NAN,
            |p: &mut Plan| p.optimizer.beta1 = 1.0,
            |p: &mut Plan| p.optimizer.beta2 = 1.0,
            |p: &mut Plan| p.optimizer.eps = 0.0,
            |p: &mut Plan| p.optimizer.weight_decay = -0.1,
            |p: &mut Plan| p.optimizer.clip_norm = 0.0,
            |p: &mut Plan| {
                p.optimizer.muon = Some(MuonSettings {
                    momentum: 1.0,
                    ..MuonSettings::default()
                })
            },
            |p: &mut Plan| p.budget = Budget::Seconds(f64::INFINITY),
            |p: &mut Plan| p.max_predictions = Some(0),
        ] {
            assert!(!is_sound(change));
        }
    }

    #[test]
    fn examples_longer_than_the_model_are_refused() {
        let model = ModelConfig::preset("bert-tiny", 1000, 64).expect("exists");
        let data = DataShape {
            examples: 10,
            max_len: 65,
            folds: None,
            frozen: false,
        };
        let error =
            plan(&RunConfig::default(), Phase::Finetune, &model, data).expect_err("refused");
        assert_eq!(error.code(), "max-len-too-large");
    }

    #[test]
    fn fine_tuning_fits_its_length_to_the_documents() {
        let fitted = |tokens: usize, n: usize| {
            let document = EncodedDocument {
                first: vec![9; tokens],
                second: None,
                labels: Vec::new(),
            };
            let documents = EncodedDocuments::in_memory(std::iter::repeat_n(document, n), 10);
            finetuning_max_len(&RunConfig::default(), &documents, 512)
        };
        assert_eq!(
            [
                fitted(10, 100),
                fitted(60, 100),
                fitted(4000, 100),
                fitted(0, 0)
            ],
            [16, 64, 128, 16]
        );
    }
}
