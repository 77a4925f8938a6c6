//! Multi-head self-attention and its gradient, and rotary positions; `cpu::attention` defines them.

use crate::Kernel;

/// Number of rows of the probabilities that one workgroup of [`ATTENTION`], [`SCORES_BACKWARD`] or
/// [`KEYS_BACKWARD`] computes.
pub const BLOCK: usize = 8;

/// Computes the context and the probabilities.
pub const ATTENTION: Kernel = kernel!(
    "attention",
    32,
    &["qkv", "keep", "probabilities", "context", "settings"],
    "place",
    "random",
    "attention",
    "attention_tiles"
);

/// Computes the gradients of scores and queries.
pub const SCORES_BACKWARD: Kernel = kernel!(
    "attention_scores_backward",
    32,
    &["qkv", "probabilities", "dy", "dscores", "dqkv", "settings"],
    "place",
    "attention",
    "attention_tiles"
);

/// Computes the gradients of keys and values.
pub const KEYS_BACKWARD: Kernel = kernel!(
    "attention_keys_backward",
    32,
    &["qkv", "probabilities", "dscores", "dy", "dqkv", "settings"],
    "place",
    "attention"
);

/// Rotates queries and keys by their positions.
pub const ROTARY: Kernel = kernel!("rotary", 256, &["x", "tables", "y", "settings"], "place");

/// Parameters of all kernels in this module except [`ROTARY`]; same memory layout as
/// `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Number of sequences, `B`.
    pub b: u32,
    /// Sequence length, `T`.
    pub t: u32,
    /// Number of heads, `H`.
    pub h: u32,
    /// Width of a head, `K`.
    pub k: u32,
    /// 1 if there is an attention mask, else 0.
    pub has_keep: u32,
    /// Scale of the scores, `1 / sqrt(k)`.
    pub scale: f32,
    /// See [`crate::dropout::Mask`].
    pub drop_below: u32,
    /// Scale of the probabilities that are not dropped.
    pub kept_scale: f32,
    /// See [`crate::dropout::Mask`].
    pub key: [u32; 3],
    /// Number of blocks of [`BLOCK`] rows per sequence.
    pub blocks: u32,
}

/// Parameters of [`ROTARY`]; same memory layout as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct RotarySettings {
    /// Number of elements of `x`.
    pub n: u32,
    /// Sequence length, `T`.
    pub t: u32,
    /// Width of a head, `K`.
    pub k: u32,
    /// Width of the model, `D`.
    pub width: u32,
    /// 1, or -1 for the inverse rotation.
    pub direction: f32,
}
