//! Self-check of a GPU before it is used: one training step of a small model must agree with the
//! CPU. Browsers and drivers have shipped WebGPU that computes wrong numbers without any error.

use super::loaded_model::starting_values;
use super::read::read_groups;
use crate::data::Batch;
use crate::device;
use crate::error::Result;
use crate::interop::Weights;
use crate::kernels::RowTargets;
use crate::model::{Heads, Layout, ModelConfig, Network, specs};
use crate::session::run::plan;
use crate::train::{DeviceBatch, Optimizer, OptimizerSettings};
use burn::tensor::{Device, Tensor};
use protocol::message;
use protocol::{DeviceInfo, RunConfig};

/// Preset of the small model.
const PRESET: &str = "fast-nano";

/// Its vocabulary size.
const VOCAB_SIZE: usize = 96;

/// Batch size and tokens per example.
const SHAPE: [usize; 2] = [4, 16];

/// Distance between two masked tokens.
const MASKED_EVERY: usize = 5;

/// Learning rate of the step.
const LR: f64 = 1e-3;

/// Maximum relative difference: devices round differently by about 1e-6.
const TOLERANCE: f64 = 1e-3;

/// Returns the device, or the CPU if the device computes wrong numbers. Software adapters are not
/// checked: that would take long, and they are used only on explicit request.
pub async fn checked(device: Device, info: DeviceInfo) -> (Device, DeviceInfo) {
    if info.backend == "cpu" || info.software {
        return (device, info);
    }
    match largest_difference(&device).await {
        Ok(difference) if difference <= TOLERANCE => {
            let info = DeviceInfo {
                self_check: true,
                ..info
            };
            (device, info)
        }
        Ok(difference) => device::cpu(Some(message!(
            "a training step on {device} differed from the CPU result by {difference} of the largest value",
            device = info.name,
            difference = format!("{difference:.1e}")
        ))),
        Err(error) => device::cpu(Some(message!(
            "the first training step on {device} failed: {error}",
            device = info.name,
            error = error.to_string()
        ))),
    }
}

/// Returns the largest difference between a step on `device` and on the CPU, of the loss, the
/// gradient norm and the gradients, each relative to its largest value; infinite if a number is not
/// finite.
///
/// # Errors
/// Returns an error if a device is lost.
pub async fn largest_difference(device: &Device) -> Result<f64> {
    let (expected, found) = (step_on(&Device::flex()).await?, step_on(device).await?);
    let differences = expected
        .iter()
        .zip(&found)
        .map(|(expected, found)| relative_difference(expected, found));
    Ok(differences.fold(0.0, f64::max))
}

fn relative_difference(expected: &[f32], found: &[f32]) -> f64 {
    if found.iter().any(|number| !number.is_finite()) {
        return f64::INFINITY;
    }
    let largest = expected.iter().fold(f32::MIN_POSITIVE, |largest, number| {
        largest.max(number.abs())
    });
    let difference = expected
        .iter()
        .zip(found)
        .fold(0.0_f32, |max, (a, b)| max.max((a - b).abs()));
    f64::from(difference / largest)
}

/// Returns the loss `[1]`, the gradient norm `[1]`, and the first moments of each group after one
/// step, which are a tenth of its gradients.
async fn step_on(device: &Device) -> Result<Vec<Vec<f32>>> {
    let model = plan::model_config(
        &RunConfig {
            preset: PRESET.into(),
            ..RunConfig::default()
        },
        VOCAB_SIZE,
    )?;
    let layout = Layout::new(specs(&model, Heads::MASKED_LM));
    let optimizer = Optimizer {
        layout,
        settings: OptimizerSettings::default(),
        device: device.clone(),
    };
    let (groups, _) = starting_values(&optimizer.layout, 1, &Weights::new());
    let mut values = optimizer.state_from(groups);
    let batch = DeviceBatch::upload(&batch(&model), &model, device);
    let report = optimizer.step(&mut values, LR, |params| {
        let network = Network::new(&model, params);
        let guesses = batch.guesses().clone();
        let truth = RowTargets {
            targets: guesses.targets,
            weights: guesses.weights,
            total: guesses.count,
        };
        network.masked_lm_loss(&network.encode(batch.input()), &guesses.positions, truth)
    });
    let moments = values.groups.iter().map(|group| group.m.clone());
    let numbers: Vec<Tensor<1>> = [report.loss, report.grad_norm]
        .into_iter()
        .chain(moments)
        .collect();
    read_groups(&numbers).await
}

/// Returns a batch with a fixed token pattern; the last row is half padding.
fn batch(model: &ModelConfig) -> Batch {
    let [rows, len] = SHAPE;
    let token = |place: usize| ((place * 37 + 11) % model.vocab_size) as i32;
    let positions: Vec<i32> = (0..rows * len - len / 2)
        .step_by(MASKED_EVERY)
        .map(|place| place as i32)
        .collect();
    Batch {
        ids: (0..rows * len).map(token).collect(),
        attention_mask: (0..rows * len)
            .map(|place| u8::from(place < rows * len - len / 2))
            .collect(),
        token_type_ids: vec![0; rows * len],
        masked_targets: positions
            .iter()
            .map(|place| token(*place as usize + 1))
            .collect(),
        masked_weights: vec![1.0; positions.len()],
        masked_positions: positions,
        row_weights: vec![1.0; rows],
        batch_size: rows,
        max_len: len,
        ..Batch::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::block_on;

    #[test]
    fn a_device_agrees_with_itself_and_wrong_numbers_are_detected() {
        assert_eq!(
            block_on(largest_difference(&Device::flex())).expect("the CPU answers"),
            0.0
        );
        assert!(relative_difference(&[1.0, -4.0], &[1.0, -3.9]) > TOLERANCE);
        assert!(relative_difference(&[1.0, -4.0], &[1.0, -4.000_01]) < TOLERANCE);
        assert_eq!(relative_difference(&[1.0], &[f32::NAN]), f64::INFINITY);
    }
}
