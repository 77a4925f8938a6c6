//! One optimisation step: loss, gradients, global-norm clipping (Pascanu et al. 2013, algorithm 1),
//! then AdamW or, optionally for the matrices inside the blocks, Muon. Nothing is read back: loss
//! and gradient norm are returned as tensors, and the caller decides when to fetch them.

use super::muon::{MuonSettings, muon};
use crate::kernels::{AdamWSettings, AdamWState, CollectedGradients, adamw, collect_gradients};
use crate::model::{Layout, ParamTensors, ParameterGroup};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// Hyperparameters of the optimiser, constant during a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerSettings {
    /// Decay rate of the first moment.
    pub beta1: f64,
    /// Decay rate of the second moment.
    pub beta2: f64,
    /// Epsilon added to the square root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay of matrices.
    pub weight_decay: f64,
    /// Maximum global gradient norm.
    pub clip_norm: f64,
    /// Settings of Muon for the matrices inside the blocks; `None` means AdamW for all parameters.
    #[serde(default)]
    pub muon: Option<MuonSettings>,
}

impl Default for OptimizerSettings {
    /// Betas and epsilon of small-budget recipes (Geiping & Goldstein 2022, 4.3); weight decay and
    /// clipping of Devlin et al. 2019.
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-6,
            weight_decay: 0.01,
            clip_norm: 1.0,
            muon: None,
        }
    }
}

impl OptimizerSettings {
    /// Returns whether Muon updates this group.
    pub fn is_muons(&self, group: &ParameterGroup) -> bool {
        self.muon.is_some() && !group.matrices.is_empty()
    }
}

/// Parameters and optimiser state of one group; each tensor is `[n]`.
#[derive(Clone, Debug)]
pub struct GroupState {
    /// Parameter values, `[n]`.
    pub p: Tensor<1>,
    /// First moment of AdamW, or Muon's momentum.
    pub m: Tensor<1>,
    /// Second moment of AdamW; `None` with Muon.
    pub v: Option<Tensor<1>>,
}

/// Parameters and optimiser state of a model, one entry per group of its [`Layout`], on a device
/// without autodiff.
#[derive(Clone, Debug)]
pub struct TrainState {
    /// Parameters and moments of each group.
    pub groups: Vec<GroupState>,
    /// Number of completed steps.
    pub step: u64,
}

/// The loss that a step minimises, with components to report separately.
#[derive(Clone, Debug)]
pub struct Objective {
    /// The total loss, `[1]`.
    pub total: Tensor<1>,
    /// The next-sentence component, `[1]`; `None` without that task.
    pub next_sentence: Option<Tensor<1>>,
}

impl From<Tensor<1>> for Objective {
    fn from(total: Tensor<1>) -> Self {
        Self {
            total,
            next_sentence: None,
        }
    }
}

/// Loss of a batch or of a part of it and its gradients, on the device.
#[derive(Clone, Debug)]
pub struct LossGradients {
    /// The loss, `[1]`.
    pub loss: Tensor<1>,
    /// Next-sentence component of the loss, `[1]`; `None` without that task.
    pub next_sentence: Option<Tensor<1>>,
    /// Gradients of each group's leaf tensors, `[n]` each, in order.
    pub groups: Vec<Vec<Tensor<1>>>,
}

impl LossGradients {
    /// Adds those of another part of the same batch.
    pub fn plus(self, other: Self) -> Self {
        let add = |(a, b): (Vec<Tensor<1>>, Vec<Tensor<1>>)| {
            a.into_iter().zip(b).map(|(a, b)| a + b).collect()
        };
        Self {
            loss: self.loss + other.loss,
            next_sentence: self
                .next_sentence
                .zip(other.next_sentence)
                .map(|(a, b)| a + b),
            groups: self.groups.into_iter().zip(other.groups).map(add).collect(),
        }
    }
}

/// Results of a step, left on the device.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// Loss before the update, `[1]`.
    pub loss: Tensor<1>,
    /// Next-sentence component of the loss, `[1]`; `None` without that task.
    pub next_sentence: Option<Tensor<1>>,
    /// Global gradient norm before clipping, `[1]`.
    pub grad_norm: Tensor<1>,
}

/// Computes the loss of tracked parameters and its gradients.
pub fn gradients<O: Into<Objective>>(
    layout: &Layout,
    params: ParamTensors,
    loss: impl FnOnce(&ParamTensors) -> O,
) -> LossGradients {
    let Objective {
        total,
        next_sentence,
    } = loss(&params).into();
    let groups = layout.gradients(&params, total.backward());
    LossGradients {
        loss: total.inner(),
        next_sentence: next_sentence.map(Tensor::inner),
        groups,
    }
}

