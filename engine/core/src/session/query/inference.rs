//! Inference: predictions for masked tokens, labels of texts, and attention.

use crate::data::{Document, Tokenizer};
use crate::error::{Error, Result};
use crate::interop;
use crate::model::ProblemType;
use crate::session::checks::finite;
use crate::session::classifier::scored::UNTUNED_THRESHOLD;
use crate::session::host::{Host, ModelFiles};
use crate::session::loaded_model::LoadedModel;
use crate::session::query::document_scores::{averaged, problem_type};
use crate::session::query::evidence::evidence;
use crate::session::query::input::{
    BATCH_SIZE, Long, Row, document, enclosed, enclosed_or_pair, examples, padded,
};
use crate::session::query::preview::{self, RunStep, attend, single};
use crate::session::query::top_k::best;
use crate::session::read::read;
use crate::session::run::task::evaluation_model;
use crate::train::DeviceBatch;
use burn::tensor::Device;
use burn::tensor::activation::softmax;
use protocol::{
    Candidate, Command, Event, ExportFormat, LabelScore, MaskPrediction, VocabularyEntry, message,
};

/// Answers a query with an event, which also reports errors; `run_step` identifies the run that the
/// model belongs to.
pub async fn answer<H: Host>(
    host: &H,
    model: &LoadedModel,
    device: &Device,
    question: Command,
    run_step: RunStep<'_>,
) {
    let request = question.request();
    let event = match question {
        Command::Attend { request, text } => {
            match attend(model, device, &text, request, run_step).await {
                Ok((event, buffers)) => return host.emit_with(event, buffers),
                Err(error) => Err(error),
            }
        }
        Command::ExportModel { request, format } => {
            let files = model.to_files().await;
            match files.and_then(|files| exported(host, request, &files, format)) {
                Ok(()) => return,
                Err(error) => Err(error),
            }
        }
        Command::Tokenize { request, text } => Ok(tokenized(&model.tokenizer, request, &text)),
        Command::FillMask {
            request,
            text,
            top_k,
        } => fill_mask(model, device, &text, top_k)
            .await
            .map(|masks| Event::Guesses { request, masks }),
        Command::FillMasks {
            request,
            texts,
            top_k,
        } => {
            let guesses = fill_masks(model, device, &texts, top_k).await;
            guesses.map(|guesses| Event::FilledMasks {
                request,
                step: run_step.step,
                guesses,
            })
        }
        Command::Classify {
            request,
            text,
            top_k,
        } => {
            let (words, unseen) = unseen_words(model, &text);
            let labels = predict(
                model,
                device,
                &[text],
                (LabelSelection::Best(top_k), Long::Cut),
            )
            .await;
            labels.map(|mut labels| {
                let labels = labels.remove(0);
                let thresholds = of_labels(model, model.config.thresholds.as_deref(), &labels);
                let scales = model.config.threshold_scales.as_deref();
                let scaled = of_labels(model, scales, &labels)
                    .into_iter()
                    .map(|scale| scale * threshold(model));
                let cutoffs = scaled.collect();
                let threshold = threshold(model);
                Event::Classified {
                    request,
                    labels,
                    threshold,
                    cutoffs,
                    thresholds,
                    words,
                    unseen,
                }
            })
        }
        Command::Explain {
            request,
            text,
            label,
        } => evidence(model, device, &text, label.as_deref())
            .await
            .map(|evidence| evidence.event(request)),
        other => unreachable!("{other:?} is not a question to a model"),
    };
    host.emit(event.unwrap_or_else(|error| query_error(request, &error)));
}

/// Emits the answer to `ExportModel` or `ExportRun`: the files of a model as one file.
///
/// # Errors
/// Returns an error if the files are not a complete model.
pub fn exported(
    host: &impl Host,
    request: u64,
    files: &ModelFiles,
    format: ExportFormat,
) -> Result<()> {
    let (extension, bytes) = match format {
        ExportFormat::Zip => ("zip", interop::zip_write(EXPORT_NAME, files)),
        ExportFormat::Html => {
            let halved = interop::half_precision(files)?;
            let page = interop::web_page(None, halved.as_ref().unwrap_or(files))?;
            ("html", page.into_bytes())
        }
    };
    let name = format!("{EXPORT_NAME}.{extension}");
    host.emit_with(Event::Exported { request, name }, vec![bytes]);
    Ok(())
}

/// Name of an exported model without its extension, and of the folder in an archive.
const EXPORT_NAME: &str = "clozelab-model";

/// Returns the answer to `Tokenize`; literal special tokens in `text` are recognised.
pub fn tokenized(tokenizer: &Tokenizer, request: u64, text: &str) -> Event {
    let ids = tokenizer.encode_with_specials(text).ids;
    let count = ids.len() as u64;
    let tokens = ids
        .into_iter()
        .take(SHOWN_TOKENS)
        .map(|id| entry(tokenizer, id))
        .collect();
    Event::Tokenized {
        request,
        tokens,
        count,
    }
}

/// Maximum number of tokens shown of a typed text.
const SHOWN_TOKENS: usize = 512;

