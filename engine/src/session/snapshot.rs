//! A run as files: the model's own, the optimiser's moments, and where the run stands. With the corpus, enough to go on
//! exactly; alone, enough to use the model.

use super::host::Snapshot;
use super::loaded_model::{LoadedModel, groups_of, weights_of};
use super::plan::Plan;
use super::read::read_groups;
use super::train_progress::{Best, TrainProgress};
use crate::error::{Error, Result};
use crate::interop::{self, HostTensor, Weights};
use crate::model::{Heads, Layout, ParameterGroup};
use crate::train::{GroupState, TrainState};
use burn::tensor::{Device, Tensor, TensorData};
use protocol::{Phase, RunConfig};
use serde::{Deserialize, Serialize};

/// Name of the moments in a checkpoint.
pub const OPTIMIZER_FILE: &str = "optimizer.safetensors";
/// Name of the best values in a checkpoint, where they are not its own.
pub const BEST_FILE: &str = "best.safetensors";
/// Name in a classifier's checkpoint of the weights that each of its networks starts from.
const SOURCE_FILE: &str = "source.safetensors";
/// Name of the state in a checkpoint.
pub const STATE_FILE: &str = "state.json";

/// Name in a checkpoint of the network that was trained as number `index`, from 0.
fn trained_file(index: usize) -> String {
    format!("trained-{}.safetensors", index + 1)
}

/// Whether a file of a checkpoint serves further training only, and is no part of the model.
pub fn is_of_training(name: &str) -> bool {
    let is_network = name.starts_with("trained-") && name.ends_with(".safetensors");
    is_network || [OPTIMIZER_FILE, BEST_FILE, SOURCE_FILE, STATE_FILE].contains(&name)
}

/// Version of the form of a checkpoint. It grows when an older program would read a checkpoint wrongly; a checkpoint from
/// before it was written has 0.
pub const STATE_FORMAT: u32 = 1;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// [`STATE_FORMAT`] of the program that wrote it.
    #[serde(default)]
    pub format: u32,
    /// What was asked for.
    pub config: RunConfig,
    /// What will be done.
    pub plan: Plan,
    /// Identifies the corpus.
    pub corpus: String,
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far.
    pub elapsed_secs: f64,
    /// Losses since the last report.
    pub window_loss_sum: f32,
    /// Their part from next-sentence prediction, where that is learned.
    #[serde(default)]
    pub window_next_sentence_sum: Option<f32>,
    /// Of how many steps.
    pub window_steps: u64,
    /// Steps beside them that were skipped.
    #[serde(default)]
    pub window_skipped: u64,
    /// How often the run returned to an earlier checkpoint since its loss diverged.
    #[serde(default)]
    pub rollbacks: u32,
    /// What the learning rate is multiplied by since then.
    #[serde(default = "whole_rate")]
    pub rate_scale: f64,
    /// The first loss that was reported.
    #[serde(default)]
    pub first_loss: Option<f64>,
    /// What [`BEST_FILE`] holds, where a classifier was measured.
    #[serde(default)]
    pub best: Option<BestState>,
    /// Whether a stop cut the evaluation of this step short.
    #[serde(default)]
    pub owes_evaluation: bool,
    /// Networks that are trained already.
    #[serde(default)]
    pub networks: Vec<BestState>,
    /// Steps of those networks.
    #[serde(default)]
    pub steps_before: u64,
    /// Seconds of training when the present network began.
    #[serde(default)]
    pub began_secs: f64,
    /// Names of the parameters whose moments lie end to end in each group of [`OPTIMIZER_FILE`]; for other programs.
    #[serde(default)]
    pub groups: Vec<Vec<String>>,
    /// The device, in words; empty of a checkpoint from before this was kept.
    #[serde(default)]
    pub device: String,
}

fn whole_rate() -> f64 {
    1.0
}

/// The best values so far, besides the values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestState {
    /// Micro F1 on validation documents.
    pub score: f64,
    /// Optimisation steps done.
    pub step: u64,
    /// Threshold that was tuned then.
    pub threshold: Option<f64>,
    /// Thresholds per label that were tuned then.
    pub thresholds: Option<Vec<f64>>,
}

impl BestState {
    /// What is written of `best`.
    pub fn of(best: &Best) -> Self {
        let Best {
            score,
            step,
            threshold,
            thresholds,
            ..
        } = best.clone();
        Self {
            score,
            step,
            threshold,
            thresholds,
        }
    }
}

