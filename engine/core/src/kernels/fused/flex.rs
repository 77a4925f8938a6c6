//! The fused operations on the CPU backend: applies the loops and matrix products of the `cpu`
//! crate to the elements of tensors.

use super::super::DifferentiableOps;
use super::super::flex::{dense, like, owned, values};
use super::{
    AttentionSide, FusedMeasures, FusedOps, FusedOptimizer, Kernels, Mask, Numbers, Optional,
    Sequences, Truth,
};
use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::IntTensor;
use burn::tensor::{Bytes, DType, Shape};
use cpu::attention::Rotary;
use cpu::cross_entropy::Targets;
use cpu::matmul::{self, Matrix};
use cpu::muon::{self, Rates};

impl FusedOps for Flex {
    fn fused_linear(x: FlexTensor, weight: FlexTensor, bias: Optional<Self>) -> FlexTensor {
        Self::linear_forward(x, weight, bias.into_option())
    }

    fn fused_linear_gelu(x: FlexTensor, weight: FlexTensor, bias: Optional<Self>) -> FlexTensor {
        let [y, _] = Self::linear_gelu_forward(x, weight, bias.into_option());
        y
    }

    fn fused_gather(table: FlexTensor, numbers: FlexTensor, _readers: FlexTensor) -> FlexTensor {
        Self::gather_forward(table, numbers)
    }

    fn fused_layer_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        eps: f64,
    ) -> FlexTensor {
        let [y, _] = Self::layer_norm_forward(x, gamma, beta, eps);
        y
    }

    fn fused_add_norm(
        x: FlexTensor,
        y: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        eps: f64,
        dropout: Mask,
    ) -> FlexTensor {
        let [normal, _, _] = Self::add_norm_forward([x, y], [gamma, beta], eps, dropout);
        normal
    }

    fn fused_convolution(
        x: FlexTensor,
        taps: FlexTensor,
        keep: Optional<Self>,
        sequences: Sequences,
    ) -> FlexTensor {
        Self::convolution_forward(x, taps, keep.into_option(), &sequences)
    }

    fn fused_attention(
        qkv: FlexTensor,
        keep: Optional<Self>,
        rotary: Optional<Self>,
        dropout: Mask,
        sequences: Sequences,
        heads: usize,
    ) -> FlexTensor {
        let [keep, rotary] = [keep, rotary].map(Optional::into_option);
        Self::attention_forward(
            qkv,
            AttentionSide {
                sequences,
                heads,
                keep,
                rotary,
                dropout,
            },
        )
        .0
    }

    fn fused_dropout(x: FlexTensor, mask: Mask) -> FlexTensor {
        Self::dropout(x, mask)
    }

    fn fused_cross_entropy(
        rows: FlexTensor,
        table: FlexTensor,
        bias: FlexTensor,
        targets: FlexTensor,
        weights: FlexTensor,
        total: f32,
    ) -> FlexTensor {
        Self::cross_entropy_forward(
            rows,
            table,
            bias,
            Truth {
                targets,
                weights,
                total,
            },
        )
        .0
    }
}

impl FusedMeasures for Flex {
    fn fused_cross_entropy_sums(
        logits: FlexTensor,
        targets: FlexTensor,
        weights: FlexTensor,
        total: f32,
    ) -> FlexTensor {
        let (logits, weights, targets) = (dense(logits), dense(weights), indices(&dense(targets)));
        let truth = Targets {
            targets: &targets,
            weights: values(&weights),
            total,
        };
        tensor(
            cpu::cross_entropy::sums(values(&logits), columns(&logits), &truth).to_vec(),
            [2],
        )
    }
}

impl FusedOptimizer for Flex {
    fn fused_muon(
        p: FlexTensor,
        m: FlexTensor,
        g: FlexTensor,
        clip: FlexTensor,
        shapes: Vec<[usize; 2]>,
        rates: Rates,
    ) -> (FlexTensor, FlexTensor) {
        let (g, clip) = (dense(g), values(&dense(clip))[0]);
        let [mut p, mut m] = [p, m].map(|tensor| owned(dense(tensor)));
        muon::muon(
            p.storage_mut(),
            m.storage_mut(),
            values(&g),
            clip,
            &shapes,
            rates,
        );
        (p, m)
    }
}

/// Saved tensors for the backward pass of attention.
#[derive(Clone, Debug)]
pub(super) struct AttentionState {
    /// Queries, keys and values, `[N, 3 D]`.
    qkv: FlexTensor,
    /// Rotated and scaled queries, `[N, D]`.
    queries: FlexTensor,
    /// Rotated keys, `[N, D]`.
    keys: FlexTensor,
    /// Attention probabilities before dropout, `[H, T, T]` of each sequence in turn.
    probabilities: FlexTensor,
}

impl Kernels for Flex {
    type AttentionState = AttentionState;
    /// The gradient of the logits, `[M, V]`, computed in the forward pass.
    type CrossEntropyState = FlexTensor;