/// Returns the vocabulary entry of a token.
pub fn entry(tokenizer: &Tokenizer, id: u32) -> VocabularyEntry {
    let count = tokenizer.counts().get(id as usize).copied().unwrap_or(0);
    VocabularyEntry {
        id: u64::from(id),
        token: tokenizer.token(id).into(),
        count,
    }
}

/// Returns the event for a run that failed.
pub fn failed(run: &str, error: &Error) -> Event {
    let (code, message, hint) = (error.code().into(), error.message(), error.hint());
    Event::Failed {
        run: run.into(),
        code,
        message,
        hint,
        request: None,
    }
}

/// Returns the event for a query that failed.
pub fn query_error(request: Option<u64>, error: &Error) -> Event {
    let (code, message, hint) = (error.code().into(), error.message(), error.hint());
    Event::Failed {
        run: String::new(),
        code,
        message,
        hint,
        request,
    }
}

/// Returns the decision threshold of a model: the probability from which a label is predicted.
pub fn threshold(model: &LoadedModel) -> f64 {
    match model.config.problem_type {
        Some(ProblemType::SingleLabelClassification) => 0.0,
        _ => model.config.threshold.unwrap_or(UNTUNED_THRESHOLD),
    }
}

/// Returns the decision threshold of one label.
pub fn threshold_of(model: &LoadedModel, label: usize) -> f64 {
    let scale = model
        .config
        .threshold_scales
        .as_ref()
        .and_then(|scales| scales.get(label).copied());
    threshold(model) * scale.unwrap_or(1.0)
}

/// Returns those of `numbers` `[C]` that belong to these labels, in their order; empty without
/// numbers.
fn of_labels(model: &LoadedModel, numbers: Option<&[f64]>, labels: &[LabelScore]) -> Vec<f64> {
    let Some(numbers) = numbers else {
        return Vec::new();
    };
    let place = |label: &LabelScore| {
        model
            .config
            .labels
            .iter()
            .position(|name| *name == label.label)
    };
    labels
        .iter()
        .filter_map(|label| numbers.get(place(label)?).copied())
        .collect()
}

/// Predicts the `top_k` tokens for each `[MASK]` of `text`.
///
/// # Errors
/// Returns an error if the model has no masked-LM head, or the text has no `[MASK]` or is too long.
pub async fn fill_mask(
    model: &LoadedModel,
    device: &Device,
    text: &str,
    top_k: usize,
) -> Result<Vec<MaskPrediction>> {
    model.require_masked_lm()?;
    let ids = enclosed(model, text)?;
    let mask = model.tokenizer.specials().mask;
    let positions: Vec<i32> = (0..ids.len())
        .filter(|&i| ids[i] == mask)
        .map(|i| i as i32)
        .collect();
    if positions.is_empty() {
        let message = message!("the text has no [MASK]");
        return Err(Error::input(
            "no-mask",
            message,
            message!("Replace the word to predict with [MASK]."),
        ));
    }
    let mut batch = single(&model.tokenizer, &ids, ids.len());
    batch.masked_weights = vec![1.0; positions.len()];
    batch.masked_targets = vec![0; positions.len()];
    batch.masked_positions = positions.clone();
    let batch = DeviceBatch::upload(&batch, &model.config, device);
    let params = model.params(device);
    let forward = evaluation_model(&model.config, &params);
    let logits = forward.masked_lm(&forward.encode(batch.input()), &batch.guesses().positions);
    let scores = finite(read(softmax(logits, 1)).await?)?;
    let guess = |(position, row): (&i32, &[f32])| MaskPrediction {
        position: *position as u64,
        candidates: candidates(model, row, top_k),
    };
    Ok(positions
        .iter()
        .zip(scores.chunks(model.config.vocab_size))
        .map(guess)
        .collect())
}

/// Predicts the `top_k` tokens for the one `[MASK]` of each of `texts`, in one batch.
///
/// # Errors
/// Returns an error if the model has no masked-LM head, or a text has no or several `[MASK]`s or is
/// too long.
async fn fill_masks(
    model: &LoadedModel,
    device: &Device,
    texts: &[String],
    top_k: usize,
) -> Result<Vec<Vec<Candidate>>> {
    model.require_masked_lm()?;
    let mask = model.tokenizer.specials().mask;
    let rows = texts
        .iter()
        .map(|text| Ok((enclosed(model, text)?, 0)))
        .collect::<Result<Vec<Row>>>()?;
    let mut batch = padded(model, &rows);
    for (row, (ids, _)) in rows.iter().enumerate() {
        let places: Vec<usize> = (0..ids.len()).filter(|&place| ids[place] == mask).collect();
        let [place] = places[..] else {
            let message = message!(
                "a text has {count} [MASK] tokens, but it must have exactly one",
                count = places.len()
            );
            return Err(Error::input(
                "no-mask",
                message,
                message!("Replace one word of each text with [MASK]."),
            ));
        };
        batch
            .masked_positions
            .push((row * batch.max_len + place) as i32);
    }
    batch.masked_weights = vec![1.0; rows.len()];
    batch.masked_targets = vec![0; rows.len()];
    let batch = DeviceBatch::upload(&batch, &model.config, device);
    let params = model.params(device);
    let forward = evaluation_model(&model.config, &params);
    let logits = forward.masked_lm(&forward.encode(batch.input()), &batch.guesses().positions);
    let scores = finite(read(softmax(logits, 1)).await?)?;
    Ok(scores
        .chunks(model.config.vocab_size)
        .map(|row| candidates(model, row, top_k))
        .collect())
}

