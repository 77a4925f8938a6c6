//! Multi-head self-attention with its gradient, and rotary positions; `cpu::attention` defines them.

use crate::Kernel;

/// Rows of the probabilities that one workgroup of [`ATTENTION`], [`SCORES_BACKWARD`] or [`KEYS_BACKWARD`] computes.
pub const BLOCK: usize = 8;

/// Context and probabilities.
pub const ATTENTION: Kernel = kernel!(
    "attention",
    32,
    &["qkv", "keep", "probabilities", "context", "settings"],
    "place",
    "random",
    "attention",
    "attention_tiles"
);

/// Gradients of scores and queries.
pub const SCORES_BACKWARD: Kernel = kernel!(
    "attention_scores_backward",
    32,
    &["qkv", "probabilities", "dy", "dscores", "dqkv", "settings"],
    "place",
    "attention",
    "attention_tiles"
);

/// Gradients of keys and values.
pub const KEYS_BACKWARD: Kernel = kernel!(
    "attention_keys_backward",
    32,
    &["qkv", "probabilities", "dscores", "dy", "dqkv", "settings"],
    "place",
    "attention"
);

/// Rotates queries and keys by their positions.
pub const ROTARY: Kernel = kernel!("rotary", 256, &["x", "tables", "y", "settings"], "place");

/// Of all kernels here but [`ROTARY`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Settings {
    /// Texts.
    pub b: u32,
    /// Positions.
    pub t: u32,
    /// Heads.
    pub h: u32,
    /// Width of a head.
    pub k: u32,
    /// 1 where some positions are padding.
    pub has_keep: u32,
    /// What scores are multiplied by, `1 / sqrt(k)`.
    pub scale: f32,
    /// See [`crate::dropout::Mask`].
    pub drop_below: u32,
    /// What probabilities that are kept are multiplied by.
    pub kept_scale: f32,
    /// See [`crate::dropout::Mask`].
    pub key: [u32; 3],
    /// Blocks of [`BLOCK`] rows per text.
    pub blocks: u32,
}

/// Of [`ROTARY`]; the same bytes as `struct Settings` in the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct RotarySettings {
    /// Elements of `x`.
    pub n: u32,
    /// Positions.
    pub t: u32,
    /// Width of a head.
    pub k: u32,
    /// Width of the model, `D`.
    pub width: u32,
    /// 1, or -1 for the inverse rotation.
    pub direction: f32,
}
