//! Encodes a run as the files of a checkpoint and back: the model files, the optimiser moments, and
//! the training state. With the same corpus a run resumes exactly; the model files alone are a
//! usable model.

pub(crate) mod best;
pub(crate) mod run_state;

use crate::error::{Error, Result};
use crate::interop::{self, HostTensor, Weights};
use crate::model::{Heads, Layout, ParameterGroup};
use crate::session::host::Snapshot;
use crate::session::loaded_model::{LoadedModel, groups_of, weights_of};
use crate::session::read::read_groups;
use crate::session::run::snapshot::best::Best;
use crate::session::run::snapshot::run_state::{BestState, RunState, STATE_FORMAT};
use crate::session::run::train_progress::TrainProgress;
use crate::train::{GroupState, TrainState};
use burn::tensor::{Device, Tensor, TensorData};
use protocol::{Phase, RunConfig, Setting, message};
use serde::Deserialize;

/// File name of the optimiser moments.
pub const OPTIMIZER_FILE: &str = "optimizer.safetensors";
/// File name of the best parameters, present if they are not the current ones.
pub const BEST_FILE: &str = "best.safetensors";
/// File name of the weights that each network of a classifier starts from.
const SOURCE_FILE: &str = "source.safetensors";
/// File name of the training state.
pub const STATE_FILE: &str = "state.json";

/// Returns the file name of the finished network with this `index`, from 0.
fn trained_file(index: usize) -> String {
    format!("trained-{}.safetensors", index + 1)
}

/// Whether a checkpoint file is needed for training only and is not part of the model.
pub fn is_of_training(name: &str) -> bool {
    let is_network = name.starts_with("trained-") && name.ends_with(".safetensors");
    is_network || [OPTIMIZER_FILE, BEST_FILE, SOURCE_FILE, STATE_FILE].contains(&name)
}

/// Returns the heads that a run of `phase` trains.
pub fn heads_of(phase: Phase, config: &RunConfig) -> Heads {
    match phase {
        Phase::Pretrain if config.nsp => Heads::PRETRAINING,
        Phase::Pretrain => Heads::MASKED_LM,
        Phase::Finetune => Heads::CLASSIFIER,
    }
}

/// Encodes a run as a snapshot.
///
/// # Errors
/// Returns an error if the device is lost.
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

/// Returns the moments of each group and their names in a checkpoint: `m.0`, `v.0`, `m.1`, ...;
/// Muon's groups have no `v`.
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

/// Reads the training state of a snapshot.
///
/// # Errors
/// Returns an error if the file is missing or damaged, or was written by a newer version.
pub fn state_of(snapshot: &Snapshot) -> Result<RunState> {
    let found = snapshot.files.iter().find(|(file, _)| file == STATE_FILE);
    let (_, bytes) = found.ok_or_else(|| damaged(&format!("{STATE_FILE} is missing")))?;
    state_in(bytes)
}

/// Decodes a run of `phase`: its state, its model, and its parameters with their moments.
///
/// # Errors
/// Returns an error if a file is missing or damaged, files contradict each other, or the run is of
/// another phase.
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

/// Parses the training state.
///
/// # Errors
/// Returns an error if it is damaged, or was written by a newer version, in whatever format.
pub(crate) fn state_in(json: &[u8]) -> Result<RunState> {
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

/// A run as decoded from a checkpoint.
pub struct Decoded {
    /// The training state, from [`STATE_FILE`].
    pub state: RunState,
    /// The model, as at that step.
    pub trained: LoadedModel,
    /// The parameters with their moments.
    pub values: TrainState,
    /// The best parameters so far.
    pub best: Option<Best>,
    /// The finished networks, each at its best step.
    pub networks: Vec<Best>,
    /// The weights that each network of a classifier starts from; empty if they are initialised
    /// randomly.
    pub source: Weights,
}

fn damaged(what: &str) -> Error {
    Error::input(
        "bad-checkpoint",
        message!("the checkpoint cannot be used: {what}", what),
        message!(
            "Delete the newest folder in checkpoints/ to resume from the previous checkpoint, or start a new run with another {out}.",
            out = Setting::named("out")
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by version 0.1.0, before the state had a format field.
    const GOLDEN: &str = include_str!("../../../../../tests/golden/run/state.json");

    #[test]
    fn a_state_of_an_older_version_is_readable() {
        let state = state_in(GOLDEN.as_bytes()).expect("the golden state");
        assert_eq!((state.format, state.step), (0, 10));
    }

    #[test]
    fn a_state_of_a_newer_version_is_refused() {
        let newer = STATE_FORMAT + 1;
        for json in [
            GOLDEN.replacen('{', &format!("{{\"format\": {newer},"), 1),
            format!("{{\"format\": {newer}}}"),
        ] {
            let error = state_in(json.as_bytes()).expect_err("refused");
            assert_eq!(error.code(), "newer-version");
            let (message, format) = (error.to_string(), format!("format {newer}"));
            assert!(
                message.contains("state.json") && message.contains(&format),
                "{message}"
            );
        }
        let present = format!("{{\"format\": {STATE_FORMAT}}}");
        assert_eq!(
            state_in(present.as_bytes()).expect_err("damaged").code(),
            "bad-checkpoint"
        );
    }
}