/// Returns the `top_k` most probable tokens that are text.
fn candidates(model: &LoadedModel, scores: &[f32], top_k: usize) -> Vec<Candidate> {
    let best = best(scores, top_k, |id| model.tokenizer.is_text(id as u32)).into_iter();
    best.map(|(id, score)| Candidate {
        token: model.tokenizer.token(id as u32).into(),
        score,
    })
    .collect()
}

/// Which labels of a text are returned, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelSelection {
    /// This many of the best ones, whatever their scores.
    Best(usize),
    /// The predicted ones: the best one and, in multi-label models, all others that pass the
    /// threshold.
    Given {
        /// Whether each label has its own threshold, if the model has them.
        own_thresholds: bool,
    },
}

/// Returns the labels of each text, best first. A text without tokens gets none; a tab separates
/// the two texts of a pair.
///
/// # Errors
/// Returns an error if the model is not a classifier.
pub async fn predict(
    model: &LoadedModel,
    device: &Device,
    texts: &[String],
    (selection, long): (LabelSelection, Long),
) -> Result<Vec<Vec<LabelScore>>> {
    let problem = problem_type(model)?;
    let networks = model.networks(device);
    let mut out = Vec::with_capacity(texts.len());
    for texts in texts.chunks(BATCH_SIZE) {
        let documents: Vec<Document> = texts.iter().map(|text| document(text)).collect();
        let windows: Vec<Vec<Row>> = documents
            .iter()
            .map(|document| examples(model, document, long))
            .collect();
        let scores = averaged(model, &networks, &windows, &documents, device).await?;
        for (rows, scores) in windows.iter().zip(scores) {
            let raw = scores.raw;
            let scores: Vec<f32> = finite(scores.probabilities)?
                .into_iter()
                .map(|p| p as f32)
                .collect();
            let limit = if rows[0].0.len() > 2 { usize::MAX } else { 0 };
            let ranked = match selection {
                LabelSelection::Best(top_k) => best(&scores, limit.min(top_k), |_| true),
                LabelSelection::Given { own_thresholds } => {
                    let own = model
                        .config
                        .thresholds
                        .as_deref()
                        .filter(|_| own_thresholds);
                    let from = |label| {
                        own.and_then(|own| own.get(label).copied())
                            .unwrap_or(threshold_of(model, label))
                    };
                    predicted(best(&scores, limit, |_| true), problem, from)
                }
            };
            let raw_of = |label: usize| raw.as_ref().map(|raw| raw[label]);
            let label = |(i, score): (usize, f64)| LabelScore {
                label: model.config.labels[i].clone(),
                score,
                raw: raw_of(i),
            };
            out.push(ranked.into_iter().map(label).collect());
        }
    }
    Ok(out)
}

/// Filters ranked labels to the predicted ones: the best one and, in multi-label models, those
/// whose probability is at least `from`.
fn predicted(
    mut ranked: Vec<(usize, f64)>,
    problem: ProblemType,
    from: impl Fn(usize) -> f64,
) -> Vec<(usize, f64)> {
    if problem == ProblemType::SingleLabelClassification {
        ranked.truncate(1);
    }
    let best = ranked.first().map(|best| best.0);
    ranked.retain(|&(label, score)| Some(label) == best || score >= from(label));
    ranked
}

/// Returns the tokens of `text` and the attention probabilities `[layer][head][query][key]`; rows
/// sum to 1.
///
/// # Errors
/// Returns an error if the text is longer than the model's positions.
pub async fn attention(
    model: &LoadedModel,
    device: &Device,
    text: &str,
) -> Result<(Vec<String>, Vec<Vec<Vec<Vec<f32>>>>)> {
    let (ids, second) = enclosed_or_pair(model, text)?;
    let t = ids.len();
    let (_, read) = preview::attention(model, device, &ids, second).await?;
    let rows = |head: &[f32]| head.chunks(t).map(<[f32]>::to_vec).collect();
    let layers = read
        .iter()
        .map(|layer| layer.chunks(t * t).map(rows).collect())
        .collect(); // each [H, T, T]
    Ok((preview::names(&model.tokenizer, &ids), layers))
}

/// Returns the number of distinct words of `text`, and those that occur in no training document of
/// the classifier; none if it does not store the words of its training documents.
pub fn unseen_words(model: &LoadedModel, text: &str) -> (u64, Vec<String>) {
    let linear = model
        .ensemble
        .as_ref()
        .and_then(|ensemble| ensemble.linear.as_ref());
    let (words, unseen) = linear
        .map(|part| part.linear.unseen_words(&document(text)))
        .unwrap_or_default();
    (words as u64, unseen)
}

#[cfg(test)]
mod tests;
