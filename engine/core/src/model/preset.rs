//! Configurations of the presets.

use super::architecture::Architecture;
use super::config::ModelConfig;
use protocol::Preset;

/// Initial standard deviation of embeddings and matrices, times the square root of the width. At
/// width 128 this is 0.06, which beat 0.02 by 0.12 nats in the ablation of `docs/recipes.md`.
const INIT_SCALE: f64 = 0.68;

impl ModelConfig {
    /// Returns the configuration of a named preset for a vocabulary of `vocab_size` and sequences
    /// of up to `max_len` tokens, or `None` if the name is unknown.
    pub fn preset(name: &str, vocab_size: usize, max_len: usize) -> Option<Self> {
        let preset = Preset::find(name)?;
        let architecture = Architecture::from(preset.family);
        let width = preset.hidden_size;
        let mut config = Self {
            architecture,
            vocab_size,
            hidden_size: width,
            num_hidden_layers: preset.layers,
            num_attention_heads: preset.heads,
            intermediate_size: 4 * width,
            max_position_embeddings: max_len,
            type_vocab_size: 1,
            filter_sizes: Vec::new(),
            num_filters: 0,
            layer_norm_eps: 1e-12,
            hidden_dropout_prob: 0.0,
            attention_probs_dropout_prob: 0.0,
            initializer_range: INIT_SCALE / (width as f64).sqrt(),
            pad_token_id: 0,
            pooling: None,
            labels: Vec::new(),
            problem_type: None,
            threshold: None,
            threshold_scales: None,
            thresholds: None,
            trained_len: None,
            document_columns: None,
            pairs: false,
        };
        architecture.backbone().settle(&mut config);
        Some(config)
    }
}
