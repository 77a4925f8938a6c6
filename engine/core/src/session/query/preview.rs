//! A preview of one example: its masking, and a model's predictions and attention for it. The same
//! example is previewed repeatedly while a run trains. Previews are read-only.

use crate::data::Tokenizer;
use crate::data::examples::Batch;
use crate::data::masking::{Masked, Masker, Masking};
use crate::error::{Error, Result};
use crate::model::{Encoded, Heads, ModelConfig, ParamTensors};
use crate::session::loaded_model::LoadedModel;
use crate::session::query::input::enclosed_or_pair;
use crate::session::query::top_k::best;
use crate::session::read::read_groups;
use crate::session::run::plan;
use crate::session::run::task::evaluation_model;
use crate::train::DeviceBatch;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use protocol::{Candidate, Event, MaskKind, MaskedToken, Message, RunConfig, message};

/// Maximum number of tokens of a previewed text.
const MAX_TOKENS: usize = 48;

/// Maximum number of tokens for attention, which grows with the square of the length.
const MAX_ATTENDED: usize = 512;

/// Predictions shown per masked token.
const TOP_K: usize = 5;

/// Which text is previewed, and how it is masked.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewRequest {
    /// Mask rate, whole-word masking, maximum predictions and seed.
    pub config: RunConfig,
    /// Index of the document; part of the mask's seed.
    pub example: u64,
    /// Epoch; part of the mask's seed.
    pub epoch: u64,
    /// The text to preview, one document.
    pub text: String,
}

/// A tokenized text, before and after masking.
pub struct MaskedText {
    example: u64,
    /// `[CLS] text [SEP]`, `[T]`.
    window: Vec<u32>,
    masked: Masked,
}

impl PreviewRequest {
    /// Tokenizes and masks the text as for training a model of this configuration.
    pub fn masked_text(&self, tokenizer: &Tokenizer, model: &ModelConfig) -> MaskedText {
        let specials = tokenizer.specials();
        let mut ids = tokenizer.encode(&self.text);
        ids.truncate(MAX_TOKENS.min(model.max_position_embeddings.saturating_sub(2)));
        let window: Vec<u32> = [specials.cls]
            .into_iter()
            .chain(ids)
            .chain([specials.sep])
            .collect();
        let rate = plan::mask_rate(&self.config, model).clamp(0.0, 0.9);
        let max_predictions = self.config.max_predictions.unwrap_or(usize::MAX);
        let masking = Masking {
            whole_word: self.config.whole_word,
            most: max_predictions,
            ..Masking::of_rate(rate)
        };
        let masked = Masker::new(tokenizer, masking).mask_example(
            &window,
            self.config.seed,
            self.epoch,
            self.example,
        );
        MaskedText {
            example: self.example,
            window,
            masked,
        }
    }
}

/// A read-only view of a model, in training or not.
pub struct ModelView<'a> {
    /// Configuration of the model.
    pub config: &'a ModelConfig,
    /// Parameters, without autodiff.
    pub params: &'a ParamTensors,
    /// The heads it has.
    pub heads: Heads,
    /// The tokenizer of the model.
    pub tokenizer: &'a Tokenizer,
    /// The device of the parameters.
    pub device: &'a Device,
}

/// The run that a preview belongs to, and how far its model is trained.
#[derive(Clone, Copy, Default)]
pub struct RunStep<'a> {
    /// Run id; empty outside a run.
    pub run: &'a str,
    /// Optimiser steps done, in a run.
    pub step: Option<u64>,
}

/// An event with its bulk buffers.
pub type EventWithBuffers = (Event, Vec<Vec<u8>>);

impl MaskedText {
    /// Returns the masking alone, without a model.
    pub fn masking_event(&self, tokenizer: &Tokenizer) -> Event {
        self.masking(tokenizer, RunStep::default(), &[])
    }

