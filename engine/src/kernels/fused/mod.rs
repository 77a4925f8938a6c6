//! Operations that compute in one pass what would take many of burn's own, each one node of the autodiff graph. What they
//! compute is what the functions of [`stock`](super::stock) compute.

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
pub use rows::{RowNumbers, gather_rows};
pub use shaders::dropout::Mask;
use std::fmt::Debug;

/// `y = x W^T + b` for `x` `[N, I]`, `W` `[O, I]` and `b` `[O]`: `[N, O]`.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused_linear(
        x.into_dispatch(),
        weight.into_dispatch(),
        optional(bias),
    ))
}

/// The exact (erf) GELU of [`linear`], `[N, O]`.
pub fn linear_gelu(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused_linear_gelu(
        x.into_dispatch(),
        weight.into_dispatch(),
        optional(bias),
    ))
}

/// Layer normalisation (Ba et al. 2016, equation 4) of the rows of `x` `[N, D]`, scaled by `gamma` `[D]` and shifted by
/// `beta` `[D]`.
pub fn layer_norm(x: Tensor<2>, [gamma, beta]: [Tensor<1>; 2], eps: f64) -> Tensor<2> {
    let [x, gamma, beta] = [
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
    ];
    Tensor::from_dispatch(Dispatch::fused_layer_norm(x, gamma, beta, eps))
}

/// [`layer_norm`] of `x + y`, `[N, D]` each, with dropout of `y`.
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

/// `y[t] = x[t] + w0 x[t-1] + w1 x[t] + w2 x[t+1]` per channel, for texts of `t` rows in `x` `[B * T, D]` and taps `w`
/// `[D, 3]`, with zeros beyond both ends and where `keep` `[B, T]` is 0, so that the length to which a text is padded
/// changes nothing.
pub fn convolve(x: Tensor<2>, taps: Tensor<2>, keep: Option<Tensor<2>>, t: usize) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::fused_convolution(
        x.into_dispatch(),
        taps.into_dispatch(),
        optional(keep),
        t,
    ))
}

/// What attention needs besides queries, keys and values.
pub struct AttentionInputs {
    /// `[B, T, H]`.
    pub dims: [usize; 3],
    /// 1 for a token, 0 for padding, `[B, T]`; `None` where nothing is padded.
    pub keep: Option<Tensor<2>>,
    /// Cosines and sines of the rotary positions, `[2, T, K / 2]`, where positions are rotary.
    pub rotary: Option<Tensor<3>>,
    /// Dropout of the probabilities `[B, H, T, T]`.
    pub dropout: Mask,
}

/// Multi-head self-attention (Vaswani et al. 2017, 3.2.2) from queries, keys and values side by side, `[B * T, 3 D]`; the
/// context `[B * T, D]`.
pub fn attention(qkv: Tensor<2>, inputs: AttentionInputs) -> Tensor<2> {
    let AttentionInputs {
        dims,
        keep,
        rotary,
        dropout,
    } = inputs;
    Tensor::from_dispatch(Dispatch::fused_attention(
        qkv.into_dispatch(),
        optional(keep),
        optional(rotary),
        dropout,
        dims,
    ))
}

/// `x` with the elements that `mask` drops at 0 and the others scaled (Srivastava et al. 2014). The shape stays.
pub fn dropout<const R: usize>(x: Tensor<R>, mask: Mask) -> Tensor<R> {
    Tensor::from_dispatch(Dispatch::fused_dropout(x.into_dispatch(), mask))
}

/// What is true in each row of a masked-LM batch.
pub struct RowTargets {
    /// True tokens, `[M]`.
    pub targets: Tensor<1, Int>,
    /// Weight of each row, `[M]`.
    pub weights: Tensor<1>,
    /// What the weighted sum is divided by.
    pub total: f32,
}

/// Mean cross-entropy `[1]`, in nats, of the logits `rows table^T + bias`, for `rows` `[M, D]`, `table` `[V, D]` and `bias`
/// `[V]`.
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

/// One step of Muon on the matrices that lie end to end in `p` `[n]`, with momentum `m` `[n]` and gradients `g` `[n]`
/// scaled by `clip` `[1]`, all outside of autodiff. `shapes` holds rows and columns of each; what of the arrays lies behind
/// them stays. Returns the new `p` and `m`.
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

/// Operations of the optimiser, which are not differentiated.
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

