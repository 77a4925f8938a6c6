//! The text-classification task: trains one network or several, one after another, and at the end
//! fuses all parts into one classifier.

use crate::data::entropy_baselines::EntropyBaselines;
use crate::data::examples::{Batch, LabelledExamples};
use crate::error::{Error, Result};
use crate::model::{Layout, ModelConfig, ParamTensors, ProblemType};
use crate::session::classifier::ensemble::{Ensemble, LinearPart};
use crate::session::classifier::folds::{CrossValidation, FOLDS};
use crate::session::classifier::portfolio::label_shares;
use crate::session::classifier::scored::{DecisionRule, HeldOut, Scored};
use crate::session::classifier::vote::{Outputs, Vote, vote};
use crate::session::loaded_model::Restored;
use crate::session::run::task::{Split, Task};
use crate::train::{Fusion, Logits, TrainingLoss, probabilities, tune_threshold, tune_thresholds};
use burn::tensor::{Device, Tensor};
use protocol::{Metrics, PartsKind};
use std::cell::OnceCell;
use std::rc::Rc;

/// The text-classification task: its data, its parts and the finished ensemble.
pub struct Classification {
    /// Training examples of the current network.
    pub train: LabelledExamples,
    /// Validation documents, if there are any.
    pub valid: Option<HeldOut>,
    /// All labelled documents, if there are few: each network has one fold as its `valid` and the
    /// others as `train`.
    pub cross_validation: Option<CrossValidation>,
    /// Test documents, if there are any.
    pub test: Option<HeldOut>,
    /// Single-label or multi-label.
    pub problem: ProblemType,
    /// The linear part, trained before the networks, if there is one.
    pub linear: Option<LinearPart>,
    /// The requested parts; `None` selects those that score best on the validation set.
    pub parts: Option<PartsKind>,
    /// Whether each label has the same weight in the loss, however rare it is; see
    /// [`balanced_weights`](crate::train::balanced_weights).
    pub balanced_class_weights: bool,
    /// Cached result of [`Self::shares`].
    pub shares: OnceCell<Vec<f64>>,
    /// The fused parts, once all are trained.
    pub ensemble: Option<Ensemble>,
}

/// The bias of the classifier's output layer.
const OUTPUT_BIAS: &str = "classifier.bias";

impl Classification {
    /// Computes the entropy baselines of the classification loss.
    pub fn entropy_baselines(&self) -> EntropyBaselines {
        let rows = self.train.documents().labels().iter().map(Vec::as_slice);
        EntropyBaselines::of_labels(rows, self.train.classes(), self.problem)
    }

    /// Returns the share of the training documents that carry each label, `[C]`.
    fn shares(&self) -> &[f64] {
        self.shares
            .get_or_init(|| label_shares(self.train.documents().labels(), self.train.classes()))
    }

    fn held_out(&self, split: Split) -> Option<&HeldOut> {
        match split {
            Split::Valid => self.valid.as_ref(),
            Split::Test => self.test.as_ref(),
        }
    }
}

impl Task for Classification {
    /// Initialises the output bias with each label's log odds (multi-label) or log share, so that
    /// the first steps need not learn label frequencies.
    fn prepare(&self, layout: &Layout, restored: &Restored, groups: &mut [Vec<f32>]) {
        // Balanced weights make all labels equally frequent: the bias stays 0.
        if self.balanced_class_weights || restored.restored.iter().any(|name| name == OUTPUT_BIAS) {
            return;
        }
        let bias = |p: f64| match self.problem {
            ProblemType::MultiLabelClassification => (p / (1.0 - p)).ln() as f32,
            ProblemType::SingleLabelClassification => p.ln() as f32,
        };
        let bias: Vec<f32> = self.shares().iter().copied().map(bias).collect();
        layout.slice_mut(groups, OUTPUT_BIAS).copy_from_slice(&bias);
    }

    fn batch(&mut self, step: u64) -> Batch {
        let per_epoch = self.train.batches_per_epoch() as u64;
        self.train
            .batch(step / per_epoch, (step % per_epoch) as usize)
    }

