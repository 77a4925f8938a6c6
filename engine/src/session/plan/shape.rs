//! The shape of a new model: a preset, with what else was asked for.

use crate::error::{Error, Result};
use crate::model::{Architecture, ModelConfig};
use protocol::{BackboneKind, RunConfig};

/// Positions that a new model gets: as published.
const POSITIONS: usize = 512;
/// Widest model: four times bert-base.
const MAX_WIDTH: usize = 3072;

/// The shape of a new model for `config` and a vocabulary of `vocab_size`.
///
/// # Errors
/// For a preset or backbone that does not exist.
pub fn model_config(config: &RunConfig, vocab_size: usize) -> Result<ModelConfig> {
    let positions = POSITIONS.max(config.max_len.unwrap_or(0));
    let mut model =
        ModelConfig::preset(preset_name(config), vocab_size, positions).ok_or_else(|| {
            let names = protocol::PRESET_NAMES.join(", ");
            Error::input(
                "no-such-preset",
                format!("there is no preset \"{}\"", config.preset),
                format!("Use one of {names}."),
            )
        })?;
    if let Some(width) = config.hidden_size {
        widen(&mut model, width)?;
    }
    let wanted = match config.backbone {
        BackboneKind::Transformer => None,
        BackboneKind::Textcnn => Some(Architecture::Textcnn),
        BackboneKind::Mean => Some(Architecture::Mean),
    };
    match wanted {
        Some(wanted) if wanted != model.architecture => Err(Error::input(
            "no-such-backbone",
            format!(
                "--preset {} is a {}, not what --backbone asks for",
                config.preset,
                model.architecture.backbone().title()
            ),
            "Leave out one of --preset and --backbone.",
        )),
        // Two texts want two segments; BERT has them anyway.
        _ if config.nsp => Ok(ModelConfig {
            type_vocab_size: model.type_vocab_size.max(2),
            ..model
        }),
        _ => Ok(model),
    }
}

/// Gives a preset another width; its heads must divide it.
fn widen(model: &mut ModelConfig, width: usize) -> Result<()> {
    let per_head = width / model.num_attention_heads;
    if width == 0
        || width > MAX_WIDTH
        || per_head * model.num_attention_heads != width
        || width % 2 == 1
    {
        let heads = model.num_attention_heads;
        return Err(Error::input(
            "bad-setting",
            format!(
                "--hidden-size is {width}, but it must be an even multiple of the preset's {heads} heads, at most {MAX_WIDTH}"
            ),
            "Change --hidden-size or leave it out.",
        ));
    }
    model.initializer_range *= (model.hidden_size as f64 / width as f64).sqrt();
    model.intermediate_size = 4 * width;
    model.hidden_size = width;
    let backbone = model.architecture.backbone();
    backbone.settle(model);
    backbone.check(model).map_err(|(key, reason)| {
        Error::input(
            "bad-setting",
            format!("{key} {reason}"),
            "Change --hidden-size or leave it out.",
        )
    })
}

/// The preset that `--preset` and `--backbone` mean together: a backbone's own where the preset is another backbone's
/// and was not chosen.
fn preset_name(config: &RunConfig) -> &str {
    let default = config.preset == RunConfig::default().preset;
    match config.backbone {
        BackboneKind::Textcnn if default => "textcnn",
        BackboneKind::Mean if default => "mean",
        _ => &config.preset,
    }
}
