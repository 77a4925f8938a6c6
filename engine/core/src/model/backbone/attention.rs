//! Multi-head self-attention (Vaswani et al. 2017, 3.2.2), with optional rotary position embeddings
//! (Su et al. 2021, eq. 34).

use crate::kernels::stock::AttentionTables;
use crate::kernels::{self, AttentionInputs, Sequences, stock};
use crate::model::network::{AttentionTrace, Input, Network};
use burn::tensor::{Device, Tensor, TensorData};

/// Inputs that all attention layers of one forward pass share.
pub struct Attention {
    sequences: Sequences,
    heads: usize,
    kernel: Kernel,
}

/// The implementation used, with its inputs.
#[expect(
    clippy::large_enum_variant,
    reason = "one per pass; tensors are handles"
)]
enum Kernel {
    Fused {
        keep: Option<Tensor<2>>,
        rotary: Option<Tensor<3>>,
    },
    /// Unfused operations, which also return the attention probabilities.
    Stock(AttentionTables),
}

impl Attention {
    /// Prepares attention for one forward pass of `network` over `input`. `rotary` holds the tables
    /// of [`rotary_tables`], or `None` for a model without rotary positions.
    ///
    /// # Panics
    /// If the network returns attentions and the input leaves out padding, which is a bug in the
    /// caller.
    pub fn new(network: &Network, input: &Input, rotary: Option<Tensor<3>>) -> Self {
        let keep = input.row_mask();
        let kernel = if network.output_attentions {
            assert!(
                input.sequences.bounds.is_none(),
                "attentions are returned for padded sequences"
            );
            Kernel::Stock(AttentionTables::new(keep, rotary))
        } else {
            Kernel::Fused { keep, rotary }
        };
        Self {
            sequences: input.sequences.clone(),
            heads: network.config.num_attention_heads,
            kernel,
        }
    }

    /// Computes the context `[N, D]` from the concatenated queries, keys and values `[N, 3 D]`. If
    /// the network returns attentions, also returns its intermediate results.
    pub fn forward(
        &self,
        network: &Network,
        qkv: Tensor<2>,
    ) -> (Tensor<2>, Option<AttentionTrace>) {
        let (Sequences { b, t, .. }, heads) = (&self.sequences, self.heads);
        let dropout = network.attention_mask(*t, heads);
        match &self.kernel {
            Kernel::Fused { keep, rotary } => {
                let (keep, rotary) = (keep.clone(), rotary.clone());
                let inputs = AttentionInputs {
                    sequences: self.sequences.clone(),
                    heads,
                    keep,
                    rotary,
                    dropout,
                };
                (kernels::attention(qkv, inputs), None)
            }
            Kernel::Stock(tables) => {
                let width = qkv.dims()[1] / 3;
                let parts = std::array::from_fn(|i| qkv.clone().narrow(1, i * width, width));
                let (context, probabilities) =
                    stock::attention(parts, [*b, *t, heads], tables, dropout);
                (context, Some(AttentionTrace { qkv, probabilities }))
            }
        }
    }
}

/// Base of the rotary angles (Su et al. 2021, section 3.2.2).
const ROTARY_BASE: f64 = 10_000.0;

/// Returns the cosines and the sines of the rotary angles, `[T, K / 2]` each, for `t` positions and
/// an even head size `k`.
pub fn rotary_values(t: usize, k: usize) -> [Vec<f32>; 2] {
    let angle = |i: usize| {
        let (position, pair) = (i / (k / 2), i % (k / 2));
        position as f64 * ROTARY_BASE.powf(-2.0 * pair as f64 / k as f64)
    };
    let table = |of: fn(f64) -> f64| (0..t * k / 2).map(|i| of(angle(i)) as f32).collect();
    [table(f64::cos), table(f64::sin)]
}

/// Uploads [`rotary_values`] as one tensor, `[2, T, K / 2]`.
pub fn rotary_tables(t: usize, k: usize, device: &Device) -> Tensor<3> {
    Tensor::from_data(
        TensorData::new(rotary_values(t, k).concat(), [2, t, k / 2]),
        device,
    )
}
