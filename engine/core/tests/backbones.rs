//! Properties that every backbone must have: padding has no effect, predictions depend on the
//! position, gradients match the loss, and configurations round-trip through their files.

use burn::tensor::{Device, Tensor, TensorData};
use data::examples::{Batch, BatchPart};
use data::tokenizer::Specials;
use engine::interop::{config_from_json, config_to_json};
use engine::kernels::RowNumbers;
use engine::model::{
    Architecture, Dropout, Heads, Input, Layout, ModelConfig, Network, ParamTensors,
    initial_values, specs,
};
use engine::train::DeviceBatch;

/// Allows for rounding errors in single precision through a few layers.
const TOLERANCE: f32 = 1e-5;
/// Tolerance for central differences of a loss in single precision, relative to the largest entry.
const GRADIENT_TOLERANCE: f32 = 2e-2;

const PRESETS: [&str; 4] = ["bert-tiny", "fast-nano", "textcnn", "mean"];
const ALL_HEADS: Heads = Heads {
    masked_lm: true,
    next_sentence: true,
    classifier: true,
};

fn config(preset: &str) -> ModelConfig {
    let config = ModelConfig::preset(preset, 30, 32).expect("exists");
    ModelConfig {
        type_vocab_size: 2,
        labels: vec!["a".into(), "b".into(), "c".into()],
        ..config
    }
}

fn values(config: &ModelConfig) -> (Layout, Vec<Vec<f32>>) {
    let layout = Layout::new(specs(config, ALL_HEADS));
    let groups = layout.arrays(|spec| initial_values(spec, 1));
    (layout, groups)
}

fn params(layout: &Layout, groups: &[Vec<f32>], device: &Device) -> ParamTensors {
    let flat = |values: &Vec<f32>| {
        let plain = Device::flex();
        Tensor::<1>::from_data(TensorData::new(values.clone(), [values.len()]), &plain)
    };
    layout.params(&groups.iter().map(flat).collect::<Vec<_>>(), device)
}

/// Returns one row of ids, padded with zeros to `t`; its second half is the second text of a pair.
fn input(ids: &[i32], t: usize, config: &ModelConfig, device: &Device) -> Input {
    let padded = |values: Vec<i32>| -> Vec<i32> {
        values
            .into_iter()
            .chain(std::iter::repeat(0))
            .take(t)
            .collect()
    };
    let keep: Vec<f32> = (0..t).map(|i| f32::from(u8::from(i < ids.len()))).collect();
    let segments = (0..ids.len())
        .map(|i| i32::from(i >= ids.len() / 2))
        .collect();
    let keep = (t > ids.len()).then_some(keep);
    Input::new(
        [1, t],
        &padded(ids.to_vec()),
        &padded(segments),
        keep,
        (config, device),
    )
}

const IDS: [i32; 9] = [2, 10, 4, 11, 12, 3, 4, 13, 3];
/// Positions of both `[MASK]` tokens.
const MASKED: [i32; 2] = [2, 6];

/// Returns all outputs of a model for `IDS` padded to `t`: masked-LM, next-sentence and
/// classification logits.
fn outputs(config: &ModelConfig, params: &ParamTensors, t: usize, device: &Device) -> Tensor<1> {
    let network = Network::new(config, params);
    let encoded = network.encode(input(&IDS, t, config, device));
    let positions = RowNumbers::new(&MASKED, t, device);
    let flat = |x: Tensor<2>| {
        let n = x.dims().iter().product::<usize>();
        x.reshape([n])
    };
    let parts = [
        network.masked_lm(&encoded, &positions),
        network.next_sentence(&encoded),
        network.classify(&encoded),
    ];
    Tensor::cat(parts.map(flat).to_vec(), 0)
}

fn read(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

#[test]
fn every_backbone_is_tested() {
    for architecture in Architecture::ALL {
        assert!(
            PRESETS
                .iter()
                .any(|preset| config(preset).architecture == architecture),
            "{architecture:?}"
        );
    }
}

#[test]
fn padding_has_no_effect() {
    let device = Device::flex();
    for preset in PRESETS {
        let config = config(preset);
        let (layout, groups) = values(&config);
        let params = params(&layout, &groups, &device);
        let short = read(outputs(&config, &params, IDS.len(), &device));
        for t in [IDS.len() + 1, 16, 32] {
            let long = read(outputs(&config, &params, t, &device));
            let worst = short
                .iter()
                .zip(&long)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max);
            assert!(
                worst < TOLERANCE,
                "{preset} padded to {t} differs by {worst}"
            );
        }
    }
}

