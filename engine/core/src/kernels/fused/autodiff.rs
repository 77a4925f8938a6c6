//! Autodiff of the fused operations; each is one node of the graph.

use super::{AttentionSide, FusedOps, Kernels, Mask, Numbers, Optional, Sequences, Truth};
use burn::backend::Autodiff;
use burn::backend::Backend;
use burn::backend::TensorMetadata;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::{FloatTensor, IntTensor};

impl<B: FusedOps + Kernels, C: CheckpointStrategy> FusedOps for Autodiff<B, C> {
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Optional<Self>,
    ) -> FloatTensor<Self> {
        let (x_node, weight_node) = (x.node(), weight.node());
        let (x, weight) = (x.into_primitive(), weight.into_primitive());
        let Some(bias) = bias.into_option() else {
            let y = B::linear_forward(x.clone(), weight.clone(), None);
            return match Linear
                .prepare::<C>([x_node, weight_node])
                .compute_bound()
                .stateful()
            {
                OpsKind::Tracked(prep) => prep.finish((x, weight), y),
                OpsKind::UnTracked(prep) => prep.finish(y),
            };
        };
        let nodes = [x_node, weight_node, bias.node()];
        let y = B::linear_forward(x.clone(), weight.clone(), Some(bias.into_primitive()));
        match Linear.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, weight), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_linear_gelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Optional<Self>,
    ) -> FloatTensor<Self> {
        let (x_node, weight_node) = (x.node(), weight.node());
        let (x, weight) = (x.into_primitive(), weight.into_primitive());
        let Some(bias) = bias.into_option() else {
            let [y, inner] = B::linear_gelu_forward(x.clone(), weight.clone(), None);
            return match LinearGelu
                .prepare::<C>([x_node, weight_node])
                .compute_bound()
                .stateful()
            {
                OpsKind::Tracked(prep) => prep.finish([x, weight, inner], y),
                OpsKind::UnTracked(prep) => prep.finish(y),
            };
        };
        let nodes = [x_node, weight_node, bias.node()];
        let [y, inner] =
            B::linear_gelu_forward(x.clone(), weight.clone(), Some(bias.into_primitive()));
        match LinearGelu.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([x, weight, inner], y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_gather(
        table: FloatTensor<Self>,
        numbers: IntTensor<Self>,
        readers: IntTensor<Self>,
    ) -> FloatTensor<Self> {
        let nodes = [table.node()];
        let table = table.into_primitive();
        let rows = table.shape()[0];
        let y = B::gather_forward(table, numbers.clone());
        match Gather.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((rows, Numbers { numbers, readers }), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), gamma.node(), beta.node()];
        let (x, gamma) = (x.into_primitive(), gamma.into_primitive());
        let [y, moments] =
            B::layer_norm_forward(x.clone(), gamma.clone(), beta.into_primitive(), eps);
        match LayerNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish([x, gamma, moments], y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_add_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
        dropout: Mask,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), y.node(), gamma.node(), beta.node()];
        let gamma = gamma.into_primitive();
        let parts = [x.into_primitive(), y.into_primitive()];
        let [normal, sum, moments] =
            B::add_norm_forward(parts, [gamma.clone(), beta.into_primitive()], eps, dropout);
        match AddNorm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(([sum, gamma, moments], dropout), normal),
            OpsKind::UnTracked(prep) => prep.finish(normal),
        }
    }

    fn fused_convolution(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        keep: Optional<Self>,
        sequences: Sequences,
    ) -> FloatTensor<Self> {
        let nodes = [x.node(), taps.node()];
        let (x, taps, keep) = (
            x.into_primitive(),
            taps.into_primitive(),
            keep.into_option().map(|keep| keep.into_primitive()),
        );
        let y = B::convolution_forward(x.clone(), taps.clone(), keep.clone(), &sequences);
        match Convolution.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x, taps, keep, sequences), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_attention(
        qkv: FloatTensor<Self>,
        keep: Optional<Self>,
        rotary: Optional<Self>,
        dropout: Mask,
        sequences: Sequences,
        heads: usize,
    ) -> FloatTensor<Self> {
        let nodes = [qkv.node()];
        let [keep, rotary] =
            [keep, rotary].map(|input| input.into_option().map(|input| input.into_primitive()));
        let side = AttentionSide {
            sequences,
            heads,
            keep,
            rotary,
            dropout,
        };
        let (y, state) = B::attention_forward(qkv.into_primitive(), side.clone());
        match Attention.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((side, state), y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self> {
        let nodes = [x.node()];
        let y = B::dropout(x.into_primitive(), mask);
        match Dropout.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(mask, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        }
    }

    fn fused_cross_entropy(
        rows: FloatTensor<Self>,
        table: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        total: f32,
    ) -> FloatTensor<Self> {
        let nodes = [rows.node(), table.node(), bias.node()];
        let (rows, table, weights) = (
            rows.into_primitive(),
            table.into_primitive(),
            weights.into_primitive(),
        );
        let truth = Truth {
            targets,
            weights,
            total,
        };
        let (loss, state) =
            B::cross_entropy_forward(rows.clone(), table.clone(), bias.into_primitive(), truth);
        match CrossEntropy.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((rows, table, state), loss),
            OpsKind::UnTracked(prep) => prep.finish(loss),
        }
    }
}

