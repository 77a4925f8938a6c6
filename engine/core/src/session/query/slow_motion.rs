//! One masked word in slow motion: the numbers that a model computes to predict it, and what one
//! training step changes. The step is done on a copy of the model.

use crate::error::{Error, Result};
use crate::kernels::RowTargets;
use crate::model::backbone::rotary_values;
use crate::model::{Architecture, AttentionTrace, Network, ParamTensors};
use crate::session::checks::finite;
use crate::session::loaded_model::LoadedModel;
use crate::session::query::preview::{flat, names, single};
use crate::session::query::top_k::best;
use crate::session::read::read_groups;
use crate::session::run::task::evaluation_model;
use crate::train::{DeviceBatch, GroupState, Optimizer, OptimizerSettings, TrainState};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use protocol::{Candidate, HeadTrace, SlowMotion, WordPrediction, message};
use std::cmp::Reverse;

/// Maximum number of tokens, with `[CLS]` and `[SEP]`: more do not fit a screen.
const MAX_TOKENS: usize = 32;
/// Learning rate of the training step.
const LEARNING_RATE: f64 = 1e-3;
/// Number of predictions shown.
const TOP_K: usize = 5;

/// Which word is masked, and which attention head is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceSelection {
    /// Index of the masked token, `[CLS]` included; `None` selects the rarest word of the text.
    pub position: Option<usize>,
    /// Index of the layer.
    pub layer: usize,
    /// Index of the head in the layer.
    pub head: usize,
}

/// Follows one masked word of `text` through `model`, trains a copy of the model on it for one step,
/// and predicts it again.
///
/// # Errors
/// Returns an error if the model has no masked-LM head, or the text has no word.
pub async fn slow_motion(
    model: &LoadedModel,
    device: &Device,
    text: &str,
    selection: TraceSelection,
) -> Result<SlowMotion> {
    model.require_masked_lm()?;
    let tokenizer = &model.tokenizer;
    let specials = tokenizer.specials();
    let mut text_ids = tokenizer.encode(text);
    let limit = MAX_TOKENS.min(model.config.max_position_embeddings);
    text_ids.truncate(limit.saturating_sub(2));
    let ids = [&[specials.cls], text_ids.as_slice(), &[specials.sep]].concat();
    let position = selection
        .position
        .filter(|place| (1..ids.len() - 1).contains(place))
        .or_else(|| rarest(model, &ids))
        .ok_or_else(no_word)?;
    let mut masked = ids.clone();
    masked[position] = specials.mask;
    let mut batch = single(tokenizer, &masked, masked.len());
    batch.masked_positions = vec![position as i32];
    batch.masked_targets = vec![ids[position] as i32];
    batch.masked_weights = vec![1.0];
    let batch = DeviceBatch::upload(&batch, &model.config, device);
    let word = Word {
        model,
        batch: &batch,
        place: position,
        truth: ids[position],
        length: ids.len(),
    };
    let before = word.follow(&model.params(device), selection).await?;
    let trained = word.train(device).await?;
    let after = word.follow(&trained.params, selection).await?;
    let attention = before.head.map(|head| HeadTrace {
        weights_after: after.head.map(|head| head.weights).unwrap_or_default(),
        ..head
    });
    Ok(SlowMotion {
        tokens: names(tokenizer, &ids),
        position: position as u64,
        embedding: before.embedding,
        attention,
        before: before.prediction,
        after: after.prediction,
        learning_rate: LEARNING_RATE,
        grad_norm: trained.grad_norm,
    })
}

/// Returns the position of the token of text with the lowest frequency in the corpus, and of these the
/// longest: an imported model has no frequencies. Parts of a word come last.
fn rarest(model: &LoadedModel, ids: &[u32]) -> Option<usize> {
    let tokenizer = &model.tokenizer;
    let (counts, continues) = (tokenizer.counts(), tokenizer.continues());
    let is_continued = |id: u32| continues.get(id as usize).copied().unwrap_or(false);
    let is_part = |position: usize| {
        ids[position..=position + 1]
            .iter()
            .any(|id| is_continued(*id))
    };
    let frequency = |id: u32| counts.get(id as usize).copied().unwrap_or(0);
    let positions = 1..ids.len() - 1;
    positions
        .filter(|&position| tokenizer.is_text(ids[position]))
        .min_by_key(|&position| {
            let id = ids[position];
            let length = tokenizer.token(id).chars().count();
            (is_part(position), frequency(id), Reverse(length))
        })
}

fn no_word() -> Error {
    Error::input(
        "no-word",
        message!("the text has no word to mask"),
        message!("Type a sentence."),
    )
}

/// A masked word in its sentence.
struct Word<'a> {
    model: &'a LoadedModel,
    batch: &'a DeviceBatch,
    /// Index of the masked token.
    place: usize,
    /// The masked token.
    truth: u32,
    /// Number of tokens, `T`.
    length: usize,
}

/// What one forward pass computes for the word.
struct Followed {
    embedding: Vec<f32>,
    head: Option<HeadTrace>,
    prediction: WordPrediction,
}

/// A copy of the model after one training step.
struct Trained {
    params: ParamTensors,
    grad_norm: f64,
}

