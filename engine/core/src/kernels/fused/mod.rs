//! Fused operations: each replaces many of burn's operations by one node of the autodiff graph and
//! computes the same as the function of the same name in [`stock`](super::stock).

mod autodiff;
mod flex;
#[cfg(feature = "gpu")]
mod gpu;
mod rows;

use super::DifferentiableOps;
use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, Dispatch, ExtensionType, backend_extension};
use burn::tensor::{Int, Tensor};
pub use cpu::muon::Rates;
pub use cpu::sequences::Sequences;
pub use rows::{RowNumbers, gather_rows};
pub use shaders::dropout::Mask;
use std::fmt::Debug;

/// Computes `y = x W^T + b` for `x` `[N, I]`, `W` `[O, I]` and `b` `[O]`: `[N, O]`.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        optional(bias),
    ))
}

/// Computes the exact (erf) GELU of [`linear`], `[N, O]`.
pub fn linear_gelu(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused_linear_gelu(
        x.into_dispatch(),
        weight.into_dispatch(),
        optional(bias),
    ))
}

/// Layer normalisation (Ba et al. 2016, equation 4) of the rows of `x` `[N, D]`, with scale `gamma`
/// `[D]` and shift `beta` `[D]`.
pub fn layer_norm(x: Tensor<2>, [gamma, beta]: [Tensor<1>; 2], eps: f64) -> Tensor<2> {
    let [x, gamma, beta] = [
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
    ];
    Tensor::from_dispatch(Dispatch::fused_layer_norm(x, gamma, beta, eps))
}

/// Computes [`layer_norm`] of `x + dropout(y)`, `[N, D]` each.
pub fn add_norm(
    [x, y]: [Tensor<2>; 2],
    [gamma, beta]: [Tensor<1>; 2],
    eps: f64,
    dropout: Mask,
) -> Tensor<2> {
    let ([x, y], [gamma, beta]) = (
        [x, y].map(Tensor::into_dispatch),
        [gamma, beta].map(Tensor::into_dispatch),
    );
    Tensor::from_dispatch(Dispatch::fused_add_norm(x, y, gamma, beta, eps, dropout))
}

/// Depth-wise convolution with a residual connection,
/// `y[t] = x[t] + w0 x[t-1] + w1 x[t] + w2 x[t+1]` per channel, within each sequence of the rows of
/// `x` `[N, D]`, with taps `w` `[D, 3]`. Neighbours beyond both ends and where the attention mask
/// `keep` `[B, T]` is 0 count as zeros, so that the amount of padding does not matter.
pub fn convolve(
    x: Tensor<2>,
    taps: Tensor<2>,
    keep: Option<Tensor<2>>,
    sequences: Sequences,
) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused_convolution(
        x.into_dispatch(),
        taps.into_dispatch(),
        optional(keep),
        sequences,
    ))
}

/// Inputs of attention besides queries, keys and values.
pub struct AttentionInputs {
    /// The rows of each sequence.
    pub sequences: Sequences,
    /// Number of heads, `H`.
    pub heads: usize,
    /// Attention mask `[B, T]` of padded sequences: 1 for a token, 0 for padding; `None` if nothing
    /// is padded.
    pub keep: Option<Tensor<2>>,
    /// Cosines and sines of the rotary positions, `[2, T, K / 2]`; `None` if positions are not
    /// rotary.
    pub rotary: Option<Tensor<3>>,
    /// Dropout mask of the probabilities `[B, H, T, T]`.
    pub dropout: Mask,
}

/// Multi-head self-attention (Vaswani et al. 2017, 3.2.2) within each sequence. Takes the
/// concatenated queries, keys and values `[N, 3 D]` and returns the context `[N, D]`.
pub fn attention(qkv: Tensor<2>, inputs: AttentionInputs) -> Tensor<2> {
    let AttentionInputs {
        sequences,
        heads,
        keep,
        rotary,
        dropout,
    } = inputs;
    Tensor::from_dispatch(Dispatch::fused_attention(
        qkv.into_dispatch(),
        optional(keep),
        optional(rotary),
        dropout,
        sequences,
        heads,
    ))
}

/// Inverted dropout (Srivastava et al. 2014): sets the elements that `mask` drops to 0 and scales
/// the others. The shape is preserved.
pub fn dropout<const R: usize>(x: Tensor<R>, mask: Mask) -> Tensor<R> {
    Tensor::from_dispatch(Dispatch::fused_dropout(x.into_dispatch(), mask))
}

/// Targets of the rows of a masked-LM batch.
pub struct RowTargets {
    /// Target token ids, `[M]`.
    pub targets: Tensor<1, Int>,
    /// Weight of each row in the loss, `[M]`.
    pub weights: Tensor<1>,
    /// Divisor of the weighted sum.
    pub total: f32,
}