#[derive(Debug)]
struct Linear;

/// `N` is 2 without and 3 with a bias.
impl<B: Kernels, const N: usize> Backward<B, N> for Linear {
    /// Input and weight.
    type State = (FloatTensor<B>, FloatTensor<B>);

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let (x, weight) = ops.state;
        let (gradients, dbias) = B::linear_backward(x, weight, dy, N == 3);
        let gradients = gradients.into_iter().chain(dbias);
        register::<B>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            grads,
            gradients,
        );
    }
}

#[derive(Debug)]
struct LinearGelu;

/// `N` is 2 without and 3 with a bias.
impl<B: Kernels, const N: usize> Backward<B, N> for LinearGelu {
    /// Input, weight, and the input of the GELU.
    type State = [FloatTensor<B>; 3];

    fn backward(
        self,
        ops: Ops<Self::State, N>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let [x, weight, inner] = ops.state;
        let dinner = B::exact_gelu_backward(inner, dy);
        let (gradients, dbias) = B::linear_backward(x, weight, dinner, N == 3);
        let gradients = gradients.into_iter().chain(dbias);
        register::<B>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            grads,
            gradients,
        );
    }
}

#[derive(Debug)]
struct AddNorm;

impl<B: Kernels> Backward<B, 4> for AddNorm {
    /// The sum, the scale and the row moments; the dropout mask.
    type State = ([FloatTensor<B>; 3], Mask);

    fn backward(
        self,
        ops: Ops<Self::State, 4>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dnormal = grads.consume::<B>(&ops.node);
        let (state, dropout) = ops.state;
        register::<B>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            grads,
            B::add_norm_backward(state, dropout, dnormal),
        );
    }
}

#[derive(Debug)]
struct Gather;

impl<B: Kernels> Backward<B, 1> for Gather {
    /// Number of rows of the table, and the indices that were read.
    type State = (usize, Numbers<B>);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let (rows, numbers) = ops.state;
        let dtable = B::gather_backward(rows, numbers, dy);
        register::<B>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            grads,
            [dtable],
        );
    }
}

#[derive(Debug)]
struct LayerNorm;

impl<B: Kernels> Backward<B, 3> for LayerNorm {
    /// Input, scale and row moments.
    type State = [FloatTensor<B>; 3];

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let [x, gamma, moments] = ops.state;
        register::<B>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            grads,
            B::layer_norm_backward(x, gamma, moments, dy),
        );
    }
}

#[derive(Debug)]
struct Convolution;

impl<B: Kernels> Backward<B, 2> for Convolution {
    /// Input, taps, attention mask and sequences.
    type State = (
        FloatTensor<B>,
        FloatTensor<B>,
        Option<FloatTensor<B>>,
        Sequences,
    );

    fn backward(
        self,
        ops: Ops<Self::State, 2>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let (x, taps, keep, sequences) = ops.state;
        register::<B>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            grads,
            B::convolution_backward(x, taps, keep, &sequences, dy),
        );
    }
}

#[derive(Debug)]
struct Attention;

impl<B: Kernels> Backward<B, 1> for Attention {
    type State = (AttentionSide<B>, B::AttentionState);

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        let (side, state) = ops.state;
        register::<B>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            grads,
            [B::attention_backward(side, state, dy)],
        );
    }
}

#[derive(Debug)]
struct Dropout;

impl<B: Kernels> Backward<B, 1> for Dropout {
    type State = Mask;

    fn backward(
        self,
        ops: Ops<Self::State, 1>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dy = grads.consume::<B>(&ops.node);
        register::<B>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            grads,
            [B::dropout(dy, ops.state)],
        );
    }
}

#[derive(Debug)]
struct CrossEntropy;

impl<B: Kernels> Backward<B, 3> for CrossEntropy {
    /// Rows, table, and the backend's own state.
    type State = (FloatTensor<B>, FloatTensor<B>, B::CrossEntropyState);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        _checkpointer: &mut Checkpointer,
    ) {
        let dloss = grads.consume::<B>(&ops.node);
        let (rows, table, state) = ops.state;
        register::<B>(
            ops.parents.map(|parent| parent.map(|node| node.id)),
            grads,
            B::cross_entropy_backward(rows, table, state, dloss),
        );
    }
}

/// Registers the gradient of each tracked parent.
fn register<B: Backend>(
    parents: impl IntoIterator<Item = Option<NodeId>>,
    grads: &mut Gradients,
    values: impl IntoIterator<Item = FloatTensor<B>>,
) {
    for (parent, value) in parents.into_iter().zip(values) {
        if let Some(parent) = parent {
            grads.register::<B>(parent, value);
        }
    }
}