/// Returns a batch of three texts of different lengths in rows of `t` positions, with a masked
/// position in each.
fn batch(t: usize) -> Batch {
    let specials = Specials {
        pad: 0,
        unk: 1,
        cls: 2,
        sep: 3,
        mask: 4,
    };
    let mut batch = Batch::filled(&specials, 3, t);
    for (row, length) in [9, 2, 5].into_iter().enumerate() {
        let ids: Vec<u32> = IDS[..length].iter().map(|&id| id as u32).collect();
        batch.set_row(row, &ids, length / 2);
        batch.masked_positions.push((row * t + length - 1) as i32);
    }
    batch.masked_targets = vec![10, 11, 12];
    batch.masked_weights = vec![1.0; 3];
    batch.labels = vec![0.0; 9];
    batch
}

/// Returns the sum of the squares of all outputs of a model for a batch, and its gradients.
fn outputs_and_gradients(
    (config, layout, groups): (&ModelConfig, &Layout, &[Vec<f32>]),
    input: Input,
    positions: &RowNumbers,
) -> (Vec<f32>, Vec<Vec<f32>>) {
    let tracked = params(layout, groups, &Device::flex().autodiff());
    let dropout = Dropout {
        hidden: 0.0,
        attention: 0.2,
    };
    let network = Network::new(config, &tracked).with_dropout(dropout, 7);
    let encoded = network.encode(input);
    let parts = [
        network.masked_lm(&encoded, positions),
        network.next_sentence(&encoded),
        network.classify(&encoded),
    ];
    let flat = |x: Tensor<2>| {
        let n = x.dims().iter().product::<usize>();
        x.reshape([n])
    };
    let outputs = Tensor::cat(parts.map(flat).to_vec(), 0);
    let loss = outputs.clone().powi_scalar(2).mean();
    let gradients = layout.gradients(&tracked, loss.backward());
    let gradients = gradients.into_iter();
    (
        read(outputs.inner()),
        gradients.map(|group| read(Tensor::cat(group, 0))).collect(),
    )
}

/// Asserts that the numbers are finite and equal but for rounding errors, relative to the largest.
fn assert_near(preset: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{preset}");
    let largest = expected.iter().fold(1e-3_f32, |a, x| a.max(x.abs()));
    for (a, b) in found.iter().zip(expected) {
        let is_near = (a - b).abs() < 10.0 * TOLERANCE * largest;
        assert!(a.is_finite() && is_near, "{preset}: {a} against {b}");
    }
}

/// Hidden dropout drops the same elements in a part as in the whole batch, with padding.
#[test]
fn parts_of_a_padded_batch_have_the_outputs_of_the_whole() {
    let device = Device::flex();
    for preset in PRESETS {
        let config = config(preset);
        let (layout, groups) = values(&config);
        let params = params(&layout, &groups, &device);
        let dropout = Dropout {
            hidden: 0.2,
            attention: 0.2,
        };
        let logits = |part: &BatchPart| {
            let batch = DeviceBatch::upload_part(part, &config, &device);
            let network = Network::new(&config, &params).with_dropout(dropout, 7);
            let network = network.starting_at(batch.offset());
            read(
                network
                    .classify(&network.encode(batch.input()))
                    .reshape([-1]),
            )
        };
        let host = batch(12);
        let whole = logits(&host.parts(1)[0]);
        let parts: Vec<f32> = host.parts(3).iter().flat_map(logits).collect();
        assert_near(preset, &parts, &whole);
        let other = logits(&BatchPart {
            first_row: 0,
            tokens_before: 0,
            ..host.parts(3)[2].clone()
        });
        assert_ne!(other, parts[6..], "{preset} drops elements by their place");
    }
}