/// Updates a [`TrainState`] by AdamW or Muon.
#[derive(Clone, Debug)]
pub struct Optimizer {
    /// Layout of the parameters.
    pub layout: Layout,
    /// Hyperparameters of the update.
    pub settings: OptimizerSettings,
    /// Device of the state, without autodiff.
    pub device: Device,
}

impl Optimizer {
    /// Creates a state with these parameter values, one flat vector per group, and zero moments.
    pub fn state_from(&self, groups: Vec<Vec<f32>>) -> TrainState {
        let upload = |(values, group): (Vec<f32>, &ParameterGroup)| {
            let n = values.len();
            let p = Tensor::from_data(TensorData::new(values, [n]), &self.device);
            let zeros = || Tensor::<1>::zeros([n], &self.device);
            GroupState {
                p,
                m: zeros(),
                v: (!self.settings.is_muons(group)).then(zeros),
            }
        };
        TrainState {
            groups: groups
                .into_iter()
                .zip(&self.layout.groups)
                .map(upload)
                .collect(),
            step: 0,
        }
    }

    /// Returns the parameters as tracked tensors, for training.
    pub fn params(&self, state: &TrainState) -> ParamTensors {
        let values: Vec<Tensor<1>> = state.groups.iter().map(|group| group.p.clone()).collect();
        self.layout.params(&values, &self.device.clone().autodiff())
    }

    /// Returns the parameters as untracked tensors, for evaluation.
    pub fn frozen(&self, state: &TrainState) -> ParamTensors {
        let values: Vec<Tensor<1>> = state.groups.iter().map(|group| group.p.clone()).collect();
        self.layout.params(&values, &self.device)
    }

    /// Performs one step at learning rate `lr` on the loss that `loss` computes from the
    /// parameters.
    pub fn step<O: Into<Objective>>(
        &self,
        state: &mut TrainState,
        lr: f64,
        loss: impl FnOnce(&ParamTensors) -> O,
    ) -> StepReport {
        let gradients = gradients(&self.layout, self.params(state), loss);
        self.update(state, lr, gradients)
    }

    /// Updates the parameters at learning rate `lr` by the gradients of a batch.
    pub fn update(&self, state: &mut TrainState, lr: f64, gradients: LossGradients) -> StepReport {
        let LossGradients {
            loss,
            next_sentence,
            groups: gradients,
        } = gradients;
        let lens: Vec<usize> = self.layout.groups.iter().map(ParameterGroup::len).collect();
        let CollectedGradients {
            groups: gradients,
            norm,
            clip,
        } = collect_gradients(gradients, &lens, self.settings.clip_norm);
        state.step += 1;
        let groups = std::mem::take(&mut state.groups);
        let updates = groups.into_iter().zip(gradients).zip(&self.layout.groups);
        let step = state.step;
        state.groups = updates
            .map(|((values, gradients), group)| {
                self.update_group(values, gradients, clip.clone(), (group, lr, step))
            })
            .collect();
        StepReport {
            loss,
            next_sentence,
            grad_norm: norm,
        }
    }

    /// Updates one group by its gradients, which are in order and to be scaled by `clip` `[1]`.
    fn update_group(
        &self,
        GroupState { p, m, v }: GroupState,
        gradients: Vec<Tensor<1>>,
        clip: Tensor<1>,
        (group, lr, step): (&ParameterGroup, f64, u64),
    ) -> GroupState {
        match (&self.settings.muon, v) {
            (Some(settings), None) => {
                let [p, m] = muon([p, m], gradients, clip, &group.matrices, (settings, lr));
                GroupState { p, m, v: None }
            }
            (_, v) => {
                let v = v.expect("a group without second moment is Muon's");
                let settings = self.adamw_settings(
                    gradients.iter().map(|g| g.dims()[0]).sum(),
                    group.decays,
                    lr,
                    step,
                );
                let AdamWState { p, m, v } =
                    adamw(AdamWState { p, m, v }, gradients, clip, settings);
                GroupState { p, m, v: Some(v) }
            }
        }
    }

    fn adamw_settings(&self, n: usize, decays: bool, lr: f64, step: u64) -> AdamWSettings {
        let s = &self.settings;
        let correction = |beta: f64| (1.0 - beta.powf(step as f64)) as f32;
        AdamWSettings {
            n: u32::try_from(n).expect("a group has at most 16 million elements"),
            lr: lr as f32,
            beta1: s.beta1 as f32,
            beta2: s.beta2 as f32,
            eps: s.eps as f32,
            weight_decay: if decays { s.weight_decay as f32 } else { 0.0 },
            correction1: correction(s.beta1),
            correction2: correction(s.beta2),
        }
    }
}
