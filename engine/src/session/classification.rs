//! Learning labels: one network or several, one after another, and at the end the vote of all parts.

use super::folds::{CrossValidation, FOLDS};
use super::loaded_model::Restored;
use super::parts::{Ensemble, LinearPart};
use super::portfolio::label_shares;
use super::scored::{DecisionRule, HeldOut, Scored};
use super::task::{Split, Task};
use super::vote::{Outputs, Vote, vote};
use crate::data::entropy_baselines::EntropyBaselines;
use crate::data::examples::{Batch, LabelledExamples};
use crate::error::{Error, Result};
use crate::model::{Layout, ModelConfig, Network, ParamTensors, ProblemType};
use crate::train::{
    DeviceBatch, Fusion, Logits, Objective, balanced_weights, multi_label_loss, probabilities,
    single_label_loss, tune_threshold, tune_thresholds,
};
use burn::tensor::{Device, Tensor};
use protocol::{Metrics, PartsKind};
use std::cell::OnceCell;
use std::rc::Rc;

/// Learning labels.
pub struct Classification {
    /// Training documents.
    pub train: LabelledExamples,
    /// Validation documents, where there are any.
    pub valid: Option<HeldOut>,
    /// All labelled documents, where they are few: each network has a fold of them as its `valid` and the others as `train`.
    pub cross_validation: Option<CrossValidation>,
    /// Test documents, where there are any.
    pub test: Option<HeldOut>,
    /// What the outputs mean.
    pub problem: ProblemType,
    /// The linear part, which learned before the network, where one is wanted.
    pub linear: Option<LinearPart>,
    /// Which parts are wanted; `None`: those that validation prefers.
    pub parts: Option<PartsKind>,
    /// Whether each label has the same weight in the loss, however rare it is; see [`balanced_weights`].
    pub balanced_class_weights: bool,
    /// See [`Self::shares`].
    pub shares: OnceCell<Vec<f64>>,
    /// What all parts came to, once they are trained.
    pub ensemble: Option<Ensemble>,
}

/// The bias of the classifier's output layer.
const OUTPUT_BIAS: &str = "classifier.bias";

impl Classification {
    /// What the loss is measured against.
    pub fn floors(&self) -> EntropyBaselines {
        let rows = self.train.documents().labels().iter().map(Vec::as_slice);
        EntropyBaselines::of_labels(rows, self.train.classes(), self.problem)
    }

    /// Share of the training documents that carry each label.
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
    /// The output bias starts at each label's log odds, so that the first steps need not learn how frequent labels are.
    fn prepare(&self, layout: &Layout, restored: &Restored, groups: &mut [Vec<f32>]) {
        // Under balanced weights all labels are as frequent, and the bias stays 0.
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

    fn loss(&self, model: &Network, batch: &DeviceBatch) -> Objective {
        let logits = model.classify(&model.encode(batch.input()));
        let (labels, weights) = (batch.labels(), batch.row_weights.clone().unsqueeze_dim(1)); // [B, C], [B, 1]
        let weights = if self.balanced_class_weights {
            weights * balanced_weights(&labels, self.shares(), self.problem) // [B, C] or [B, 1]
        } else {
            weights
        };
        match self.problem {
            ProblemType::MultiLabelClassification => {
                multi_label_loss(logits, labels, weights, batch.row_total)
            }
            ProblemType::SingleLabelClassification => {
                single_label_loss(logits, labels, weights, batch.row_total)
            }
        }
        .into()
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

    /// The best of many looks at a few documents would flatter.
    fn keeps_best_step(&self) -> bool {
        self.cross_validation.is_none()
    }

    /// Figures of the network alone.
    async fn evaluate(
        &mut self,
        config: &mut ModelConfig,
        params: &ParamTensors,
        device: &Device,
        split: Split,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Metrics>> {
        let Some(held_out) = self.held_out(split) else {
            return Ok(None);
        };
        let Some(logits) = held_out.logits(config, params, device, goes_on).await? else {
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

    /// Chooses on validation documents which parts stay and how they vote, then measures that.
    async fn conclude(
        &mut self,
        config: &mut ModelConfig,
        layout: &Layout,
        networks: Vec<Vec<Tensor<1>>>,
        device: &Device,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Vec<(Split, Metrics)>> {
        let params: Vec<ParamTensors> = networks
            .iter()
            .map(|groups| layout.params(groups, device))
            .collect();
        let Some(Measured { valid, outputs }) =
            self.measured(config, &params, device, goes_on).await?
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
        // Of one network's outputs, which all folds share, each has its part.
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
        let alone = (config.threshold, config.thresholds.clone());
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
            alone,
            out_of_fold,
            cross_validated,
        };
        if let Some(test) = &self.test {
            let Some(outputs) = logits_of_all(test, config, &params, device, goes_on).await? else {
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
    /// The documents that choose how the parts vote, and what each network makes of them; `None` where there are none, or where
    /// `goes_on` said no. Of a cross-validated classifier, one network's worth: each document by the network that did not
    /// learn from it.
    async fn measured(
        &self,
        config: &ModelConfig,
        params: &[ParamTensors],
        device: &Device,
        goes_on: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Measured>> {
        let Some(cross_validation) = &self.cross_validation else {
            let Some(valid) = &self.valid else {
                return Ok(None);
            };
            let outputs = logits_of_all(valid, config, params, device, goes_on).await?;
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
                    match held_out.logits(config, params, device, goes_on).await? {
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

    /// The parts that were asked for; of one network's outputs the average of several is that network.
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

/// Documents that choose how the parts vote.
struct Measured {
    valid: HeldOut,
    /// Of each network.
    outputs: Vec<Logits>,
}

/// A number for one network and what follows it, with that number shared out among `networks`.
fn spread(numbers: Vec<f64>, networks: usize) -> Vec<f64> {
    let (first, others) = numbers.split_first().expect("there is a network");
    std::iter::repeat_n(first / networks as f64, networks)
        .chain(others.iter().copied())
        .collect()
}

/// What each network makes of `held_out`; `None` where `goes_on` said no.
async fn logits_of_all(
    held_out: &HeldOut,
    config: &ModelConfig,
    networks: &[ParamTensors],
    device: &Device,
    goes_on: &mut impl AsyncFnMut() -> Result<bool>,
) -> Result<Option<Vec<Logits>>> {
    let mut all = Vec::with_capacity(networks.len());
    for params in networks {
        match held_out.logits(config, params, device, goes_on).await? {
            Some(logits) => all.push(logits),
            None => return Ok(None),
        }
    }
    Ok(Some(all))
}