/// The heads that a run of `phase` trains.
pub fn heads_of(phase: Phase, config: &RunConfig) -> Heads {
    match phase {
        Phase::Pretrain if config.nsp => Heads::PRETRAINING,
        Phase::Pretrain => Heads::MASKED_LM,
        Phase::Finetune => Heads::CLASSIFIER,
    }
}

/// Writes a run down.
///
/// # Errors
/// When the device no longer answers.
pub async fn encode(
    state: &RunState,
    trained: &LoadedModel,
    values: &TrainState,
    at: &TrainProgress,
    source: &Weights,
) -> Result<Snapshot> {
    let best = at.best.as_ref();
    let mut files = trained.to_files().await?;
    let mut named = Weights::new();
    let (names, moments) = moments(values, &trained.layout);
    for (name, data) in names.into_iter().zip(read_groups(&moments).await?) {
        named.insert(
            name,
            HostTensor {
                shape: vec![data.len()],
                data,
            },
        );
    }
    files.push((OPTIMIZER_FILE.into(), interop::weights_to_bytes(&named)));
    if let Some(best) = best.filter(|best| best.step != state.step) {
        let values = read_groups(&best.groups).await?;
        files.push((
            BEST_FILE.into(),
            interop::weights_to_bytes(&weights_of(&trained.layout, &values)),
        ));
    }
    for (index, network) in at.networks.iter().enumerate() {
        let weights = weights_of(&trained.layout, &read_groups(&network.groups).await?);
        files.push((trained_file(index), interop::weights_to_bytes(&weights)));
    }
    if !source.is_empty() {
        files.push((SOURCE_FILE.into(), interop::weights_to_bytes(source)));
    }
    let json = serde_json::to_vec_pretty(state).expect("a state is plain data");
    files.push((STATE_FILE.into(), json));
    Ok(Snapshot {
        step: state.step,
        files,
    })
}

/// The moments of each group under the names of a checkpoint: `m.0`, `v.0`, `m.1`, ..; Muon's groups have no `v`.
fn moments(values: &TrainState, layout: &Layout) -> (Vec<String>, Vec<Tensor<1>>) {
    let of_group = |(i, (state, group)): (usize, (&GroupState, &ParameterGroup))| {
        let used = |moment: &Tensor<1>| moment.clone().narrow(0, 0, group.used);
        let second = state.v.as_ref().map(|v| (format!("v.{i}"), used(v)));
        [(format!("m.{i}"), used(&state.m))]
            .into_iter()
            .chain(second)
            .collect::<Vec<_>>()
    };
    values
        .groups
        .iter()
        .zip(&layout.groups)
        .enumerate()
        .flat_map(of_group)
        .unzip()
}

/// Where the run of a snapshot stands.
///
/// # Errors
/// When that file is missing or damaged, or a newer program wrote it.
pub fn state_of(snapshot: &Snapshot) -> Result<RunState> {
    let found = snapshot.files.iter().find(|(file, _)| file == STATE_FILE);
    let (_, bytes) = found.ok_or_else(|| damaged(&format!("{STATE_FILE} is missing")))?;
    state_in(bytes)
}