    fn linear_forward(x: FlexTensor, weight: FlexTensor, bias: Option<FlexTensor>) -> FlexTensor {
        let (x, weight, bias) = (strided(x), strided(weight), bias.map(dense));
        let y = matmul::linear(matrix(&x), matrix(&weight), bias.as_ref().map(values));
        tensor(y, [rows(&x), rows(&weight)])
    }

    fn linear_backward(
        x: FlexTensor,
        weight: FlexTensor,
        dy: FlexTensor,
        has_bias: bool,
    ) -> ([FlexTensor; 2], Option<FlexTensor>) {
        let (x, weight, dy) = (strided(x), strided(weight), dense(dy));
        let dweight = matmul::product(matrix(&dy).transposed(), matrix(&x)); // [O, I]
        let dx = matmul::product(matrix(&dy), matrix(&weight)); // [N, I]
        let dbias = has_bias.then(|| {
            tensor(
                cpu::rows::column_sums(values(&dy), columns(&dy)),
                [columns(&dy)],
            )
        });
        (
            [
                tensor(dx, [rows(&x), columns(&x)]),
                tensor(dweight, [rows(&weight), columns(&x)]),
            ],
            dbias,
        )
    }

    fn linear_gelu_forward(
        x: FlexTensor,
        weight: FlexTensor,
        bias: Option<FlexTensor>,
    ) -> [FlexTensor; 2] {
        let inner = Self::linear_forward(x, weight, bias);
        [Self::exact_gelu(inner.clone()), inner]
    }

    fn gather_forward(table: FlexTensor, numbers: FlexTensor) -> FlexTensor {
        let (table, numbers) = (dense(table), indices(&dense(numbers)));
        let width = columns(&table);
        tensor(
            cpu::gather::gather(values(&table), &numbers, width),
            [numbers.len(), width],
        )
    }

    fn gather_backward(rows: usize, numbers: Numbers<Self>, dy: FlexTensor) -> FlexTensor {
        let (dy, numbers) = (dense(dy), indices(&dense(numbers.numbers)));
        let width = columns(&dy);
        tensor(
            cpu::gather::scatter(values(&dy), &numbers, rows, width),
            [rows, width],
        )
    }

    fn layer_norm_forward(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        eps: f64,
    ) -> [FlexTensor; 2] {
        let [x, gamma, beta] = [x, gamma, beta].map(dense);
        let (y, moments) =
            cpu::layer_norm::layer_norm(values(&x), values(&gamma), values(&beta), eps as f32);
        let rows = moments.len() / 2;
        [like(&x, y), tensor(moments, [rows, 2])]
    }

    fn layer_norm_backward(
        x: FlexTensor,
        gamma: FlexTensor,
        moments: FlexTensor,
        dy: FlexTensor,
    ) -> [FlexTensor; 3] {
        let [x, gamma, dy] = [x, gamma, dy].map(dense);
        let found =
            cpu::layer_norm::backward(values(&x), values(&dy), values(&gamma), values(&moments));
        [
            like(&x, found.x),
            like(&gamma, found.gamma),
            like(&gamma, found.beta),
        ]
    }

    fn add_norm_forward(
        [x, y]: [FlexTensor; 2],
        [gamma, beta]: [FlexTensor; 2],
        eps: f64,
        dropout: Mask,
    ) -> [FlexTensor; 3] {
        let [x, y] = [x, y].map(dense);
        let sum = like(&x, cpu::dropout::add(values(&x), values(&y), &dropout));
        let [normal, moments] = Self::layer_norm_forward(sum.clone(), gamma, beta, eps);
        [normal, sum, moments]
    }

    fn add_norm_backward(
        [sum, gamma, moments]: [FlexTensor; 3],
        dropout: Mask,
        dnormal: FlexTensor,
    ) -> [FlexTensor; 4] {
        let [dx, dgamma, dbeta] = Self::layer_norm_backward(sum, gamma, moments, dnormal);
        let dy = if dropout.is_none() {
            dx.clone()
        } else {
            Self::dropout(dx.clone(), dropout)
        };
        [dx, dy, dgamma, dbeta]
    }

    fn convolution_forward(
        x: FlexTensor,
        taps: FlexTensor,
        keep: Option<FlexTensor>,
        sequences: &Sequences,
    ) -> FlexTensor {
        let (x, taps) = (dense(x), dense(taps));
        let keep = keep.map(dense);
        let seen = keep.as_ref().map(values);
        let y = cpu::convolution::convolve(values(&x), values(&taps), seen, sequences);
        like(&x, y)
    }

    fn convolution_backward(
        x: FlexTensor,
        taps: FlexTensor,
        keep: Option<FlexTensor>,
        sequences: &Sequences,
        dy: FlexTensor,
    ) -> [FlexTensor; 2] {
        let [x, taps, dy] = [x, taps, dy].map(dense);
        let keep = keep.map(dense);
        let seen = keep.as_ref().map(values);
        let (dx, dtaps) =
            cpu::convolution::backward(values(&x), values(&dy), values(&taps), seen, sequences);
        [like(&x, dx), like(&taps, dtaps)]
    }

