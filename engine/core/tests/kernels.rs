//! Compares the GELU, AdamW and gradient collection with their CPU definitions, with burn's
//! operations and with finite differences.

mod devices;

use burn::tensor::{Device, Tensor, TensorData};
use engine::kernels::{
    AdamWSettings, AdamWState, CollectedGradients, adamw, collect_gradients, gelu,
};
use shaders::gradients::NormSettings;

/// One or two units in the last place of values around 1.
const TOLERANCE: f32 = 1e-6;
/// burn's erf is a coarser polynomial than the one used here.
const BURN_ERF_TOLERANCE: f32 = 2e-6;
/// Error of a central difference with step 1e-2 in single precision.
const DIFFERENCE_TOLERANCE: f32 = 1e-3;

/// Returns `n` values that cover both branches of erf and both signs.
fn sample(n: usize, phase: f32) -> Vec<f32> {
    (0..n)
        .map(|i| ((i as f32 * 0.37 + phase).sin() * 4.0) + (i % 7) as f32 * 0.1)
        .collect()
}

fn tensor(values: &[f32], device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

fn values(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("f32")
}

fn near(what: &str, a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        assert!(
            (a - b).abs() <= tolerance * (1.0 + b.abs()),
            "{what}, element {i}: {a} against {b}"
        );
    }
}

devices::on_every_device!(
    gelu_equals_its_cpu_definition_and_burn,
    gelu_reads_transposed_tensors,
    gelu_gradient_matches_finite_differences,
    adamw_equals_its_cpu_definition,
    gradients_are_concatenated_and_clipped,
);

fn gelu_equals_its_cpu_definition_and_burn(device: &Device) {
    // Sizes below, at and above one workgroup, also not multiples of it.
    for n in [1, 255, 256, 1000] {
        let x = sample(n, 0.1);
        let ours = values(gelu(tensor(&x, device)));
        let shadow: Vec<f32> = x.iter().map(|&x| shaders::gelu::cpu(x)).collect();
        near("gelu", &ours, &shadow, TOLERANCE);
        let x = tensor(&x, device);
        let composed = x.clone() * 0.5 * ((x * std::f64::consts::FRAC_1_SQRT_2).erf() + 1.0);
        near(
            "gelu against burn",
            &ours,
            &values(composed),
            BURN_ERF_TOLERANCE,
        );
    }
}

fn gelu_reads_transposed_tensors(device: &Device) {
    let x = tensor(&sample(6, 0.4), device).reshape([2, 3]);
    let ours = gelu(x.clone().transpose());
    let reference = gelu(x).transpose();
    near(
        "transposed",
        &values(ours.reshape([6])),
        &values(reference.reshape([6])),
        TOLERANCE,
    );
}

fn gelu_gradient_matches_finite_differences(device: &Device) {
    let x = sample(300, 0.7);
    let weights: Vec<f32> = sample(300, 1.3);
    let leaf = Tensor::<1>::from_inner(tensor(&x, device)).require_grad();
    let loss = (gelu(leaf.clone()) * tensor(&weights, device)).sum();
    let gradient = values(leaf.grad(&loss.backward()).expect("the leaf is tracked"));
    let h = 1e-2_f32;
    let nudged = |by: f32| {
        values(gelu(tensor(
            &x.iter().map(|x| x + by).collect::<Vec<_>>(),
            device,
        )))
    };
    let slopes: Vec<f32> = nudged(h)
        .iter()
        .zip(nudged(-h))
        .zip(&weights)
        .map(|((up, down), w)| w * (up - down) / (2.0 * h))
        .collect();
    near("gradient", &gradient, &slopes, DIFFERENCE_TOLERANCE);
}

fn adamw_equals_its_cpu_definition(device: &Device) {
    let n = 700;
    let (mut p, mut m, mut v) = (sample(n, 0.0), vec![0.0; n], vec![0.0; n]);
    let zeros = || tensor(&vec![0.0; n], device);
    let mut state = AdamWState {
        p: tensor(&p, device),
        m: zeros(),
        v: zeros(),
    };
    for t in 1..=5 {
        let settings = AdamWSettings {
            n: n as u32,
            lr: 0.01,
            beta1: 0.9,
            beta2: 0.98,
            eps: 1e-6,
            weight_decay: 0.01,
            correction1: 1.0 - 0.9_f32.powi(t),
            correction2: 1.0 - 0.98_f32.powi(t),
        };
        let g = sample(n, t as f32);
        shaders::adamw::cpu(&settings, 0.5, &mut p, &g, &mut m, &mut v);
        let before = state.p.clone();
        let pieces = vec![tensor(&g[..300], device), tensor(&g[300..], device)];
        let CollectedGradients { mut groups, .. } = collect_gradients(vec![pieces], &[n], 1.0);
        state = adamw(state, groups.remove(0), tensor(&[0.5], device), settings);
        assert_ne!(
            values(before),
            values(state.p.clone()),
            "a clone taken before the step keeps its values"
        );
    }
    near("p", &values(state.p), &p, 1e-5);
    near("m", &values(state.m), &m, 1e-5);
    near("v", &values(state.v), &v, 1e-5);
}

fn gradients_are_concatenated_and_clipped(device: &Device) {
    // More pieces than one launch copies, with sizes that end within a block.
    let sizes = [vec![1, 300, 5000, 2048, 7, 64, 129, 3], vec![10]];
    let total: Vec<usize> = sizes.iter().map(|group| group.iter().sum()).collect();
    let lens: Vec<usize> = total.iter().map(|n| n.next_multiple_of(64)).collect();
    let groups: Vec<Vec<f32>> = total.iter().map(|n| sample(*n, 0.2)).collect();
    let cut = |(values, sizes): (&Vec<f32>, &Vec<usize>)| {
        let mut rest = values.as_slice();
        let mut next = |n: &usize| {
            let (piece, after) = rest.split_at(*n);
            rest = after;
            tensor(piece, device)
        };
        sizes.iter().map(&mut next).collect::<Vec<_>>()
    };
    let pieces: Vec<_> = groups.iter().zip(&sizes).map(cut).collect();
    let CollectedGradients {
        groups: found,
        norm,
        clip,
    } = collect_gradients(pieces, &lens, 2.0);
    for (found, expected) in found.into_iter().zip(&groups) {
        let found = values(Tensor::cat(found, 0));
        near("the gradients", &found[..expected.len()], expected, 0.0);
        assert!(
            found[expected.len()..].iter().all(|x| *x == 0.0),
            "zeros fill the array"
        );
    }
    let expected = groups
        .iter()
        .flatten()
        .map(|x| f64::from(*x).powi(2))
        .sum::<f64>()
        .sqrt() as f32;
    near("the norm", &values(norm), &[expected], TOLERANCE);
    let settings = NormSettings {
        n: 0,
        max_norm: 2.0,
        eps: 1e-6,
    };
    near(
        "what limits it",
        &values(clip),
        &[shaders::gradients::clip(expected, &settings)],
        TOLERANCE,
    );
    for gradient in [0.0, 0.5] {
        let pieces = vec![vec![tensor(&[gradient], device)]];
        let CollectedGradients { clip, .. } = collect_gradients(pieces, &[64], 2.0);
        assert_eq!(values(clip), [1.0], "a small gradient is not scaled");
    }
}