/// A tensor that may be absent.
#[derive(ExtensionType)]
pub enum Optional<B: Backend> {
    /// The tensor.
    Given(FloatTensor<B>),
    /// None.
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

/// Sums `[2]` over the rows of `logits` `[M, V]`, outside of autodiff: cross-entropy in nats, and rows whose largest logit is
/// the true one, each row counted as `truth` says.
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

/// Operations on held-out batches, which are not differentiated.
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

/// The operations as they are called: with gradients on a device with autodiff.
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
        t: usize,
    ) -> FloatTensor<Self>;

    /// See [`attention`].
    fn fused_attention(
        qkv: FloatTensor<Self>,
        #[extension_type] keep: Optional<Self>,
        #[extension_type] rotary: Optional<Self>,
        dropout: Mask,
        dims: [usize; 3],
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

/// The operations with what their gradients need, and the gradients, on a backend without autodiff.
trait Kernels: DifferentiableOps {
    /// What attention's backward pass reads again.
    type AttentionState: Clone + Debug + Send;
    /// What the backward pass of the cross-entropy reads again.
    type CrossEntropyState: Clone + Debug + Send;

    fn linear_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
    ) -> FloatTensor<Self>;

    /// Of `x` `[N, I]` and `weight` `[O, I]`, given that of the result, `dy` `[N, O]`; and that of a bias `[O]` where asked.
    fn linear_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        has_bias: bool,
    ) -> ([FloatTensor<Self>; 2], Option<FloatTensor<Self>>);

    /// The GELU, and what it was taken of, `[N, O]` each.
    fn linear_gelu_forward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: Option<FloatTensor<Self>>,
    ) -> [FloatTensor<Self>; 2];

    fn gather_forward(table: FloatTensor<Self>, numbers: IntTensor<Self>) -> FloatTensor<Self>;

    /// Of a table of `rows` rows.
    fn gather_backward(
        rows: usize,
        numbers: Numbers<Self>,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Also returns mean and inverse standard deviation of each row, `[N, 2]`.
    fn layer_norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f64,
    ) -> [FloatTensor<Self>; 2];

    /// Of `x`, `gamma` and `beta`.
    fn layer_norm_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        moments: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];

    /// The norm, the sum that it was taken of, and its moments.
    fn add_norm_forward(
        parts: [FloatTensor<Self>; 2],
        parameters: [FloatTensor<Self>; 2],
        eps: f64,
        dropout: Mask,
    ) -> [FloatTensor<Self>; 3];

    /// Of both parts of the sum, `gamma` and `beta`; `state` holds the sum, `gamma` and the moments.
    fn add_norm_backward(
        state: [FloatTensor<Self>; 3],
        dropout: Mask,
        dnormal: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 4];

    fn convolution_forward(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        keep: Option<FloatTensor<Self>>,
        t: usize,
    ) -> FloatTensor<Self>;

    /// Of `x` and `taps`.
    fn convolution_backward(
        x: FloatTensor<Self>,
        taps: FloatTensor<Self>,
        keep: Option<FloatTensor<Self>>,
        t: usize,
        dy: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2];

    /// Also returns what the backward pass needs.
    fn attention_forward(
        qkv: FloatTensor<Self>,
        side: AttentionSide<Self>,
    ) -> (FloatTensor<Self>, Self::AttentionState);

    /// Of `qkv`.
    fn attention_backward(
        side: AttentionSide<Self>,
        state: Self::AttentionState,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    /// Its own backward.
    fn dropout(x: FloatTensor<Self>, mask: Mask) -> FloatTensor<Self>;

    /// Also returns what the backward pass needs.
    fn cross_entropy_forward(
        rows: FloatTensor<Self>,
        table: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        truth: Truth<Self>,
    ) -> (FloatTensor<Self>, Self::CrossEntropyState);

    /// Of `rows`, `table` and `bias`.
    fn cross_entropy_backward(
        rows: FloatTensor<Self>,
        table: FloatTensor<Self>,
        state: Self::CrossEntropyState,
        dloss: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 3];
}

/// Inputs of attention that have no gradient; see [`AttentionInputs`].
#[derive(Debug)]
struct AttentionSide<B: Backend> {
    dims: [usize; 3],
    keep: Option<FloatTensor<B>>,
    rotary: Option<FloatTensor<B>>,
    dropout: Mask,
}

impl<B: Backend> Clone for AttentionSide<B> {
    fn clone(&self) -> Self {
        let Self {
            dims,
            keep,
            rotary,
            dropout,
        } = self;
        Self {
            dims: *dims,
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