impl Word<'_> {
    /// Runs the model and reads what it computes for the word.
    async fn follow(&self, params: &ParamTensors, selection: TraceSelection) -> Result<Followed> {
        let config = &self.model.config;
        let network = evaluation_model(config, params).with_attentions();
        let encoded = network.encode(self.batch.input());
        let logits = network.masked_lm(&encoded, &self.batch.guesses().positions);
        let probabilities = softmax(logits, 1).reshape([config.vocab_size]);
        let embedding = encoded.hidden_states[0].clone().narrow(0, self.place, 1);
        let width = embedding.dims()[1];
        let mut wanted = vec![probabilities, embedding.reshape([width])];
        let layers = encoded.attentions.len();
        let layer = selection.layer.min(layers.saturating_sub(1));
        if let Some(AttentionTrace { qkv, probabilities }) = encoded.attentions.get(layer) {
            wanted.extend([flat(qkv.clone()), flat(probabilities.clone())]);
        }
        let mut read = read_groups(&wanted).await?;
        let head = (read.len() == 4).then(|| {
            let probabilities = read.pop().expect("four arrays");
            let qkv = read.pop().expect("three arrays");
            HeadTrace {
                layers: layers as u64,
                ..self.head(&qkv, &probabilities, layer, selection.head)
            }
        });
        let embedding = read.pop().expect("two arrays");
        let probabilities = finite(read.pop().expect("one array"))?;
        Ok(Followed {
            embedding,
            head,
            prediction: self.prediction(&probabilities),
        })
    }

    fn prediction(&self, probabilities: &[f32]) -> WordPrediction {
        let tokenizer = &self.model.tokenizer;
        let best = best(probabilities, TOP_K, |id| tokenizer.is_text(id as u32));
        let candidate = |(id, score): (usize, f64)| Candidate {
            token: tokenizer.token(id as u32).into(),
            score,
        };
        WordPrediction {
            probability: probabilities[self.truth as usize].into(),
            candidates: best.into_iter().map(candidate).collect(),
        }
    }

    /// Computes the numbers of one head from `qkv` `[T, 3 D]` and the attention `probabilities`
    /// `[H, T, T]` of its layer.
    fn head(&self, qkv: &[f32], probabilities: &[f32], layer: usize, head: usize) -> HeadTrace {
        let config = &self.model.config;
        let (t, heads) = (self.length, config.num_attention_heads);
        let (width, k) = (config.hidden_size, config.hidden_size / heads);
        let head = head.min(heads - 1);
        let vector = |part: usize, token: usize| {
            let start = token * 3 * width + part * width + head * k;
            &qkv[start..start + k]
        };
        let has_rotary = config.architecture == Architecture::Fast;
        let tables = has_rotary.then(|| rotary_values(t, k));
        let placed = |part: usize, token: usize| match &tables {
            Some(tables) => rotated(vector(part, token), token, tables),
            None => vector(part, token).to_vec(),
        };
        let query = placed(0, self.place);
        let score = |token: usize| {
            let key = placed(1, token);
            let product = |(a, b): (&f32, &f32)| f64::from(*a) * f64::from(*b);
            query.iter().zip(&key).map(product).sum::<f64>() / (k as f64).sqrt()
        };
        let row = (head * t + self.place) * t;
        let weights: Vec<f64> = probabilities[row..row + t]
            .iter()
            .map(|&weight| weight.into())
            .collect();
        let mut output = vec![0.0; k];
        let mut contributions = Vec::with_capacity(t);
        for (token, weight) in weights.iter().enumerate() {
            let value = vector(2, token);
            let length = value.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
            contributions.push(weight * length);
            for (sum, x) in output.iter_mut().zip(value) {
                *sum += *weight as f32 * x;
            }
        }
        HeadTrace {
            layer: layer as u64,
            head: head as u64,
            heads: heads as u64,
            scores: (0..t).map(score).collect(),
            weights,
            contributions,
            output,
            ..HeadTrace::default()
        }
    }

    /// Trains a copy of the model on the word for one step of AdamW.
    async fn train(&self, device: &Device) -> Result<Trained> {
        let config = &self.model.config;
        let optimizer = Optimizer {
            layout: self.model.layout.clone(),
            settings: OptimizerSettings::default(),
            device: device.clone(),
        };
        let group = |p: &Tensor<1>| GroupState {
            p: p.clone(),
            m: p.zeros_like(),
            v: Some(p.zeros_like()),
        };
        let mut state = TrainState {
            groups: self.model.groups.iter().map(group).collect(),
            step: 0,
        };
        let report = optimizer.step(&mut state, LEARNING_RATE, |params| {
            let network = Network::new(config, params);
            let guesses = self.batch.guesses().clone();
            let truth = RowTargets {
                targets: guesses.targets,
                weights: guesses.weights,
                total: guesses.count,
            };
            let encoded = network.encode(self.batch.input());
            network.masked_lm_loss(&encoded, &guesses.positions, truth)
        });
        let grad_norm = read_groups(&[report.grad_norm]).await?[0][0];
        Ok(Trained {
            params: optimizer.frozen(&state),
            grad_norm: grad_norm.into(),
        })
    }
}

/// Rotates the pairs (i, i + K/2) of a query or key at `position` by the angles in `tables`.
fn rotated(vector: &[f32], position: usize, [cos, sin]: &[Vec<f32>; 2]) -> Vec<f32> {
    let half = vector.len() / 2;
    let (first, second) = vector.split_at(half);
    let angle = |i: usize| (cos[position * half + i], sin[position * half + i]);
    let a = (0..half).map(|i| first[i] * angle(i).0 - second[i] * angle(i).1);
    let b = (0..half).map(|i| second[i] * angle(i).0 + first[i] * angle(i).1);
    a.chain(b).collect()
}