/// Computes the mean cross-entropy `[1]` in nats of the logits `rows table^T + bias`, for `rows`
/// `[M, D]`, `table` `[V, D]` and `bias` `[V]`.
pub fn projected_cross_entropy(
    rows: Tensor<2>,
    table: Tensor<2>,
    bias: Tensor<1>,
    truth: RowTargets,
) -> Tensor<1> {
    let RowTargets {
        targets,
        weights,
        total,
    } = truth;
    Tensor::from_dispatch(Dispatch::fused_cross_entropy(
        rows.into_dispatch(),
        table.into_dispatch(),
        bias.into_dispatch(),
        targets.into_dispatch(),
        weights.into_dispatch(),
        total,
    ))
}

/// Performs one step of Muon on the matrices stored end to end in `p` `[n]`, with momentum `m`
/// `[n]` and gradients `g` `[n]` scaled by `clip` `[1]`, outside of autodiff. `shapes` holds rows
/// and columns of each matrix; array elements behind the last matrix are left unchanged. Returns
/// the new `p` and `m`.
pub fn muon(
    [p, m]: [Tensor<1>; 2],
    g: Tensor<1>,
    clip: Tensor<1>,
    shapes: Vec<[usize; 2]>,
    rates: Rates,
) -> [Tensor<1>; 2] {
    let (p, m) = Dispatch::fused_muon(
        p.into_dispatch(),
        m.into_dispatch(),
        g.into_dispatch(),
        clip.into_dispatch(),
        shapes,
        rates,
    );
    [Tensor::from_dispatch(p), Tensor::from_dispatch(m)]
}

/// Fused operations of the optimiser, without gradients.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait FusedOptimizer: Backend {
    /// See [`muon`].
    fn fused_muon(
        p: FloatTensor<Self>,
        m: FloatTensor<Self>,
        g: FloatTensor<Self>,
        clip: FloatTensor<Self>,
        shapes: Vec<[usize; 2]>,
        rates: Rates,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

/// An optional tensor argument of a backend extension.
#[derive(ExtensionType)]
pub enum Optional<B: Backend> {
    /// The tensor is present.
    Given(FloatTensor<B>),
    /// There is no tensor.
    Absent,
}

impl<B: Backend> Optional<B> {
    fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Given(tensor) => Some(tensor),
            Self::Absent => None,
        }
    }
}

fn optional<const R: usize>(tensor: Option<Tensor<R>>) -> Optional<Dispatch> {
    tensor.map_or(Optional::Absent, |tensor| {
        Optional::Given(tensor.into_dispatch())
    })
}

/// Returns sums `[2]` over the rows of `logits` `[M, V]`, outside of autodiff: the cross-entropy in
/// nats and the number of rows whose largest logit is that of the target. The rows are weighted by
/// `truth`.
pub fn cross_entropy_sums(logits: Tensor<2>, truth: RowTargets) -> Tensor<1> {
    let RowTargets {
        targets,
        weights,
        total,
    } = truth;
    let [targets, weights] = [targets.into_dispatch(), weights.into_dispatch()];
    Tensor::from_dispatch(Dispatch::fused_cross_entropy_sums(
        logits.into_dispatch(),
        targets,
        weights,
        total,
    ))
}

/// Operations for evaluation, without gradients.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex)]
pub trait FusedMeasures: Backend {
    /// See [`cross_entropy_sums`].
    fn fused_cross_entropy_sums(
        logits: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        total: f32,
    ) -> FloatTensor<Self>;
}

/// The differentiable fused operations as they are called by this module.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex, Autodiff)]
pub trait FusedOps: Backend {
    /// See [`linear`].
    fn fused_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
    ) -> FloatTensor<Self>;

    /// See [`linear_gelu`].
    fn fused_linear_gelu(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        #[extension_type] bias: Optional<Self>,
    ) -> FloatTensor<Self>;

    /// See [`gather_rows`].
    fn fused_gather(
        table: FloatTensor<Self>,
        numbers: IntTensor<Self>,
        readers: IntTensor<Self>,
    ) -> FloatTensor<Self>;

    /// See [`layer_norm`].
    fn fused_layer_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
    ) -> FloatTensor<Self>;

    /// See [`add_norm`].
    fn fused_add_norm(
        x: FloatTensor<Self>,
        y: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
        dropout: Mask,
    ) -> FloatTensor<Self>;

    /// See [`convolve`].
    fn fused_convolution(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        #[extension_type] keep: Optional<Self>,
        sequences: Sequences,
    ) -> FloatTensor<Self>;

    /// See [`attention`].
    fn fused_attention(
        qkv: FloatTensor<Self>,
        #[extension_type] keep: Optional<Self>,
        #[extension_type] rotary: Optional<Self>,
        dropout: Mask,
        sequences: Sequences,
        heads: usize,
    ) -> FloatTensor<Self>;

    /// See [`dropout`].
    fn fused_dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self>;

    /// See [`projected_cross_entropy`].
    fn fused_cross_entropy(
        rows: FloatTensor<Self>,
        table: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        targets: IntTensor<Self>,
        weights: FloatTensor<Self>,
        total: f32,
    ) -> FloatTensor<Self>;
}

