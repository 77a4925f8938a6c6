//! The fused operations on the CPU engine: the loops of the crate `cpu`, and burn's matrix products between them, which
//! read transposed operands and slices in place.

use super::super::flex::{like, owned, values};
use super::{AttentionSide, AttentionState, FusedOps, Kernels, Optional, Truth};
use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::tensor::{Bytes, DType, Shape};
use cpu::attention::Rotary;
use cpu::cross_entropy::Targets;

impl FusedOps for Flex {
    fn fused_linear(x: FlexTensor, weight: FlexTensor, bias: Optional<Self>) -> FlexTensor {
        Self::linear_forward(x, weight, bias.into_option())
    }

    fn fused_layer_norm(x: FlexTensor, gamma: FlexTensor, beta: FlexTensor, eps: f64) -> FlexTensor {
        let [y, _] = Self::layer_norm_forward(x, gamma, beta, eps);
        y
    }

    fn fused_convolution(x: FlexTensor, taps: FlexTensor, keep: Optional<Self>, t: usize) -> FlexTensor {
        Self::convolution_forward(x, taps, keep.into_option(), t)
    }

    fn fused_attention(
        qkv: FlexTensor,
        keep: Optional<Self>,
        rotary: Optional<Self>,
        dropout: Optional<Self>,
        dims: [usize; 3],
    ) -> FlexTensor {
        let [keep, rotary, dropout] = [keep, rotary, dropout].map(Optional::into_option);
        Self::attention_forward(qkv, AttentionSide { dims, keep, rotary, dropout }).0
    }

    fn fused_cross_entropy(
        rows: FlexTensor,
        table: FlexTensor,
        bias: FlexTensor,
        targets: FlexTensor,
        weights: FlexTensor,
        total: f32,
    ) -> FlexTensor {
        let [loss, _] = Self::cross_entropy_forward(rows, table, bias, Truth { targets, weights, total });
        loss
    }
}

impl Kernels for Flex {
    fn linear_forward(x: FlexTensor, weight: FlexTensor, bias: Option<FlexTensor>) -> FlexTensor {
        let mut y = Self::float_matmul(x, weight.transpose(0, 1)); // [N, O]
        if let Some(bias) = bias {
            cpu::rows::add_to_rows(y.storage_mut(), values(&bias.to_contiguous()));
        }
        y
    }

    fn linear_backward(x: FlexTensor, weight: FlexTensor, dy: FlexTensor) -> [FlexTensor; 3] {
        let dy = dy.to_contiguous();
        let outputs = weight.layout().shape()[0];
        let dbias = tensor(cpu::rows::column_sums(values(&dy), outputs), [outputs]);
        let dweight = Self::float_matmul(dy.transpose(0, 1), x); // [O, I]
        [Self::float_matmul(dy, weight), dweight, dbias]
    }

    fn layer_norm_forward(x: FlexTensor, gamma: FlexTensor, beta: FlexTensor, eps: f64) -> [FlexTensor; 2] {
        let [x, gamma, beta] = [x, gamma, beta].map(|input| input.to_contiguous());
        let (y, moments) = cpu::layer_norm::layer_norm(values(&x), values(&gamma), values(&beta), eps as f32);
        let rows = moments.len() / 2;
        [like(&x, y), tensor(moments, [rows, 2])]
    }

    fn layer_norm_backward(x: FlexTensor, gamma: FlexTensor, moments: FlexTensor, dy: FlexTensor) -> [FlexTensor; 3] {
        let [x, gamma, dy] = [x, gamma, dy].map(|input| input.to_contiguous());
        let found = cpu::layer_norm::backward(values(&x), values(&dy), values(&gamma), values(&moments));
        [like(&x, found.x), like(&gamma, found.gamma), like(&gamma, found.beta)]
    }

    fn convolution_forward(x: FlexTensor, taps: FlexTensor, keep: Option<FlexTensor>, t: usize) -> FlexTensor {
        let (x, taps) = (x.to_contiguous(), taps.to_contiguous());
        let shape = convolution_shape(&x, t);
        let keep = keep.map(|keep| keep.to_contiguous());
        let y = cpu::convolution::convolve(values(&x), values(&taps), keep.as_ref().map(values), shape);
        like(&x, y)
    }

    fn convolution_backward(
        x: FlexTensor,
        taps: FlexTensor,
        keep: Option<FlexTensor>,
        t: usize,
        dy: FlexTensor,
    ) -> [FlexTensor; 2] {
        let [x, taps, dy] = [x, taps, dy].map(|input| input.to_contiguous());
        let shape = convolution_shape(&x, t);
        let keep = keep.map(|keep| keep.to_contiguous());
        let seen = keep.as_ref().map(values);
        let (dx, dtaps) = cpu::convolution::backward(values(&x), values(&dy), values(&taps), seen, shape);
        [like(&x, dx), like(&taps, dtaps)]
    }

    fn attention_forward(qkv: FlexTensor, side: AttentionSide<Self>) -> (FlexTensor, AttentionState<Self>) {
        let qkv = qkv.to_contiguous();
        let shape = attention_shape(&qkv, side.dims);
        let heads = [shape.b, shape.h, shape.t, shape.k];
        let parts = cpu::attention::queries_and_keys(values(&qkv), rotary(side.rotary.as_ref()), shape);
        let [queries, keys] = parts.map(|part| tensor(part, heads));
        let mut probabilities = Self::float_matmul(queries.clone(), keys.transpose(2, 3)); // [B, H, T, T]
        let keep = side.keep.map(|keep| keep.to_contiguous());
        cpu::attention::softmax(probabilities.storage_mut(), keep.as_ref().map(values), shape);
        let used = dropped(probabilities.clone(), side.dropout);
        let context = Self::float_matmul(used, value_heads(&qkv, side.dims)); // [B, H, T, K]
        let merged = cpu::attention::merge_heads(values(&context), shape);
        let context = tensor(merged, [shape.b * shape.t, shape.h * shape.k]);
        (context, AttentionState { queries, keys, probabilities })
    }

