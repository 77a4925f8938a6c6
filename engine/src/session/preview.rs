//! One text under the microscope: what masking makes of it, what a model guesses at the hidden places, and where it
//! looks. The same text is looked at again and again while a run learns; looking changes nothing of the run.

use super::inference::enclosed_or_pair;
use super::loaded_model::LoadedModel;
use super::plan;
use super::read::read_groups;
use super::task::evaluation_model;
use crate::data::Tokenizer;
use crate::data::examples::Batch;
use crate::data::masking::{Masked, Masker, Masking};
use crate::error::{Error, Result};
use crate::model::{Encoded, Heads, ModelConfig, ParamTensors};
use crate::train::DeviceBatch;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use protocol::{Candidate, Event, MaskKind, MaskedToken, RunConfig};

/// A look takes in this much of a long document.
const MAX_TOKENS: usize = 48;

/// Attention grows with the square of the text: beyond this it neither fits nor can be looked at.
const MAX_ATTENDED: usize = 512;

/// MaskedPositions shown for a hidden token.
const GUESSES: usize = 5;

/// Which text is looked at, and how it is masked.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewRequest {
    /// Mask rate, whole words, most predictions, seed.
    pub config: RunConfig,
    /// Which document; a part of the draw.
    pub example: u64,
    /// Which draw of the mask.
    pub epoch: u64,
    /// The text.
    pub text: String,
}

/// A text in the words of one vocabulary, before and after masking.
pub struct MaskedText {
    example: u64,
    /// `[CLS] text [SEP]`, `[T]`.
    window: Vec<u32>,
    masked: Masked,
}

impl PreviewRequest {
    /// The text as a model of this shape would see it.
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
        let most = self.config.max_predictions.unwrap_or(usize::MAX);
        let masking = Masking {
            whole_word: self.config.whole_word,
            most,
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

/// The model that looks, as it is at this moment.
pub struct ModelView<'a> {
    /// The shape.
    pub config: &'a ModelConfig,
    /// The parameters, without autodiff.
    pub params: &'a ParamTensors,
    /// Which heads it carries.
    pub heads: Heads,
    /// The words.
    pub tokenizer: &'a Tokenizer,
    /// Where it computes.
    pub device: &'a Device,
}

/// What a run is, for the events of a look: its name, and the steps that its model has seen.
#[derive(Clone, Copy, Default)]
pub struct RunStep<'a> {
    /// Empty outside of a run.
    pub run: &'a str,
    /// Optimisation steps.
    pub step: Option<u64>,
}

/// An event with the bytes that belong to it.
pub type EventWithBuffers = (Event, Vec<Vec<u8>>);

impl MaskedText {
    /// What masking made of the text, without a model.
    pub fn told(&self, tokenizer: &Tokenizer) -> Event {
        self.masking(tokenizer, RunStep::default(), &[])
    }

    /// What masking made of the text and what a model makes of that: its guesses where it has the head for them, and
    /// where it looks where it has attention.
    ///
    /// # Errors
    /// When the device no longer answers.
    pub async fn seen(
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
        let guesses = view.heads.masked_lm && !positions.is_empty();
        if guesses {
            batch.masked_positions = positions.iter().map(|&position| position as i32).collect();
            batch.masked_targets = targets.iter().map(|&target| target as i32).collect();
            batch.masked_weights = vec![1.0; positions.len()];
        }
        let batch = DeviceBatch::upload(&batch, view.config, view.device);
        let forward = evaluation_model(view.config, view.params).with_attentions();
        let encoded = forward.encode(batch.input());
        let mut wanted = Vec::new();
        if guesses {
            let logits = forward.masked_lm(&encoded, &batch.guesses().positions);
            wanted.push(flat(log_softmax(logits, 1))); // [M * V]
        }
        let attention = Attention::wanted(&encoded, &mut wanted);
        let mut read = read_groups(&wanted).await?;
        let rows = if guesses { read.remove(0) } else { Vec::new() };
        let rows: Vec<&[f32]> = rows.chunks(view.config.vocab_size).collect();
        let mut told = vec![(self.masking(view.tokenizer, run_step, &rows), Vec::new())];
        if let Some(attention) = attention {
            told.push(attention.told(0, run_step, names(view.tokenizer, ids), &read));
        }
        Ok(told)
    }