/// Forward and backward passes of the fused operations on a backend without autodiff. Forward
/// passes also return the tensors that their backward pass needs.
trait Kernels: DifferentiableOps {
    /// Saved tensors for the backward pass of attention.
    type AttentionState: Clone + Debug + Send;
    /// Saved tensors for the backward pass of the cross-entropy.
    type CrossEntropyState: Clone + Debug + Send;

    fn linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self>;

    /// Returns the gradients of `x` `[N, I]` and `weight` `[O, I]` and, if there is a bias, of the
    /// bias `[O]`, from the output gradient `dy` `[N, O]`.
    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        has_bias: bool,
    ) -> ([FloatTensor<Self>; 2], Option<FloatTensor<Self>>);

    /// Returns the output and the input of the GELU, `[N, O]` each.
    fn linear_gelu_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
    ) -> [FloatTensor<Self>; 2];

    fn gather_forward(table: FloatTensor<Self>, numbers: IntTensor<Self>) -> FloatTensor<Self>;

    /// Returns the gradient of a table with `rows` rows.
    fn gather_backward(
        rows: usize,
        numbers: Numbers<Self>,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Also returns the mean and the inverse standard deviation of each row, `[N, 2]`.
    fn layer_norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
    ) -> [FloatTensor<Self>; 2];

    /// Returns the gradients of `x`, `gamma` and `beta`.
    fn layer_norm_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];

    /// Returns the normalised sum, the sum, and the row moments.
    fn add_norm_forward(
        parts: [FloatTensor<Self>; 2],
        parameters: [FloatTensor<Self>; 2],
        eps: f64,
        dropout: Mask,
    ) -> [FloatTensor<Self>; 3];

    /// Returns the gradients of both summands, `gamma` and `beta`; `state` holds the sum, `gamma`
    /// and the row moments.
    fn add_norm_backward(
        state: [FloatTensor<Self>; 3],
        dropout: Mask,
        dnormal: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 4];

    fn convolution_forward(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        keep: Option<FloatTensor<Self>>,
        sequences: &Sequences,
    ) -> FloatTensor<Self>;

    /// Returns the gradients of `x` and `taps`.
    fn convolution_backward(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        keep: Option<FloatTensor<Self>>,
        sequences: &Sequences,
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];

    /// Also returns the state for the backward pass.
    fn attention_forward(
        qkv: FloatTensor<Self>,
        side: AttentionSide<Self>,
    ) -> (FloatTensor<Self>, Self::AttentionState);

    /// Returns the gradient of `qkv`.
    fn attention_backward(
        side: AttentionSide<Self>,
        state: Self::AttentionState,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Applies dropout. Its backward pass is the same operation on the gradient.
    fn dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self>;

    /// Also returns the state for the backward pass.
    fn cross_entropy_forward(
        rows: FloatTensor<Self>,
        table: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        truth: Truth<Self>,
    ) -> (FloatTensor<Self>, Self::CrossEntropyState);

    /// Returns the gradients of `rows`, `table` and `bias`.
    fn cross_entropy_backward(
        rows: FloatTensor<Self>,
        table: FloatTensor<Self>,
        state: Self::CrossEntropyState,
        dloss: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];
}

/// Inputs of attention without a gradient; see [`AttentionInputs`].
#[derive(Debug)]
struct AttentionSide<B: Backend> {
    sequences: Sequences,
    heads: usize,
    keep: Option<FloatTensor<B>>,
    rotary: Option<FloatTensor<B>>,
    dropout: Mask,
}

impl<B: Backend> Clone for AttentionSide<B> {
    fn clone(&self) -> Self {
        let Self {
            sequences,
            heads,
            keep,
            rotary,
            dropout,
        } = self;
        Self {
            sequences: sequences.clone(),
            heads: *heads,
            keep: keep.clone(),
            rotary: rotary.clone(),
            dropout: *dropout,
        }
    }
}

/// See [`RowTargets`].
struct Truth<B: Backend> {
    targets: IntTensor<B>,
    weights: FloatTensor<B>,
    total: f32,
}

/// See [`RowNumbers`].
#[derive(Debug)]
struct Numbers<B: Backend> {
    numbers: IntTensor<B>,
    readers: IntTensor<B>,
}

impl<B: Backend> Clone for Numbers<B> {
    fn clone(&self) -> Self {
        Self {
            numbers: self.numbers.clone(),
            readers: self.readers.clone(),
        }
    }
}