    fn attention_forward(
        qkv: FlexTensor,
        side: AttentionSide<Self>,
    ) -> (FlexTensor, AttentionState) {
        let (qkv, side) = (dense(qkv), contiguous(side));
        let found = cpu::attention::attention(values(&qkv), &attention_inputs(&side));
        let shape = [rows(&qkv), columns(&qkv) / 3];
        let scores = found.probabilities.len();
        let state = AttentionState {
            queries: tensor(found.queries, shape),
            keys: tensor(found.keys, shape),
            probabilities: tensor(found.probabilities, [scores]),
            qkv,
        };
        (tensor(found.context, shape), state)
    }

    fn attention_backward(
        side: AttentionSide<Self>,
        state: AttentionState,
        dy: FlexTensor,
    ) -> FlexTensor {
        let AttentionState {
            qkv,
            queries,
            keys,
            probabilities,
        } = state;
        let (dy, side) = (dense(dy), contiguous(side));
        let attended = [&queries, &keys, &probabilities].map(values);
        let dqkv = cpu::attention::backward(
            values(&qkv),
            values(&dy),
            attended,
            &attention_inputs(&side),
        );
        like(&qkv, dqkv)
    }

    fn dropout(x: FlexTensor, mask: Mask) -> FlexTensor {
        let x = dense(x);
        like(&x, cpu::dropout::dropout(values(&x), &mask))
    }

    fn cross_entropy_forward(
        rows: FlexTensor,
        table: FlexTensor,
        bias: FlexTensor,
        Truth {
            targets,
            weights,
            total,
        }: Truth<Self>,
    ) -> (FlexTensor, FlexTensor) {
        let targets = indices(&dense(targets));
        let (bias, weights) = (dense(bias), dense(weights));
        let (rows, table) = (strided(rows), strided(table));
        let vocab = self::rows(&table);
        // [M, V]
        let mut logits = matmul::linear(matrix(&rows), matrix(&table), Some(values(&bias)));
        let truth = Targets {
            targets: &targets,
            weights: values(&weights),
            total,
        };
        let loss = cpu::cross_entropy::cross_entropy(&mut logits, vocab, &truth);
        (
            tensor(vec![loss], [1]),
            tensor(logits, [targets.len(), vocab]),
        )
    }

    fn cross_entropy_backward(
        rows: FlexTensor,
        table: FlexTensor,
        logit_gradients: FlexTensor,
        dloss: FlexTensor,
    ) -> [FlexTensor; 3] {
        let factor = values(&dense(dloss))[0];
        let mut dlogits = owned(logit_gradients);
        if factor != 1.0 {
            cpu::rows::scale(dlogits.storage_mut(), factor);
        }
        let ([drows, dtable], dbias) = Self::linear_backward(rows, table, dlogits, true);
        [drows, dtable, dbias.expect("it was asked for")]
    }
}

fn tensor<const R: usize>(data: Vec<f32>, shape: [usize; R]) -> FlexTensor {
    FlexTensor::new(
        Bytes::from_elems(data),
        Layout::contiguous(Shape::from(shape.to_vec())),
        DType::F32,
    )
}

/// Returns the elements of a contiguous integer tensor as indices.
fn indices(tensor: &IntTensor<Flex>) -> Vec<usize> {
    let start = tensor.layout().start_offset();
    let range = start..start + tensor.layout().num_elements();
    match tensor.dtype() {
        DType::I32 => tensor.storage::<i32>()[range]
            .iter()
            .map(|&i| i as usize)
            .collect(),
        DType::I64 => tensor.storage::<i64>()[range]
            .iter()
            .map(|&i| i as usize)
            .collect(),
        other => panic!("indices are whole numbers, not {other:?}"),
    }
}

fn rows(x: &FlexTensor) -> usize {
    x.layout().shape()[0]
}

fn columns(x: &FlexTensor) -> usize {
    x.layout().shape()[1]
}

/// Returns a matrix without negative strides.
fn strided(x: FlexTensor) -> FlexTensor {
    let forward = x.layout().strides().iter().all(|stride| *stride >= 0);
    if forward { x } else { dense(x) }
}

fn matrix(x: &FlexTensor) -> Matrix<'_> {
    let strides = x.layout().strides();
    let strides = [strides[0], strides[1]].map(isize::unsigned_abs);
    Matrix::strided(
        &x.storage::<f32>()[x.layout().start_offset()..],
        [rows(x), columns(x)],
        strides,
    )
}

fn contiguous(side: AttentionSide<Flex>) -> AttentionSide<Flex> {
    AttentionSide {
        keep: side.keep.map(dense),
        rotary: side.rotary.map(dense),
        ..side
    }
}

fn attention_inputs(side: &AttentionSide<Flex>) -> cpu::attention::Inputs<'_> {
    cpu::attention::Inputs {
        sequences: &side.sequences,
        heads: side.heads,
        keep: side.keep.as_ref().map(values),
        rotary: side.rotary.as_ref().map(rotary),
        dropout: side.dropout,
    }
}

/// Splits the tables `[2, T, K / 2]` into cosines and sines.
fn rotary(tables: &FlexTensor) -> Rotary<'_> {
    let (cos, sin) = values(tables).split_at(tables.layout().num_elements() / 2);
    Rotary { cos, sin }
}