#[test]
fn leaving_out_padding_has_no_effect() {
    let device = Device::flex();
    for preset in PRESETS {
        let config = config(preset);
        let (layout, groups) = values(&config);
        let model = (&config, &layout, groups.as_slice());
        let t = 12;
        let host = batch(t);
        let uploaded = DeviceBatch::upload(&host, &config, &device);
        let leaves_out = uploaded.input().sequences.bounds.is_some();
        let skips = config.architecture.backbone().accepts_unpadded();
        assert_eq!(leaves_out, skips, "{preset}");
        let (found, found_gradients) =
            outputs_and_gradients(model, uploaded.input(), &uploaded.guesses().positions);
        let keep = host.attention_mask.iter().map(|&keep| f32::from(keep));
        let padded = Input::new(
            [3, t],
            &host.ids,
            &host.token_type_ids,
            Some(keep.collect()),
            (&config, &device),
        );
        let positions = RowNumbers::new(&host.masked_positions, 3 * t, &device);
        let (expected, expected_gradients) = outputs_and_gradients(model, padded, &positions);
        assert_near(preset, &found, &expected);
        for (found, expected) in found_gradients.iter().zip(&expected_gradients) {
            assert_near(preset, found, expected);
        }
    }
}

#[test]
fn predictions_depend_on_the_position() {
    let device = Device::flex();
    for preset in ["bert-tiny", "fast-nano", "textcnn"] {
        let config = config(preset);
        let (layout, groups) = values(&config);
        let logits = read(outputs(
            &config,
            &params(&layout, &groups, &device),
            IDS.len(),
            &device,
        ));
        let (first, second) = (&logits[..30], &logits[30..60]);
        let differs = first
            .iter()
            .zip(second)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(differs > 1e-3, "{preset} says the same at both masks");
    }
}

#[test]
fn gradients_match_finite_differences() {
    let device = Device::flex();
    for preset in PRESETS {
        let config = config(preset);
        let (layout, groups) = values(&config);
        let loss = |params: &ParamTensors, device: &Device| {
            outputs(&config, params, 12, device).powi_scalar(2).mean()
        };
        let autodiff = device.clone().autodiff();
        let tracked = params(&layout, &groups, &autodiff);
        let gradients = layout.gradients(&tracked, loss(&tracked, &autodiff).backward());
        let gradients: Vec<Vec<f32>> = gradients
            .into_iter()
            .map(|group| read(Tensor::cat(group, 0)))
            .collect();
        let plain = |groups: &[Vec<f32>]| read(loss(&params(&layout, groups, &device), &device))[0];
        for (g, gradient) in gradients.iter().enumerate() {
            let largest = gradient.iter().fold(0.0_f32, |a, x| a.max(x.abs()));
            // The entry with the largest gradient and a few others.
            let steepest = (0..gradient.len())
                .max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs()));
            let spread = (0..8).map(|i| i * gradient.len() / 8);
            for i in steepest.into_iter().chain(spread) {
                const H: f32 = 1e-2;
                let nudged = |by: f32| {
                    let mut groups = groups.clone();
                    groups[g][i] += by;
                    plain(&groups)
                };
                let difference = (nudged(H) - nudged(-H)) / (2.0 * H);
                let error = (difference - gradient[i]).abs();
                assert!(
                    error <= GRADIENT_TOLERANCE * largest,
                    "{preset} {g}.{i}: {difference} against {}",
                    gradient[i]
                );
            }
        }
    }
}

#[test]
fn configurations_round_trip() {
    for preset in PRESETS {
        let config = config(preset);
        let json = String::from_utf8(config_to_json(&config)).expect("JSON");
        // The default problem type depends on the labels.
        let config = ModelConfig {
            problem_type: config_from_json(json.as_bytes())
                .expect("ours")
                .problem_type,
            ..config
        };
        assert_eq!(
            config_from_json(json.as_bytes()).expect("ours"),
            config,
            "{preset}"
        );
    }
    let textcnn = String::from_utf8(config_to_json(&config("textcnn"))).expect("JSON");
    for (from, to) in [
        ("2,\n    3,", "3,\n    3,"),
        ("\"filter_sizes\": [", "\"filter_sizes\": [99999,"),
        ("\"num_filters\": 128", "\"num_filters\": 0"),
    ] {
        assert!(textcnn.contains(from), "{textcnn}");
        config_from_json(textcnn.replace(from, to).as_bytes()).expect_err("refused");
    }
}