    /// `rows` holds the logarithms of the probabilities at each hidden place, `[M][V]`, or nothing.
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
                    .map(|place| guesses(tokenizer, rows[place]))
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

/// Where a model looks in a text that a person typed; a tab parts the two texts of a pair.
///
/// # Errors
/// When the model has no attention, the text is longer than its positions, or the device no longer answers.
pub async fn attend(
    model: &LoadedModel,
    device: &Device,
    text: &str,
    request: u64,
    run_step: RunStep<'_>,
) -> Result<EventWithBuffers> {
    let (ids, second) = enclosed_or_pair(model, text)?;
    if ids.len() > MAX_ATTENDED {
        let message = format!(
            "the text has {} tokens, and attention is shown of {MAX_ATTENDED} at most",
            ids.len()
        );
        return Err(Error::input("text-too-long", message, "Shorten the text."));
    }
    let (attention, read) = attention(model, device, &ids, second).await?;
    Ok(attention.told(request, run_step, names(&model.tokenizer, &ids), &read))
}

/// The attention probabilities of one text, whose second part begins at `second`: `[H, T, T]` of each layer, flat.
///
/// # Errors
/// When the model has none or the device no longer answers.
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

/// The model has none.
fn no_attention(model: &LoadedModel) -> Error {
    let form = model.config.architecture.backbone().title();
    let hint = "Ask a Transformer, e.g. one of the presets fast-tiny and bert-tiny.";
    Error::input(
        "no-attention",
        format!("this model is a {form}: it has no attention"),
        hint,
    )
}

/// How many layers and heads the last readings hold.
pub struct Attention {
    layers: usize,
    heads: usize,
}

impl Attention {
    /// Asks for the attention of one text, `[1, H, T, T]` of each layer; `None` where there is none.
    fn wanted(encoded: &Encoded, wanted: &mut Vec<Tensor<1>>) -> Option<Self> {
        let heads = encoded.attentions.first()?.dims()[1];
        wanted.extend(encoded.attentions.iter().map(|layer| flat(layer.clone())));
        Some(Self {
            layers: encoded.attentions.len(),
            heads,
        })
    }

    fn told(
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

/// A probability as [`Event::Attention`] carries it.
fn byte(probability: f32) -> u8 {
    (probability.clamp(0.0, 1.0).sqrt() * 255.0).round() as u8
}

fn guesses(tokenizer: &Tokenizer, row: &[f32]) -> Vec<Candidate> {
    let best = super::inference::best(row, GUESSES, |id| tokenizer.is_text(id as u32));
    best.into_iter()
        .map(|(id, score)| Candidate {
            token: tokenizer.token(id as u32).into(),
            score: score.exp(),
        })
        .collect()
}

/// Tokens by their ids.
pub fn names(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<String> {
    ids.iter()
        .map(|&id| tokenizer.token(id).to_string())
        .collect()
}

/// A batch of one text without padding, whose second part begins at `second`.
pub fn single(tokenizer: &Tokenizer, ids: &[u32], second: usize) -> Batch {
    let mut batch = Batch::filled(&tokenizer.specials(), 1, ids.len());
    batch.set_row(0, ids, second);
    batch
}

fn flat<const R: usize>(tensor: Tensor<R>) -> Tensor<1> {
    let n = tensor.dims().iter().product::<usize>();
    tensor.reshape([n])
}

#[cfg(test)]
mod tests {
    use super::byte;

    #[test]
    fn small_probabilities_keep_their_first_digits() {
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
