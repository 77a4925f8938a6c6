//! The configuration of a new model: a preset and the settings that override it.

use crate::error::{Error, Result};
use crate::model::{Architecture, ModelConfig};
use crate::session::run::plan::limits::max_of;
use protocol::{BackboneKind, Message, RunConfig, Setting, message};

/// Default number of position embeddings, as published for BERT.
const POSITIONS: usize = 512;

/// Returns the model configuration for `config` and a vocabulary of `vocab_size` tokens.
///
/// # Errors
/// Returns an error if the preset or backbone does not exist, or the hidden size does not fit it.
pub fn model_config(config: &RunConfig, vocab_size: usize) -> Result<ModelConfig> {
    let positions = POSITIONS.max(config.max_len.unwrap_or(0));
    let mut model =
        ModelConfig::preset(preset_name(config), vocab_size, positions).ok_or_else(|| {
            let names = protocol::PRESET_NAMES.join(", ");
            Error::input(
                "no-such-preset",
                message!("there is no preset \"{config}\"", config = config.preset),
                message!("Use one of {names}.", names),
            )
        })?;
    if let Some(width) = config.hidden_size {
        set_hidden_size(&mut model, width)?;
    }
    let requested = match config.backbone {
        BackboneKind::Transformer => None,
        BackboneKind::Textcnn => Some(Architecture::Textcnn),
        BackboneKind::Mean => Some(Architecture::Mean),
    };
    match requested {
        Some(requested) if requested != model.architecture => Err(Error::input(
            "no-such-backbone",
            message!(
                "{preset} {config} is a {model}, which contradicts {backbone}",
                config = config.preset,
                model = Message::phrase(model.architecture.backbone().title()),
                preset = Setting::named("preset"),
                backbone = Setting::named("backbone")
            ),
            message!(
                "Use either {preset} or {backbone}, not both.",
                preset = Setting::named("preset"),
                backbone = Setting::named("backbone")
            ),
        )),
        // Sentence pairs need two token types; BERT has them anyway.
        _ if config.nsp => Ok(ModelConfig {
            type_vocab_size: model.type_vocab_size.max(2),
            ..model
        }),
        _ => Ok(model),
    }
}

/// Changes the hidden size of a preset; it must be a multiple of the number of heads.
fn set_hidden_size(model: &mut ModelConfig, width: usize) -> Result<()> {
    let per_head = width / model.num_attention_heads;
    // Four times the size of BERT-base.
    let max_width = max_of("hidden-size");
    if width == 0
        || width as f64 > max_width
        || per_head * model.num_attention_heads != width
        || width % 2 == 1
    {
        let heads = model.num_attention_heads;
        return Err(Error::input(
            "bad-setting",
            message!(
                "{hidden_size} is {width}, but it must be even, a multiple of the preset's number of heads ({heads}) and at most {limit}",
                width,
                heads,
                limit = max_width,
                hidden_size = Setting::named("hidden-size")
            ),
            message!(
                "Change {hidden_size} or leave it out.",
                hidden_size = Setting::named("hidden-size")
            ),
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
            message!("{key} {reason}", key, reason),
            message!(
                "Change {hidden_size} or leave it out.",
                hidden_size = Setting::named("hidden-size")
            ),
        )
    })
}

/// Returns the preset that `--preset` and `--backbone` select together: the backbone's own if no
/// preset was chosen.
fn preset_name(config: &RunConfig) -> &str {
    let default = config.preset == RunConfig::default().preset;
    match config.backbone {
        BackboneKind::Textcnn if default => "textcnn",
        BackboneKind::Mean if default => "mean",
        _ => &config.preset,
    }
}
