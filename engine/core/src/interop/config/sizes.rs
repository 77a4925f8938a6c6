//! Checks that a model has a plausible size. Runs before any allocation, with arithmetic that
//! cannot overflow.

use crate::interop::InteropError;
use crate::interop::error::refuse;
use crate::model::config::ModelConfig;
use protocol::message;

/// Maximum number of parameters: three times bert-large. Larger files are a mistake or an attack.
const MAX_PARAMETERS: u128 = 1_000_000_000;
/// Weights, gradients and the two moments of AdamW, 4 bytes each.
const TRAINING_BYTES_PER_PARAMETER: u128 = 16;
/// Maximum number of positions; attention over more would need gigabytes for one example.
const MAX_POSITIONS: usize = 32_768;

/// Maximum number of layers: ten times bert-large.
const MAX_LAYERS: usize = 240;

/// Rejects sizes that are inconsistent or too large.
///
/// # Errors
/// Returns [`InteropError::Config`] with the key, or [`InteropError::TooLarge`] with an estimate.
pub(crate) fn check_sizes(config: &ModelConfig) -> Result<(), InteropError> {
    let (width, heads) = (config.hidden_size, config.num_attention_heads);
    if !width.is_multiple_of(heads) {
        return Err(refuse(
            "num_attention_heads",
            message!(
                "is {heads}, which does not divide hidden_size, {width}",
                heads,
                width
            ),
        ));
    }
    config
        .architecture
        .backbone()
        .check(config)
        .map_err(|(key, reason)| refuse(key, reason))?;
    if config.max_position_embeddings < 2 || config.max_position_embeddings > MAX_POSITIONS {
        let reason = message!(
            "is {value}; it must be from 2 to {limit}",
            value = config.max_position_embeddings,
            limit = MAX_POSITIONS
        );
        return Err(refuse("max_position_embeddings", reason));
    }
    if config.num_hidden_layers > MAX_LAYERS {
        let reason = message!(
            "is {value}; it must be at most {limit}",
            value = config.num_hidden_layers,
            limit = MAX_LAYERS
        );
        return Err(refuse("num_hidden_layers", reason));
    }
    let parameters = config.architecture.backbone().parameter_estimate(config);
    if parameters > MAX_PARAMETERS {
        let gib = (parameters * TRAINING_BYTES_PER_PARAMETER) >> 30;
        return Err(InteropError::TooLarge {
            needs: message!(
                "{parameters} parameters, about {gib} GiB to train; the maximum is {limit} parameters",
                parameters = parameters.to_string(),
                gib = gib.to_string(),
                limit = MAX_PARAMETERS.to_string()
            ),
        });
    }
    Ok(())
}