    fn attention_backward(
        qkv: FlexTensor,
        side: AttentionSide<Self>,
        state: AttentionState<Self>,
        dy: FlexTensor,
    ) -> FlexTensor {
        let qkv = qkv.to_contiguous();
        let shape = attention_shape(&qkv, side.dims);
        let AttentionState { queries, keys, probabilities } = state;
        let by_head = |x: &FlexTensor| {
            x.to_contiguous().reshape(Shape::from(vec![shape.b, shape.t, shape.h, shape.k])).transpose(1, 2)
        };
        let dcontext = by_head(&dy); // [B, H, T, K]
        let used = dropped(probabilities.clone(), side.dropout.clone());
        let dvalues = Self::float_matmul(used.transpose(2, 3), dcontext.clone());
        let slopes = Self::float_matmul(dcontext, value_heads(&qkv, side.dims).transpose(2, 3)); // [B, H, T, T]
        let mut slopes = owned(dropped(slopes, side.dropout).to_contiguous());
        cpu::attention::softmax_backward(slopes.storage_mut(), values(&probabilities), shape.t);
        let dqueries = Self::float_matmul(slopes.clone(), keys);
        let dkeys = Self::float_matmul(slopes.transpose(2, 3), queries);
        let parts = [values(&dqueries), values(&dkeys), values(&dvalues)];
        like(&qkv, cpu::attention::pack_gradients(parts, rotary(side.rotary.as_ref()), shape))
    }

    fn cross_entropy_forward(
        rows: FlexTensor,
        table: FlexTensor,
        bias: FlexTensor,
        Truth { targets, weights, total }: Truth<Self>,
    ) -> [FlexTensor; 2] {
        let targets = indices(&targets.to_contiguous());
        let (bias, weights) = (bias.to_contiguous(), weights.to_contiguous());
        let mut logits = Self::float_matmul(rows, table.transpose(0, 1)); // [M, V]
        let truth = Targets { targets: &targets, weights: values(&weights), total };
        let loss = cpu::cross_entropy::cross_entropy(logits.storage_mut(), values(&bias), &truth);
        [tensor(vec![loss], [1]), logits]
    }

    fn cross_entropy_backward(
        rows: FlexTensor,
        table: FlexTensor,
        logit_gradients: FlexTensor,
        dloss: FlexTensor,
    ) -> [FlexTensor; 3] {
        let factor = values(&dloss.to_contiguous())[0];
        let mut dlogits = owned(logit_gradients);
        if factor != 1.0 {
            cpu::rows::scale(dlogits.storage_mut(), factor);
        }
        let vocab = table.layout().shape()[0];
        let dbias = tensor(cpu::rows::column_sums(values(&dlogits), vocab), [vocab]);
        let dtable = Self::float_matmul(dlogits.transpose(0, 1), rows); // [V, D]
        [Self::float_matmul(dlogits, table), dtable, dbias]
    }
}

fn tensor<const R: usize>(data: Vec<f32>, shape: [usize; R]) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(data), Layout::contiguous(Shape::from(shape.to_vec())), DType::F32)
}

/// The elements of a contiguous tensor of whole numbers.
fn indices(tensor: &IntTensor<Flex>) -> Vec<usize> {
    let start = tensor.layout().start_offset();
    let range = start..start + tensor.layout().num_elements();
    match tensor.dtype() {
        DType::I32 => tensor.storage::<i32>()[range].iter().map(|&i| i as usize).collect(),
        DType::I64 => tensor.storage::<i64>()[range].iter().map(|&i| i as usize).collect(),
        other => panic!("indices are whole numbers, not {other:?}"),
    }
}

/// Of rows `[B * T, D]`.
fn convolution_shape(x: &FlexTensor, t: usize) -> cpu::convolution::Shape {
    cpu::convolution::Shape { t, width: x.layout().shape()[1] }
}

/// Of rows `[B * T, 3 D]`.
fn attention_shape(qkv: &FlexTensor, [b, t, h]: [usize; 3]) -> cpu::attention::Shape {
    cpu::attention::Shape { b, t, h, k: qkv.layout().shape()[1] / (3 * h) }
}

/// The values in rows `[B * T, 3 D]`, seen as `[B, H, T, K]`.
fn value_heads(qkv: &FlexTensor, [b, t, h]: [usize; 3]) -> FlexTensor {
    let width = qkv.layout().shape()[1] / 3;
    let rows = qkv.reshape(Shape::from(vec![b, t, 3 * width])).narrow(2, 2 * width, width);
    let strides = rows.layout().strides();
    let (text, position) = (strides[0], strides[1]);
    let k = width / h;
    let layout =
        Layout::new(Shape::from(vec![b, h, t, k]), vec![text, k as isize, position, 1], rows.layout().start_offset());
    rows.with_layout(layout)
}

/// Tables `[2, T, K / 2]` as cosines and sines.
fn rotary(tables: Option<&FloatTensor<Flex>>) -> Option<Rotary<'_>> {
    tables.map(|tables| {
        let (cos, sin) = values(tables).split_at(tables.layout().num_elements() / 2);
        Rotary { cos, sin }
    })
}

fn dropped(x: FlexTensor, keep: Option<FlexTensor>) -> FlexTensor {
    match keep {
        Some(keep) => Flex::float_mul(x, keep),
        None => x,
    }
}
