//! Compares the published BERT with PyTorch and Hugging Face `transformers`: forward pass,
//! gradients and 20 steps of AdamW, on the CPU backend and, with the `gpu` feature, on an adapter.
//! `tests/golden/model` contains the reference tensors and the script that created them.

use burn::tensor::{Device, Int, Tensor, TensorData};
use engine::interop::{self, HostTensor, Weights};
use engine::kernels::{RowNumbers, RowTargets};
use engine::model::{Heads, Input, Layout, ModelConfig, Network, ParamTensors, specs};
use engine::train::{
    Optimizer, OptimizerSettings, TrainState, multi_label_loss, single_label_loss,
};

/// Tolerance of forward values: single precision through 2 layers, sums of a few hundred terms.
const FORWARD_TOLERANCE: f32 = 1e-4;
/// Tolerance of gradients, relative to the largest entry of their tensor.
const GRADIENT_TOLERANCE: f32 = 1e-3;
/// Tolerance of losses during 20 optimiser steps.
const LOSS_TOLERANCE: f32 = 1e-3;

struct Case {
    config: ModelConfig,
    heads: Heads,
    weights: Weights,
    inputs: Raw,
    outputs: Weights,
    gradients: Weights,
    losses: Vec<f32>,
    grad_norm: f32,
}

/// A safetensors file with tensors of type `i64` and `f32`.
struct Raw(Vec<u8>);

impl Raw {
    fn ints(&self, name: &str) -> Vec<i32> {
        let file = safetensors::SafeTensors::deserialize(&self.0).expect("a golden file");
        let tensor = file.tensor(name).expect(name);
        tensor
            .data()
            .chunks_exact(8)
            .map(|b| i64::from_le_bytes(b.try_into().expect("8 bytes")) as i32)
            .collect()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let file = safetensors::SafeTensors::deserialize(&self.0).expect("a golden file");
        let tensor = file.tensor(name).expect(name);
        tensor
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().expect("4 bytes")))
            .collect()
    }
}