/// Reads a run of `phase` back: where it stands, its model, and its values with their moments.
///
/// # Errors
/// When a file is missing or damaged, files contradict each other, or the run is of another phase.
pub fn decode(snapshot: &Snapshot, phase: Phase, device: &Device) -> Result<Decoded> {
    let file = |name: &str| {
        let found = snapshot.files.iter().find(|(file, _)| file == name);
        found
            .map(|(_, bytes)| bytes.as_slice())
            .ok_or_else(|| damaged(&format!("{name} is missing")))
    };
    let state = state_of(snapshot)?;
    let trained = LoadedModel::from_files(&snapshot.files, device)?;
    let heads = heads_of(phase, &state.config);
    if state.plan.phase != phase || trained.heads != heads {
        return Err(damaged("it belongs to a run of another command"));
    }
    if !state.plan.is_sound(&trained.config) {
        return Err(damaged(&format!(
            "{STATE_FILE} holds a plan that cannot be carried out"
        )));
    }
    let moments = interop::weights_from_bytes(file(OPTIMIZER_FILE)?)?;
    let moment = |name: String, group: &ParameterGroup| match moments.get(&name) {
        Some(tensor) if tensor.data.len() == group.used => {
            let values = group.padded(tensor.data.clone());
            Ok(Tensor::<1>::from_data(
                TensorData::new(values, [group.len()]),
                device,
            ))
        }
        _ => Err(damaged(&format!(
            "{OPTIMIZER_FILE} has no {name} of {} numbers",
            group.used
        ))),
    };
    let groups = trained
        .layout
        .groups
        .iter()
        .zip(&trained.groups)
        .enumerate()
        .map(|(i, (group, p))| {
            let has_second = !state.plan.optimizer.is_muons(group);
            let m = moment(format!("m.{i}"), group)?;
            let v = has_second
                .then(|| moment(format!("v.{i}"), group))
                .transpose()?;
            Ok(GroupState { p: p.clone(), m, v })
        });
    let groups = groups.collect::<Result<Vec<_>>>()?;
    if state.step != snapshot.step {
        return Err(damaged(&format!(
            "it is named for step {} and holds step {}",
            snapshot.step, state.step
        )));
    }
    let best = match &state.best {
        None => None,
        Some(best) if best.step == state.step => Some(best_of(best, trained.groups.clone())),
        Some(best) => {
            let weights = interop::weights_from_bytes(file(BEST_FILE)?)?;
            let groups = groups_of(&trained.layout, &weights, device);
            Some(best_of(
                best,
                groups.ok_or_else(|| damaged(&format!("{BEST_FILE} is another model's")))?,
            ))
        }
    };
    let networks = state.networks.iter().enumerate().map(|(index, best)| {
        let weights = interop::weights_from_bytes(file(&trained_file(index))?)?;
        let groups = groups_of(&trained.layout, &weights, device);
        groups
            .map(|groups| best_of(best, groups))
            .ok_or_else(|| damaged("a network that was trained is another model's"))
    });
    let networks = networks.collect::<Result<Vec<_>>>()?;
    let source = match file(SOURCE_FILE) {
        Ok(bytes) => interop::weights_from_bytes(bytes)?,
        Err(_) => Weights::new(),
    };
    let Some(step) = state.step.checked_sub(state.steps_before) else {
        return Err(damaged(&format!(
            "{STATE_FILE} counts more steps before a network than in all"
        )));
    };
    let values = TrainState { groups, step };
    Ok(Decoded {
        state,
        trained,
        values,
        best,
        networks,
        source,
    })
}

/// Reads where a run stands.
///
/// # Errors
/// When a newer program wrote it, which may have given it any form, or it is damaged.
fn state_in(json: &[u8]) -> Result<RunState> {
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(default)]
        format: u32,
    }
    match serde_json::from_slice(json) {
        Ok(Versioned { format }) if format > STATE_FORMAT => {
            let place = format!("{STATE_FILE} of the checkpoint");
            Err(Error::newer_version(
                &place,
                &format!("a newer version of Clozelab in format {format}"),
            ))
        }
        _ => serde_json::from_slice(json).map_err(|e| damaged(&format!("{STATE_FILE}: {e}"))),
    }
}

fn best_of(state: &BestState, groups: Vec<Tensor<1>>) -> Best {
    let BestState {
        score,
        step,
        threshold,
        thresholds,
    } = state.clone();
    Best {
        score,
        step,
        threshold,
        thresholds,
        groups,
    }
}

/// A run as a snapshot keeps it.
pub struct Decoded {
    /// Where it stands.
    pub state: RunState,
    /// Its model.
    pub trained: LoadedModel,
    /// Its values with their moments.
    pub values: TrainState,
    /// Its best values so far.
    pub best: Option<Best>,
    /// The networks that are trained already.
    pub networks: Vec<Best>,
    /// What each network of a classifier starts from; empty where that is drawn.
    pub source: Weights,
}

fn damaged(what: &str) -> Error {
    Error::input(
        "bad-checkpoint",
        format!("the checkpoint cannot be used: {what}"),
        "Remove the newest folder in checkpoints/ to go on from the one before, or start anew in another --out.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As version 0.1.0 wrote it before states had a format.
    const GOLDEN: &str = include_str!("../../../tests/golden/run/state.json");

    #[test]
    fn a_state_of_an_older_version_is_read() {
        let state = state_in(GOLDEN.as_bytes()).expect("the golden state");
        assert_eq!((state.format, state.step), (0, 10));
    }

    #[test]
    fn a_state_of_a_newer_version_is_refused_by_name() {
        for json in [
            GOLDEN.replacen('{', "{\"format\": 2,", 1),
            "{\"format\": 2}".into(),
        ] {
            let error = state_in(json.as_bytes()).expect_err("refused");
            assert_eq!(error.code(), "newer-version");
            assert!(
                error.to_string().contains("state.json") && error.to_string().contains("format 2"),
                "{error}"
            );
        }
        assert_eq!(
            state_in(b"{\"format\": 1}").expect_err("damaged").code(),
            "bad-checkpoint"
        );
    }
}