    /// Returns the masking with a model's predictions, if it has a masked-LM head, and its
    /// attention, if it has any.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    pub async fn preview_events(
        &self,
        view: &ModelView<'_>,
        run_step: RunStep<'_>,
    ) -> Result<Vec<EventWithBuffers>> {
        let Masked {
            ids,
            positions,
            targets,
            ..
        } = &self.masked;
        let mut batch = single(view.tokenizer, ids, ids.len());
        let has_predictions = view.heads.masked_lm && !positions.is_empty();
        if has_predictions {
            batch.masked_positions = positions.iter().map(|&position| position as i32).collect();
            batch.masked_targets = targets.iter().map(|&target| target as i32).collect();
            batch.masked_weights = vec![1.0; positions.len()];
        }
        let batch = DeviceBatch::upload(&batch, view.config, view.device);
        let forward = evaluation_model(view.config, view.params).with_attentions();
        let encoded = forward.encode(batch.input());
        let mut wanted = Vec::new();
        if has_predictions {
            let logits = forward.masked_lm(&encoded, &batch.guesses().positions);
            wanted.push(flat(log_softmax(logits, 1))); // [M * V]
        }
        let attention = Attention::wanted(&encoded, &mut wanted);
        let mut read = read_groups(&wanted).await?;
        let rows = if has_predictions {
            read.remove(0)
        } else {
            Vec::new()
        };
        let rows: Vec<&[f32]> = rows.chunks(view.config.vocab_size).collect();
        let mut events = vec![(self.masking(view.tokenizer, run_step, &rows), Vec::new())];
        if let Some(attention) = attention {
            events.push(attention.event(0, run_step, names(view.tokenizer, ids), &read));
        }
        Ok(events)
    }

    /// `rows` holds the log-probabilities at each masked position, `[M][V]`, or is empty.
    fn masking(&self, tokenizer: &Tokenizer, run_step: RunStep<'_>, rows: &[&[f32]]) -> Event {
        let Masked {
            ids,
            positions,
            targets,
            kinds,
        } = &self.masked;
        let token = |i: usize| {
            let place = positions
                .iter()
                .position(|&position| position == i)
                .filter(|place| *place < rows.len());
            MaskedToken {
                original: tokenizer.token(self.window[i]).into(),
                shown: tokenizer.token(ids[i]).into(),
                kind: kinds[i],
                guesses: place
                    .map(|place| predictions(tokenizer, rows[place]))
                    .unwrap_or_default(),
                loss: place.map(|place| -f64::from(rows[place][targets[place] as usize])),
            }
        };
        debug_assert!(
            positions
                .iter()
                .all(|&position| kinds[position] != MaskKind::Special)
        );
        let tokens = (0..self.window.len()).map(token).collect();
        Event::Masking {
            example: self.example,
            tokens,
            run: run_step.run.into(),
            step: run_step.step,
        }
    }
}

/// Returns a model's attention for a text; a tab separates the two texts of a pair.
///
/// # Errors
/// Returns an error if the model has no attention, the text is too long, or the device is lost.
pub async fn attend(
    model: &LoadedModel,
    device: &Device,
    text: &str,
    request: u64,
    run_step: RunStep<'_>,
) -> Result<EventWithBuffers> {
    let (ids, second) = enclosed_or_pair(model, text)?;
    if ids.len() > MAX_ATTENDED {
        let message = message!(
            "the text has {count} tokens, but attention is shown for at most {limit}",
            count = ids.len(),
            limit = MAX_ATTENDED
        );
        return Err(Error::input(
            "text-too-long",
            message,
            message!("Shorten the text."),
        ));
    }
    let (attention, read) = attention(model, device, &ids, second).await?;
    Ok(attention.event(request, run_step, names(&model.tokenizer, &ids), &read))
}