    fn loss(&self) -> TrainingLoss {
        TrainingLoss::Classification {
            problem: self.problem,
            balanced_by: self.balanced_class_weights.then(|| self.shares().to_vec()),
        }
    }

    fn begin_network(&mut self, index: usize, seed: u64) {
        if let Some(cross_validation) = &self.cross_validation {
            let (train, valid) = cross_validation.split(index);
            self.train = cross_validation.all.of(train);
            self.shares = OnceCell::new();
            self.valid = Some(valid);
        }
        self.train.reseed(seed);
    }

    /// Picking the best of many evaluations on one small fold would overfit it.
    fn restores_best_step(&self) -> bool {
        self.cross_validation.is_none()
    }

    /// Computes the metrics of the current network alone.
    async fn evaluate(
        &mut self,
        config: &mut ModelConfig,
        params: &ParamTensors,
        device: &Device,
        split: Split,
        should_continue: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>> {
        let Some(held_out) = self.held_out(split) else {
            return Ok(None);
        };
        let Some(logits) = held_out
            .logits(config, params, device, should_continue)
            .await?
        else {
            return Ok(None);
        };
        let scores = logits
            .iter()
            .map(|row| probabilities(row, self.problem))
            .collect();
        let scored = Scored::new(held_out, scores, self.problem);
        if split == Split::Valid && self.problem == ProblemType::MultiLabelClassification {
            let threshold = tune_threshold(&scored.scores, &scored.truth, config.labels.len());
            config.threshold = Some(threshold);
            let own = tune_thresholds(
                &scored.scores,
                &scored.truth,
                config.labels.len(),
                threshold,
            );
            config.thresholds = Some(own);
        }
        let metrics = match split {
            Split::Valid => scored.metrics(config, &DecisionRule::Tuned),
            Split::Test => scored.full_metrics(config, &DecisionRule::Tuned, false),
        };
        Ok(Some(Metrics::Classifier(metrics)))
    }

    /// Selects the parts and fits their fusion on the validation documents, then evaluates the
    /// result.
    async fn build_ensemble(
        &mut self,
        config: &mut ModelConfig,
        layout: &Layout,
        networks: Vec<Vec<Tensor<1>>>,
        device: &Device,
        should_continue: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Vec<(Split, Metrics)>> {
        let params: Vec<ParamTensors> = networks
            .iter()
            .map(|groups| layout.params(groups, device))
            .collect();
        let Some(Measured { valid, outputs }) = self
            .measured(config, &params, device, should_continue)
            .await?
        else {
            return Ok(Vec::new());
        };
        let margins = valid.margins.as_ref();
        let voters = Outputs {
            networks: &outputs,
            margins,
            truth: valid.truth(),
            labels: &config.labels,
            problem: self.problem,
            shares: self.shares(),
        };
        let Vote {
            fusion,
            threshold,
            scales,
            thresholds,
            scores,
            ..
        } = vote(&voters, self.parts_of(outputs.len()));
        let all: Vec<&Logits> = outputs.iter().chain(margins).collect();
        let shares = fusion.shares(&all);
        // Cross-validation yields one set of outputs for all folds: split its weight among the
        // networks.
        let (fusion, shares) = if self.cross_validation.is_some() && networks.len() > 1 {
            (
                Fusion {
                    weights: spread(fusion.weights, networks.len()),
                    ..fusion
                },
                spread(shares, networks.len()),
            )
        } else {
            (fusion, shares)
        };
        let first_thresholds = (config.threshold, config.thresholds.clone());
        (config.threshold, config.threshold_scales, config.thresholds) =
            (threshold, scales, thresholds);
        let mut measured = Vec::new();
        let out_of_fold = self
            .cross_validation
            .as_ref()
            .map(|_| Rc::new(scores.clone()));
        let scored = Scored::new(&valid, scores, self.problem);
        measured.push((
            Split::Valid,
            Metrics::Classifier(scored.full_metrics(config, &DecisionRule::Tuned, true)),
        ));
        let (linear, cross_validated) = (self.linear.clone(), self.cross_validation.is_some());
        let ensemble = Ensemble {
            networks: Vec::new(),
            linear,
            fusion,
            shares,
            alone: first_thresholds,
            out_of_fold,
            cross_validated,
        };
        if let Some(test) = &self.test {
            let Some(outputs) =
                logits_of_all(test, config, &params, device, should_continue).await?
            else {
                return Ok(measured);
            };
            let parts: Vec<&Logits> = outputs.iter().chain(&test.margins).collect();
            let scored = Scored::new(
                test,
                ensemble.probabilities(&parts, self.problem),
                self.problem,
            );
            measured.push((
                Split::Test,
                Metrics::Classifier(scored.full_metrics(config, &DecisionRule::Tuned, true)),
            ));
        }
        self.ensemble = Some(ensemble.with_networks(networks));
        Ok(measured)
    }

    fn take_ensemble(&mut self) -> Option<Ensemble> {
        self.ensemble.take()
    }
}

impl Classification {
    /// Returns the documents that the fusion is fitted on, with the outputs of each network; `None`
    /// if there are none, or `should_continue` returned `false`. With cross-validation there is one
    /// set of outputs: those of the network that was not trained on the document.
    async fn measured(
        &self,
        config: &ModelConfig,
        params: &[ParamTensors],
        device: &Device,
        should_continue: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Measured>> {
        let Some(cross_validation) = &self.cross_validation else {
            let Some(valid) = &self.valid else {
                return Ok(None);
            };
            let outputs = logits_of_all(valid, config, params, device, should_continue).await?;
            return Ok(outputs.map(|outputs| Measured {
                valid: valid.clone(),
                outputs,
            }));
        };
        let outputs = match &cross_validation.outputs {
            Some(outputs) => outputs.clone(),
            None => {
                let mut of_folds = Vec::with_capacity(FOLDS);
                for (fold, params) in params.iter().enumerate() {
                    let (_, held_out) = cross_validation.split(fold);
                    match held_out
                        .logits(config, params, device, should_continue)
                        .await?
                    {
                        Some(logits) => of_folds.push(logits),
                        None => return Ok(None),
                    }
                }
                cross_validation
                    .folds
                    .gather(|fold| Ok::<_, Error>(std::mem::take(&mut of_folds[fold])))?
            }
        };
        Ok(Some(Measured {
            valid: cross_validation.held_out(),
            outputs: vec![outputs],
        }))
    }

    /// Returns the requested parts. With the outputs of a single network, the average of several is
    /// that network.
    fn parts_of(&self, networks: usize) -> Option<PartsKind> {
        self.parts.map(|kind| {
            if networks == 1 && kind == PartsKind::Seeds {
                PartsKind::One
            } else {
                kind
            }
        })
    }
}

/// The documents that the fusion is fitted on.
struct Measured {
    valid: HeldOut,
    /// Outputs of each network.
    outputs: Vec<Logits>,
}

/// Splits the first number evenly among `networks`; the others follow unchanged.
fn spread(numbers: Vec<f64>, networks: usize) -> Vec<f64> {
    let (first, others) = numbers.split_first().expect("there is a network");
    std::iter::repeat_n(first / networks as f64, networks)
        .chain(others.iter().copied())
        .collect()
}

/// Computes the outputs of each network for `held_out`; `None` if `should_continue` returned
/// `false`.
async fn logits_of_all(
    held_out: &HeldOut,
    config: &ModelConfig,
    networks: &[ParamTensors],
    device: &Device,
    should_continue: &mut impl AsyncFnMut() -> Result<bool>,
) -> Result<Option<Vec<Logits>>> {
    let mut all = Vec::with_capacity(networks.len());
    for params in networks {
        match held_out
            .logits(config, params, device, should_continue)
            .await?
        {
            Some(logits) => all.push(logits),
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}