fn case(name: &str, heads: Heads) -> Case {
    let read = |file: &str| {
        let path = format!(
            "{}/../../tests/golden/model/{name}/{file}",
            env!("CARGO_MANIFEST_DIR")
        );
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let tensors = |file: &str| interop::weights_from_bytes(&read(file)).expect("a golden file");
    let trajectory: serde_json::Value =
        serde_json::from_slice(&read("trajectory.json")).expect("JSON");
    let losses = trajectory["losses"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|v| v.as_f64().expect("a number") as f32);
    Case {
        config: interop::config_from_json(&read("config.json")).expect("a golden config"),
        heads,
        weights: tensors("model.safetensors"),
        inputs: Raw(read("inputs.safetensors")),
        outputs: tensors("outputs.safetensors"),
        gradients: tensors("gradients.safetensors"),
        losses: losses.collect(),
        grad_norm: trajectory["grad_norm"].as_f64().expect("a number") as f32,
    }
}

impl Case {
    /// Returns `[B, T]`, from the shape of the attentions.
    fn dims(&self) -> [usize; 2] {
        let shape = &self.outputs["attentions.0"].shape;
        [shape[0], shape[2]]
    }

    fn input(&self, device: &Device) -> Input {
        let [b, t] = self.dims();
        let keep = self
            .inputs
            .ints("attention_mask")
            .into_iter()
            .map(|v| v as f32)
            .collect();
        let [ids, segments] = ["input_ids", "token_type_ids"].map(|name| self.inputs.ints(name));
        Input::new([b, t], &ids, &segments, Some(keep), (&self.config, device))
    }

    fn optimizer(&self, device: &Device) -> (Optimizer, TrainState) {
        let layout = Layout::new(specs(&self.config, self.heads));
        let groups = layout.arrays(|spec| self.weights[&spec.name].data.clone());
        // As in the reference: the default betas of torch.optim.AdamW, and the weight decay of the
        // script.
        let settings = OptimizerSettings {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-6,
            weight_decay: 0.01,
            clip_norm: 1.0,
            muon: None,
        };
        let optimizer = Optimizer {
            layout,
            settings,
            device: device.clone(),
        };
        let state = optimizer.state_from(groups);
        (optimizer, state)
    }

    fn loss(&self, params: &ParamTensors, device: &Device) -> Tensor<1> {
        let model = Network::new(&self.config, params);
        let encoded = model.encode(self.input(device));
        let rows = self.dims()[0];
        let floats = |values: Vec<f32>| {
            Tensor::<1>::from_data(TensorData::new(values.clone(), [values.len()]), device)
        };
        if self.heads.masked_lm {
            let positions = self.inputs.ints("masked_positions");
            let labels = self.inputs.ints("labels");
            let targets: Vec<i32> = positions.iter().map(|&p| labels[p as usize]).collect();
            let m = positions.len();
            let ints = |values: Vec<i32>| {
                Tensor::<1, Int>::from_data(TensorData::new(values, [m]), device)
            };
            let truth = RowTargets {
                targets: ints(targets),
                weights: floats(vec![1.0; m]),
                total: m as f32,
            };
            let positions = RowNumbers::new(&positions, rows * self.dims()[1], device);
            let loss = model.masked_lm_loss(&encoded, &positions, truth);
            if !self.heads.next_sentence {
                return loss;
            }
            let truth = self.inputs.ints("next_sentence_label");
            return loss
                + single_label_loss(
                    model.next_sentence(&encoded),
                    one_hot(&truth, 2, device),
                    floats(vec![1.0; rows]).unsqueeze_dim(1),
                    rows as f32,
                );
        }
        let logits = model.classify(&encoded);
        let classes = self.config.labels.len();
        let weights = floats(vec![1.0; rows]).unsqueeze_dim(1);
        if self.outputs["logits"].shape[1] == 6 {
            let labels = Tensor::from_data(
                TensorData::new(self.inputs.floats("labels"), [rows, classes]),
                device,
            );
            // Hugging Face also averages over labels.
            multi_label_loss(logits, labels, weights, rows as f32) * (1.0 / classes as f64)
        } else {
            single_label_loss(
                logits,
                one_hot(&self.inputs.ints("labels"), classes, device),
                weights,
                rows as f32,
            )
        }
    }
}

fn one_hot(rows: &[i32], classes: usize, device: &Device) -> Tensor<2> {
    let mut values = vec![0.0; rows.len() * classes];
    rows.iter()
        .enumerate()
        .for_each(|(row, &class)| values[row * classes + class as usize] = 1.0);
    Tensor::from_data(TensorData::new(values, [rows.len(), classes]), device)
}

fn values<const R: usize>(tensor: Tensor<R>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("f32")
}

/// Returns the largest absolute difference.
fn distance(ours: &[f32], reference: &[f32]) -> f32 {
    assert_eq!(ours.len(), reference.len());
    ours.iter()
        .zip(reference)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

fn close(what: &str, ours: &[f32], reference: &HostTensor, tolerance: f32) {
    let distance = distance(ours, &reference.data);
    assert!(
        distance <= tolerance,
        "{what} differs by {distance}, more than {tolerance}"
    );
}

fn check_forward(case: &Case, device: &Device) {
    let (optimizer, state) = case.optimizer(device);
    let params = optimizer.frozen(&state);
    // With attention probabilities another implementation is used than in a training step on the
    // CPU.
    check_outputs(case, &Network::new(&case.config, &params), device);
    check_outputs(
        case,
        &Network::new(&case.config, &params).with_attentions(),
        device,
    );
}

fn check_outputs(case: &Case, model: &Network, device: &Device) {
    let encoded = model.encode(case.input(device));
    let layers = if model.output_attentions {
        case.config.num_hidden_layers
    } else {
        0
    };
    assert_eq!(encoded.attentions.len(), layers);
    let keep = case.inputs.ints("attention_mask");
    let width = case.config.hidden_size;
    // Hidden states of padding are unspecified, so only tokens are compared.
    let real = |values: &[f32]| -> Vec<f32> {
        values
            .chunks(width)
            .zip(&keep)
            .filter(|(_, keep)| **keep == 1)
            .flat_map(|(row, _)| row.to_vec())
            .collect()
    };
    for (i, hidden) in encoded.hidden_states.iter().enumerate() {
        let reference = &case.outputs[&format!("hidden_states.{i}")];
        let difference = distance(&real(&values(hidden.clone())), &real(&reference.data));
        assert!(
            difference <= FORWARD_TOLERANCE,
            "hidden state {i} differs by {difference}"
        );
    }
    for (i, attention) in encoded.attentions.iter().enumerate() {
        close(
            &format!("attention {i}"),
            &values(attention.probabilities.clone()),
            &case.outputs[&format!("attentions.{i}")],
            FORWARD_TOLERANCE,
        );
    }
    if case.heads.classifier {
        close(
            "logits",
            &values(model.classify(&encoded)),
            &case.outputs["logits"],
            FORWARD_TOLERANCE,
        );
    }
    if case.heads.next_sentence {
        close(
            "next sentence",
            &values(model.next_sentence(&encoded)),
            &case.outputs["seq_relationship_logits"],
            FORWARD_TOLERANCE,
        );
    }
}

fn check_gradients(case: &Case, device: &Device) {
    let (optimizer, state) = case.optimizer(device);
    let params = optimizer.params(&state);
    let loss = case.loss(&params, device);
    let ours = values(loss.clone().inner());
    assert!(
        (ours[0] - case.outputs["loss"].data[0]).abs() <= FORWARD_TOLERANCE,
        "loss {} against {}",
        ours[0],
        case.outputs["loss"].data[0]
    );
    let gradients = optimizer.layout.gradients(&params, loss.backward());
    let mut squares = 0.0_f64;
    for (group, gradient) in optimizer.layout.groups.iter().zip(gradients) {
        let flat = values(Tensor::cat(gradient, 0));
        squares += flat
            .iter()
            .map(|v| f64::from(*v) * f64::from(*v))
            .sum::<f64>();
        let mut start = 0;
        for spec in &optimizer.layout.specs[group.members.clone()] {
            let reference = &case.gradients[&spec.name];
            let scale = reference.data.iter().fold(1e-3_f32, |a, v| a.max(v.abs()));
            let difference = distance(&flat[start..start + spec.len()], &reference.data);
            assert!(
                difference <= GRADIENT_TOLERANCE * scale,
                "gradient of {} differs by {difference} of {scale}",
                spec.name
            );
            start += spec.len();
        }
    }
    let norm = squares.sqrt() as f32;
    assert!(
        (norm - case.grad_norm).abs() <= GRADIENT_TOLERANCE * case.grad_norm,
        "norm {norm} against {}",
        case.grad_norm
    );
}

fn check_trajectory(case: &Case, device: &Device) {
    let (optimizer, mut state) = case.optimizer(device);
    let autodiff = device.clone();
    for (step, reference) in case.losses.iter().enumerate() {
        let lr = 1e-3 * f64::min((step + 1) as f64 / 4.0, (20 - step) as f64 / 16.0);
        let report = optimizer.step(&mut state, lr, |params| case.loss(params, &autodiff));
        let ours = values(report.loss)[0];
        assert!(
            (ours - reference).abs() <= LOSS_TOLERANCE,
            "step {step}: loss {ours} against {reference}"
        );
    }
}

fn check(device: &Device) {
    let nsp = Heads {
        masked_lm: true,
        next_sentence: true,
        classifier: false,
    };
    let cases = [
        ("masked-lm", Heads::MASKED_LM),
        ("masked-lm-nsp", nsp),
        ("multi-label", Heads::CLASSIFIER),
        ("single-label", Heads::CLASSIFIER),
    ];
    for (name, heads) in cases {
        let case = case(name, heads);
        println!("{name}");
        check_forward(&case, device);
        check_gradients(&case, device);
        check_trajectory(&case, device);
    }
}

#[test]
fn bert_equals_the_reference_on_the_cpu_engine() {
    check(&Device::flex());
}

#[cfg(feature = "gpu")]
#[test]
#[ignore = "needs a graphics driver; cargo xtask test runs it"]
fn bert_equals_the_reference_on_the_gpu_engine() {
    let opened = futures_lite::future::block_on(engine::device::open(
        protocol::BackendChoice::Gpu,
        async || String::new(),
    ));
    let (device, info) =
        opened.expect("this test needs a Vulkan, Metal or DX12 adapter; Mesa's lavapipe will do");
    println!("{}", info.name);
    check(&device);
}
