//! The fused operations on a GPU; each launches one or a few WGSL kernels of the `shaders` crate.

mod matmul;
mod muon;

use self::matmul::{Matrices, Plus, product};
use super::super::gpu::{blocks, contiguous, count, dims, empty, exclusive, launch, like, word};
use super::{
    AttentionSide, FusedMeasures, FusedOps, Kernels, Mask, Numbers, Optional, Sequences, Truth,
};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use shaders::{COLUMNS, attention, convolution, cross_entropy, dropout, layer_norm, table};

impl FusedOps for CubeBackend {
    fn fused_linear(x: CubeTensor, weight: CubeTensor, bias: Optional<Self>) -> CubeTensor {
        Self::linear_forward(x, weight, bias.into_option())
    }

    fn fused_linear_gelu(x: CubeTensor, weight: CubeTensor, bias: Optional<Self>) -> CubeTensor {
        let [y, _] = Self::linear_gelu_forward(x, weight, bias.into_option());
        y
    }

    fn fused_gather(table: CubeTensor, numbers: CubeTensor, _readers: CubeTensor) -> CubeTensor {
        Self::gather_forward(table, numbers)
    }

    fn fused_layer_norm(
        x: CubeTensor,
        gamma: CubeTensor,
        beta: CubeTensor,
        eps: f64,
    ) -> CubeTensor {
        let [y, _] = Self::layer_norm_forward(x, gamma, beta, eps);
        y
    }

    fn fused_add_norm(
        x: CubeTensor,
        y: CubeTensor,
        gamma: CubeTensor,
        beta: CubeTensor,
        eps: f64,
        dropout: Mask,
    ) -> CubeTensor {
        let [normal, _, _] = Self::add_norm_forward([x, y], [gamma, beta], eps, dropout);
        normal
    }

    fn fused_convolution(
        x: CubeTensor,
        taps: CubeTensor,
        keep: Optional<Self>,
        sequences: Sequences,
    ) -> CubeTensor {
        Self::convolution_forward(x, taps, keep.into_option(), &sequences)
    }

