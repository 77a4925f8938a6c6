//! One optimisation step: loss, gradients, global-norm clipping (Pascanu et al. 2013, algorithm 1), then AdamW or, for
//! the matrices inside the blocks, Muon where a run asks for it. Nothing is read back: the loss and the norm are handed out as tensors, and whoever wants numbers decides when to fetch them.

use super::muon::{MuonSettings, muon};
use crate::kernels::{AdamWSettings, AdamWState, CollectedGradients, adamw, collect_gradients};
use crate::model::{Layout, ParamTensors, ParameterGroup};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// How the optimiser moves; constant over a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OptimizerSettings {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Decoupled weight decay of matrices.
    pub weight_decay: f64,
    /// Largest global gradient norm.
    pub clip_norm: f64,
    /// Muon for the matrices inside the blocks; `None`: AdamW moves them too.
    #[serde(default)]
    pub muon: Option<MuonSettings>,
}

impl Default for OptimizerSettings {
    /// Betas and eps of the small-budget recipes (Geiping & Goldstein 2022, 4.3); decay and clipping of Devlin et al.
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
    /// Whether Muon moves this group.
    pub fn is_muons(&self, group: &ParameterGroup) -> bool {
        self.muon.is_some() && !group.matrices.is_empty()
    }
}

/// One group of parameters under training, each tensor `[n]`.
#[derive(Clone, Debug)]
pub struct GroupState {
    /// Parameters.
    pub p: Tensor<1>,
    /// First moment, or Muon's momentum.
    pub m: Tensor<1>,
    /// Second moment; Muon has none.
    pub v: Option<Tensor<1>>,
}

/// Values of a model under training, one entry per group of its [`Layout`], on a device without autodiff.
#[derive(Clone, Debug)]
pub struct TrainState {
    /// Parameters and moments.
    pub groups: Vec<GroupState>,
    /// Steps done.
    pub step: u64,
}

/// What a step minimises, and what of it is worth telling apart.
#[derive(Clone, Debug)]
pub struct Objective {
    /// The sum of all parts, `[1]`.
    pub total: Tensor<1>,
    /// The part of next-sentence prediction, `[1]`, where that is learned.
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

/// What a step leaves on the device for whoever wants to look.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// Loss before the step, `[1]`.
    pub loss: Tensor<1>,
    /// Its part from next-sentence prediction, `[1]`, where that is learned.
    pub next_sentence: Option<Tensor<1>>,
    /// Global gradient norm before clipping, `[1]`.
    pub grad_norm: Tensor<1>,
}

/// Moves a [`TrainState`].
#[derive(Clone, Debug)]
pub struct Optimizer {
    /// Where each parameter lies.
    pub layout: Layout,
    /// How it moves.
    pub settings: OptimizerSettings,
    /// Device without autodiff.
    pub device: Device,
}

impl Optimizer {
    /// A state with these parameter values, one flat vector per group, and zero moments.
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

    /// The parameters as tracked tensors.
    pub fn params(&self, state: &TrainState) -> ParamTensors {
        let values: Vec<Tensor<1>> = state.groups.iter().map(|group| group.p.clone()).collect();
        self.layout.params(&values, &self.device.clone().autodiff())
    }

    /// The parameters as plain tensors, for evaluation.
    pub fn frozen(&self, state: &TrainState) -> ParamTensors {
        let values: Vec<Tensor<1>> = state.groups.iter().map(|group| group.p.clone()).collect();
        self.layout.params(&values, &self.device)
    }

    /// Does one step at learning rate `lr` on the loss that `loss` computes from the parameters.
    pub fn step<O: Into<Objective>>(
        &self,
        state: &mut TrainState,
        lr: f64,
        loss: impl FnOnce(&ParamTensors) -> O,
    ) -> StepReport {
        let params = self.params(state);
        let Objective {
            total,
            next_sentence,
        } = loss(&params).into();
        let gradients = self.layout.gradients(&params, total.backward());
        drop(params);
        let lens: Vec<usize> = self.layout.groups.iter().map(ParameterGroup::len).collect();
        let CollectedGradients {
            groups: gradients,
            norm,
            clip,
        } = collect_gradients(gradients, &lens, self.settings.clip_norm);
        state.step += 1;
        let groups = std::mem::take(&mut state.groups);
        let moved = groups.into_iter().zip(gradients).zip(&self.layout.groups);
        let step = state.step;
        state.groups = moved
            .map(|((values, gradients), group)| {
                self.move_group(values, gradients, clip.clone(), (group, lr, step))
            })
            .collect();
        StepReport {
            loss: total.inner(),
            next_sentence: next_sentence.map(Tensor::inner),
            grad_norm: norm,
        }
    }

    /// Moves one group by its gradients, in order and scaled by `clip` `[1]`.
    fn move_group(
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
