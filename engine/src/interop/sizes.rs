//! Whether a model of a given shape can exist on any machine that this engine serves. Asked before anything is
//! allocated, in numbers that cannot wrap.

use super::InteropError;
use super::config::refuse;
use crate::model::config::ModelConfig;

/// Trainable numbers at most: three times bert-large. Beyond it a file is a mistake or an attack.
const MAX_PARAMETERS: u128 = 1_000_000_000;
/// Weights, gradients and two moments of AdamW, 4 bytes each.
const TRAINING_BYTES_PER_PARAMETER: u128 = 16;
/// Positions at most: attention over more would need gigabytes for one example.
const MAX_POSITIONS: usize = 32_768;

/// Layers at most: ten times bert-large.
const MAX_LAYERS: usize = 240;

/// Refuses sizes that contradict each other or ask for more than a machine has.
///
/// # Errors
/// [`InteropError::Config`] with the key, or [`InteropError::TooLarge`] with an estimate.
pub(super) fn check_sizes(config: &ModelConfig) -> Result<(), InteropError> {
    let (width, heads) = (config.hidden_size, config.num_attention_heads);
    if !width.is_multiple_of(heads) {
        return Err(refuse(
            "num_attention_heads",
            format!("is {heads}, which does not divide hidden_size, {width}"),
        ));
    }
    config
        .architecture
        .backbone()
        .check(config)
        .map_err(|(key, reason)| refuse(key, reason))?;
    if config.max_position_embeddings < 2 || config.max_position_embeddings > MAX_POSITIONS {
        let reason = format!(
            "is {}; it must be 2 to {MAX_POSITIONS}",
            config.max_position_embeddings
        );
        return Err(refuse("max_position_embeddings", reason));
    }
    if config.num_hidden_layers > MAX_LAYERS {
        let reason = format!(
            "is {}; it must be at most {MAX_LAYERS}",
            config.num_hidden_layers
        );
        return Err(refuse("num_hidden_layers", reason));
    }
    let parameters = config.architecture.backbone().parameter_estimate(config);
    if parameters > MAX_PARAMETERS {
        let gib = (parameters * TRAINING_BYTES_PER_PARAMETER) >> 30;
        return Err(InteropError::TooLarge {
            needs: format!(
                "{parameters} parameters, about {gib} GiB to train; {MAX_PARAMETERS} parameters is the most allowed"
            ),
        });
    }
    Ok(())
}