    fn fused_attention(
        qkv: CubeTensor,
        keep: Optional<Self>,
        rotary: Optional<Self>,
        dropout: Mask,
        sequences: Sequences,
        heads: usize,
    ) -> CubeTensor {
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

    fn fused_dropout(x: CubeTensor, mask: Mask) -> CubeTensor {
        Self::dropout(x, mask)
    }

    fn fused_cross_entropy(
        rows: CubeTensor,
        table: CubeTensor,
        bias: CubeTensor,
        targets: CubeTensor,
        weights: CubeTensor,
        total: f32,
    ) -> CubeTensor {
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

impl FusedMeasures for CubeBackend {
    fn fused_cross_entropy_sums(
        logits: CubeTensor,
        targets: CubeTensor,
        weights: CubeTensor,
        total: f32,
    ) -> CubeTensor {
        let [logits, targets, weights] = [logits, targets, weights].map(contiguous);
        let rows = row_losses(
            &logits,
            &Truth {
                targets,
                weights,
                total,
            },
        );
        sum_rows(&rows, 2)
    }
}

/// Saved tensors for the backward pass of attention.
#[derive(Clone, Debug)]
pub(super) struct AttentionState {
    /// Queries, keys and values, `[B * T, 3 D]`; queries and keys are rotated if positions are
    /// rotary.
    qkv: CubeTensor,
    /// Attention probabilities, negated where dropped, `[B, H, T, T]`.
    probabilities: CubeTensor,
}

/// Saved tensors for the backward pass of the cross-entropy.
#[derive(Clone, Debug)]
pub(super) struct CrossEntropyState {
    /// Logits, `[M, V]`.
    logits: CubeTensor,
    /// Target token ids, `[M]`.
    targets: CubeTensor,
    /// Row weights, `[M]`.
    weights: CubeTensor,
    /// Output of `cross_entropy.wgsl` per row, `[M, 4]`.
    rows: CubeTensor,
    total: f32,
}

impl Kernels for CubeBackend {
    type AttentionState = AttentionState;
    type CrossEntropyState = CrossEntropyState;

    fn linear_forward(x: CubeTensor, weight: CubeTensor, bias: Option<CubeTensor>) -> CubeTensor {
        let (x, weight, bias) = (contiguous(x), contiguous(weight), bias.map(contiguous));
        product(
            Matrices::of(&x),
            Matrices::of(&weight).transposed(),
            &bias.as_ref().map_or(Plus::Nothing, Plus::Bias),
        )
    }

    fn linear_backward(
        x: CubeTensor,
        weight: CubeTensor,
        dy: CubeTensor,
        has_bias: bool,
    ) -> ([CubeTensor; 2], Option<CubeTensor>) {
        let [x, weight, dy] = [x, weight, dy].map(contiguous);
        let dx = product(Matrices::of(&dy), Matrices::of(&weight), &Plus::Nothing);
        let dbias = has_bias.then(|| empty(&dy, [dims::<2>(&dy)[1]]));
        let with = dbias.as_ref().map_or(Plus::Nothing, Plus::Sums);
        let dweight = product(Matrices::of(&dy).transposed(), Matrices::of(&x), &with);
        ([dx, dweight], dbias)
    }

    fn linear_gelu_forward(
        x: CubeTensor,
        weight: CubeTensor,
        bias: Option<CubeTensor>,
    ) -> [CubeTensor; 2] {
        let (x, weight, bias) = (contiguous(x), contiguous(weight), bias.map(contiguous));
        let y = empty(&x, [dims::<2>(&x)[0], dims::<2>(&weight)[0]]);
        let with = Plus::Gelu {
            activated: &y,
            bias: bias.as_ref(),
        };
        let inner = product(Matrices::of(&x), Matrices::of(&weight).transposed(), &with);
        [y, inner]
    }

    fn gather_forward(table: CubeTensor, numbers: CubeTensor) -> CubeTensor {
        let [table, numbers] = [table, numbers].map(contiguous);
        let [_, width] = dims(&table);
        let y = empty(&table, [count(&numbers), width]);
        let settings = table::GatherSettings {
            n: word(count(&y)),
            width: word(width),
        };
        launch(
            table::GATHER,
            &[&table, &numbers, &y],
            &settings,
            blocks(table::GATHER, count(&y)),
        );
        y
    }

    fn gather_backward(rows: usize, numbers: Numbers<Self>, dy: CubeTensor) -> CubeTensor {
        let [readers, dy] = [numbers.readers, dy].map(contiguous);
        let [_, width] = dims(&dy);
        let dtable = empty(&dy, [rows, width]);
        let settings = table::ScatterSettings {
            rows: word(rows),
            width: word(width),
        };
        launch(
            table::SCATTER,
            &[&dy, &readers, &dtable],
            &settings,
            blocks(table::SCATTER, count(&dtable)),
        );
        dtable
    }

    fn layer_norm_forward(
        x: CubeTensor,
        gamma: CubeTensor,
        beta: CubeTensor,
        eps: f64,
    ) -> [CubeTensor; 2] {
        let [x, gamma, beta] = [x, gamma, beta].map(contiguous);
        let [rows, width] = dims(&x);
        let (y, moments) = (like(&x), empty(&x, [rows, 2]));
        let settings = layer_norm::Settings {
            rows: word(rows),
            width: word(width),
            eps: eps as f32,
        };
        launch(
            layer_norm::LAYER_NORM,
            &[&x, &gamma, &beta, &y, &moments],
            &settings,
            rows,
        );
        [y, moments]
    }

    fn layer_norm_backward(
        x: CubeTensor,
        gamma: CubeTensor,
        moments: CubeTensor,
        dy: CubeTensor,
    ) -> [CubeTensor; 3] {
        let [x, gamma, dy] = [x, gamma, dy].map(contiguous);
        let [rows, width] = dims(&x);
        let dx = like(&x);
        let settings = layer_norm::Settings {
            rows: word(rows),
            width: word(width),
            eps: 0.0,
        };
        launch(
            layer_norm::BACKWARD,
            &[&x, &gamma, &moments, &dy, &dx],
            &settings,
            rows,
        );
        let [dgamma, dbeta] = norm_parameters(&x, &moments, &dy);
        [dx, dgamma, dbeta]
    }

    fn add_norm_forward(
        [x, y]: [CubeTensor; 2],
        [gamma, beta]: [CubeTensor; 2],
        eps: f64,
        dropout: Mask,
    ) -> [CubeTensor; 3] {
        let ([x, y], [gamma, beta]) = ([x, y].map(contiguous), [gamma, beta].map(contiguous));
        let (sum, normal, moments) = (like(&x), like(&x), empty(&x, [dims::<2>(&x)[0], 2]));
        let buffers = [&x, &y, &gamma, &beta, &sum, &normal, &moments];
        launch(
            layer_norm::ADD_NORM,
            &buffers,
            &add_norm_settings(&x, eps, dropout),
            dims::<2>(&x)[0],
        );
        [normal, sum, moments]
    }

    fn add_norm_backward(
        [sum, gamma, moments]: [CubeTensor; 3],
        dropout: Mask,
        dnormal: CubeTensor,
    ) -> [CubeTensor; 4] {
        if dropout.is_none() {
            let [dx, dgamma, dbeta] = Self::layer_norm_backward(sum, gamma, moments, dnormal);
            return [dx.clone(), dx, dgamma, dbeta];
        }
        let [gamma, dnormal] = [gamma, dnormal].map(contiguous);
        let (dx, dy) = (like(&sum), like(&sum));
        let buffers = [&sum, &gamma, &moments, &dnormal, &dx, &dy];
        launch(
            layer_norm::ADD_NORM_BACKWARD,
            &buffers,
            &add_norm_settings(&sum, 0.0, dropout),
            dims::<2>(&sum)[0],
        );
        let [dgamma, dbeta] = norm_parameters(&sum, &moments, &dnormal);
        [dx, dy, dgamma, dbeta]
    }

    fn convolution_forward(
        x: CubeTensor,
        taps: CubeTensor,
        keep: Option<CubeTensor>,
        sequences: &Sequences,
    ) -> CubeTensor {
        let [x, taps] = [x, taps].map(contiguous);
        let y = like(&x);
        let (keep, settings) = convolution_settings(&x, keep, padded_len(sequences), count(&x));
        let groups = blocks(convolution::CONVOLUTION, count(&x));
        launch(
            convolution::CONVOLUTION,
            &[&x, &taps, &keep, &y],
            &settings,
            groups,
        );
        y
    }

    fn convolution_backward(
        x: CubeTensor,
        taps: CubeTensor,
        keep: Option<CubeTensor>,
        sequences: &Sequences,
        dy: CubeTensor,
    ) -> [CubeTensor; 2] {
        let [x, taps, dy] = [x, taps, dy].map(contiguous);
        let (dx, dtaps) = (like(&x), like(&taps));
        let [rows, width] = dims(&x);
        let (keep, settings) = convolution_settings(&x, keep, padded_len(sequences), count(&x));
        let groups = blocks(convolution::BACKWARD, count(&x));
        launch(
            convolution::BACKWARD,
            &[&taps, &keep, &dy, &dx],
            &settings,
            groups,
        );
        let settings = convolution::Settings {
            n: word(rows),
            ..settings
        };
        launch(
            convolution::TAPS,
            &[&x, &keep, &dy, &dtaps],
            &settings,
            width.div_ceil(COLUMNS),
        );
        [dx, dtaps]
    }

    fn attention_forward(
        qkv: CubeTensor,
        side: AttentionSide<Self>,
    ) -> (CubeTensor, AttentionState) {
        let qkv = rotated(contiguous(qkv), &side, 1.0);
        let [b, t, h] = attention_dims(&side);
        let [rows, width] = dims(&qkv);
        let (context, probabilities) = (empty(&qkv, [rows, width / 3]), empty(&qkv, [b, h, t, t]));
        let settings = attention_settings(&qkv, &side);
        let keep = side
            .keep
            .clone()
            .map_or_else(|| empty(&qkv, [1]), contiguous);
        launch(
            attention::ATTENTION,
            &[&qkv, &keep, &probabilities, &context],
            &settings,
            attention_groups(&side),
        );
        (context, AttentionState { qkv, probabilities })
    }

    fn attention_backward(
        side: AttentionSide<Self>,
        AttentionState { qkv, probabilities }: AttentionState,
        dy: CubeTensor,
    ) -> CubeTensor {
        let dy = contiguous(dy);
        let settings = attention_settings(&qkv, &side);
        let groups = attention_groups(&side);
        let (dscores, dqkv) = (like(&probabilities), like(&qkv));
        let buffers = [&qkv, &probabilities, &dy, &dscores, &dqkv];
        launch(attention::SCORES_BACKWARD, &buffers, &settings, groups);
        let buffers = [&qkv, &probabilities, &dscores, &dy, &dqkv];
        launch(attention::KEYS_BACKWARD, &buffers, &settings, groups);
        rotated(dqkv, &side, -1.0)
    }

    fn dropout(x: CubeTensor, mask: Mask) -> CubeTensor {
        let x = contiguous(x);
        let y = like(&x);
        let Mask {
            drop_below,
            kept_scale,
            key,
            start,
        } = mask;
        assert_eq!(start, 0, "only the CPU engine divides batches");
        let settings = dropout::Settings {
            n: word(count(&x)),
            drop_below,
            kept_scale,
            padding0: 0,
            key,
            padding1: 0,
        };
        launch(
            dropout::KERNEL,
            &[&x, &y],
            &settings,
            blocks(dropout::KERNEL, count(&x)),
        );
        y
    }

    fn cross_entropy_forward(
        rows: CubeTensor,
        table: CubeTensor,
        bias: CubeTensor,
        Truth {
            targets,
            weights,
            total,
        }: Truth<Self>,
    ) -> (CubeTensor, CrossEntropyState) {
        let truth = Truth {
            targets: contiguous(targets),
            weights: contiguous(weights),
            total,
        };
        let logits = Self::linear_forward(rows, table, Some(bias)); // [M, V]
        let rows = row_losses(&logits, &truth);
        let loss = sum_rows(&rows, 1);
        let Truth {
            targets,
            weights,
            total,
        } = truth;
        (
            loss,
            CrossEntropyState {
                logits,
                targets,
                weights,
                rows,
                total,
            },
        )
    }

    fn cross_entropy_backward(
        rows: CubeTensor,
        table: CubeTensor,
        state: CrossEntropyState,
        dloss: CubeTensor,
    ) -> [CubeTensor; 3] {
        let CrossEntropyState {
            logits,
            targets,
            weights,
            rows: losses,
            total,
        } = state;
        let (dlogits, dloss) = (exclusive(logits), contiguous(dloss));
        let [_, v] = dims(&dlogits);
        let settings = cross_entropy::Settings {
            n: word(count(&dlogits)),
            v: word(v),
            scale: 1.0 / total,
        };
        let buffers = [&dlogits, &targets, &weights, &losses, &dloss];
        launch(
            cross_entropy::BACKWARD,
            &buffers,
            &settings,
            blocks(cross_entropy::BACKWARD, count(&dlogits)),
        );
        let ([drows, dtable], dbias) = Self::linear_backward(rows, table, dlogits, true);
        [drows, dtable, dbias.expect("it was asked for")]
    }
}

/// Runs `cross_entropy.wgsl` on the rows of `logits` `[M, V]` and returns its output, `[M, 4]`.
fn row_losses(logits: &CubeTensor, truth: &Truth<CubeBackend>) -> CubeTensor {
    let [m, v] = dims(logits);
    let rows = empty(logits, [m, 4]);
    let settings = cross_entropy::Settings {
        n: word(m),
        v: word(v),
        scale: 1.0 / truth.total,
    };
    launch(
        cross_entropy::ROWS,
        &[logits, &truth.targets, &truth.weights, &rows],
        &settings,
        m,
    );
    rows
}

/// Sums the losses of `rows` `[M, 4]` and, if `outputs` is 2, also the correct predictions:
/// `[outputs]`.
fn sum_rows(rows: &CubeTensor, outputs: usize) -> CubeTensor {
    let sums = empty(rows, [outputs]);
    let settings = cross_entropy::SumsSettings {
        m: word(dims::<2>(rows)[0]),
        outputs: word(outputs),
    };
    launch(cross_entropy::SUMS, &[rows, &sums], &settings, 1);
    sums
}

/// Returns the gradients of scale and shift, `[D]` each, from the input `x` `[N, D]` and the output
/// gradient `dy` `[N, D]` of a layer normalisation.
fn norm_parameters(x: &CubeTensor, moments: &CubeTensor, dy: &CubeTensor) -> [CubeTensor; 2] {
    let [rows, width] = dims(x);
    let (dgamma, dbeta) = (empty(x, [width]), empty(x, [width]));
    let settings = layer_norm::Settings {
        rows: word(rows),
        width: word(width),
        eps: 0.0,
    };
    launch(
        layer_norm::PARAMETERS,
        &[x, moments, dy, &dgamma, &dbeta],
        &settings,
        width.div_ceil(COLUMNS),
    );
    [dgamma, dbeta]
}

fn add_norm_settings(x: &CubeTensor, eps: f64, dropout: Mask) -> layer_norm::AddNormSettings {
    let [rows, width] = dims(x);
    let Mask {
        drop_below,
        kept_scale,
        key,
        start,
    } = dropout;
    assert_eq!(start, 0, "only the CPU engine divides batches");
    layer_norm::AddNormSettings {
        rows: word(rows),
        width: word(width),
        eps: eps as f32,
        drop_below,
        key,
        kept_scale,
    }
}

/// Returns the attention mask (a placeholder if there is none) and the settings of a convolution
/// kernel with `n` threads.
fn convolution_settings(
    x: &CubeTensor,
    keep: Option<CubeTensor>,
    t: usize,
    n: usize,
) -> (CubeTensor, convolution::Settings) {
    let [_, width] = dims(x);
    let has_keep = u32::from(keep.is_some());
    let settings = convolution::Settings {
        n: word(n),
        width: word(width),
        t: word(t),
        has_keep,
    };
    (keep.map_or_else(|| empty(x, [1]), contiguous), settings)
}

/// Returns the length of the sequences.
///
/// # Panics
/// If there is no padding, which is a bug in the caller: only the CPU's kernels read such rows.
fn padded_len(sequences: &Sequences) -> usize {
    assert!(
        sequences.bounds.is_none(),
        "sequences on a GPU have equally many rows"
    );
    sequences.t
}

/// Returns the batch size, the sequence length and the number of heads, `[B, T, H]`.
fn attention_dims(side: &AttentionSide<CubeBackend>) -> [usize; 3] {
    [side.sequences.b, padded_len(&side.sequences), side.heads]
}

fn attention_groups(side: &AttentionSide<CubeBackend>) -> usize {
    let [b, t, h] = attention_dims(side);
    b * h * t.div_ceil(attention::BLOCK)
}

/// Returns the settings of the attention kernels for rows `[B * T, 3 D]`.
fn attention_settings(qkv: &CubeTensor, side: &AttentionSide<CubeBackend>) -> attention::Settings {
    let [b, t, h] = attention_dims(side);
    let k = dims::<2>(qkv)[1] / (3 * h);
    let Mask {
        drop_below,
        kept_scale,
        key,
        start,
    } = side.dropout;
    assert_eq!(start, 0, "only the CPU engine divides batches");
    attention::Settings {
        b: word(b),
        t: word(t),
        h: word(h),
        k: word(k),
        has_keep: u32::from(side.keep.is_some()),
        scale: 1.0 / (k as f32).sqrt(),
        drop_below,
        kept_scale,
        key,
        blocks: word(t.div_ceil(attention::BLOCK)),
    }
}

/// Rotates the queries and keys in rows `[B * T, 3 D]` by their positions if these are rotary;
/// `direction` is 1, or -1 for the inverse rotation.
fn rotated(qkv: CubeTensor, side: &AttentionSide<CubeBackend>, direction: f32) -> CubeTensor {
    let Some(tables) = side.rotary.clone().map(contiguous) else {
        return qkv;
    };
    let [_, t, h] = attention_dims(side);
    let width = dims::<2>(&qkv)[1] / 3;
    let y = like(&qkv);
    let n = count(&qkv);
    let settings = attention::RotarySettings {
        n: word(n),
        t: word(t),
        k: word(width / h),
        width: word(width),
        direction,
    };
    launch(
        attention::ROTARY,
        &[&qkv, &tables, &y],
        &settings,
        blocks(attention::ROTARY, n),
    );
    y
}