/// Computes the attention probabilities of a token sequence whose second segment begins at
/// `second`: for each layer `[H, T, T]`, flat.
///
/// # Errors
/// Returns an error if the model has no attention or the device is lost.
pub async fn attention(
    model: &LoadedModel,
    device: &Device,
    ids: &[u32],
    second: usize,
) -> Result<(Attention, Vec<Vec<f32>>)> {
    let batch = DeviceBatch::upload(
        &single(&model.tokenizer, ids, second),
        &model.config,
        device,
    );
    let params = model.params(device);
    let encoded = evaluation_model(&model.config, &params)
        .with_attentions()
        .encode(batch.input());
    let mut wanted = Vec::new();
    let attention = Attention::wanted(&encoded, &mut wanted).ok_or_else(|| no_attention(model))?;
    Ok((attention, read_groups(&wanted).await?))
}

/// The error for a model without attention.
fn no_attention(model: &LoadedModel) -> Error {
    let form = Message::phrase(model.config.architecture.backbone().title());
    let hint = message!("Use a Transformer, e.g. the preset fast-tiny or bert-tiny.");
    Error::input(
        "no-attention",
        message!("this model is a {model}: it has no attention", model = form),
        hint,
    )
}

/// Dimensions of the attention that was read back.
pub struct Attention {
    layers: usize,
    heads: usize,
}

impl Attention {
    /// Appends the attention of one text, `[1, H, T, T]` per layer, to the tensors to read; `None`
    /// if there is none.
    fn wanted(encoded: &Encoded, wanted: &mut Vec<Tensor<1>>) -> Option<Self> {
        let heads = encoded.attentions.first()?.probabilities.dims()[1];
        let layers = encoded.attentions.iter();
        wanted.extend(layers.map(|layer| flat(layer.probabilities.clone())));
        Some(Self {
            layers: encoded.attentions.len(),
            heads,
        })
    }

    fn event(
        &self,
        request: u64,
        run_step: RunStep<'_>,
        tokens: Vec<String>,
        read: &[Vec<f32>],
    ) -> EventWithBuffers {
        let bytes = read
            .iter()
            .flatten()
            .map(|&probability| byte(probability))
            .collect();
        let (layers, heads) = (self.layers as u64, self.heads as u64);
        let (run, step) = (run_step.run.into(), run_step.step);
        (
            Event::Attention {
                request,
                run,
                step,
                tokens,
                layers,
                heads,
            },
            vec![bytes],
        )
    }
}

/// Encodes a probability for [`Event::Attention`]: the square root, scaled to 0..=255.
fn byte(probability: f32) -> u8 {
    (probability.clamp(0.0, 1.0).sqrt() * 255.0).round() as u8
}

fn predictions(tokenizer: &Tokenizer, row: &[f32]) -> Vec<Candidate> {
    let best = best(row, TOP_K, |id| tokenizer.is_text(id as u32));
    best.into_iter()
        .map(|(id, score)| Candidate {
            token: tokenizer.token(id as u32).into(),
            score: score.exp(),
        })
        .collect()
}

/// Returns the tokens with these ids.
pub fn names(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
    ids.iter()
        .map(|&id| tokenizer.token(id).to_string())
        .collect()
}

/// Returns a batch of one unpadded sequence whose second segment begins at `second`.
pub fn single(tokenizer: &Tokenizer, ids: &[u32], second: usize) -> Batch {
    let mut batch = Batch::filled(&tokenizer.specials(), 1, ids.len());
    batch.set_row(0, ids, second);
    batch
}

pub(super) fn flat<const R: usize>(tensor: Tensor<R>) -> Tensor<1> {
    let n = tensor.dims().iter().product::<usize>();
    tensor.reshape([n])
}

#[cfg(test)]
mod tests {
    use super::byte;

    #[test]
    fn small_probabilities_keep_their_leading_digits() {
        for probability in [0.0, 1.0 / 512.0, 0.01, 0.25, 1.0] {
            let back = (f64::from(byte(probability)) / 255.0).powi(2);
            assert!(
                (back - f64::from(probability)).abs() <= 0.05 * f64::from(probability) + 1e-6,
                "{probability}: {back}"
            );
        }
        assert_eq!((byte(f32::NAN), byte(2.0)), (0, 255));
    }
}
