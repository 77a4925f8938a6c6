//! A classifier on a frozen encoder: each document passes through the encoder once, and the output
//! layer is fitted to the pooled vectors. This costs a small part of fine-tuning, and is all that a
//! small machine can do with a large imported model.

use crate::data::examples::LabelledExamples;
use crate::error::{Error, Result};
use crate::interop::{HostTensor, Weights};
use crate::linear::{Fit, OutputLayer};
use crate::model::{Heads, Layout, ModelConfig, Network, ParamTensors, ProblemType, specs};
use crate::session::classifier::classification::Classification;
use crate::session::classifier::folds::Folds;
use crate::session::classifier::portfolio::label_shares;
use crate::session::classifier::vote::{Outputs, Vote, vote};
use crate::session::loaded_model::{LoadedModel, starting_values};
use crate::session::read::read;
use crate::session::{Host, Session};
use crate::train::{DeviceBatch, Fusion, Logits};
use burn::tensor::{Tensor, TensorData};
use protocol::{Command, Event, Message, PartsKind, RunConfig, Setting, message};
use std::convert::Infallible;

/// Candidate SVM costs; one is selected on the validation set.
const COSTS: [f32; 3] = [0.3, 1.0, 4.0];
/// Maximum number of pooled values held in memory: the SVM takes eight bytes for each, and a wasm32
/// memory ends at 4 GiB.
const MAX_NUMBERS: usize = 100_000_000;
/// Seconds between two progress messages.
const SECS_BETWEEN_REPORTS: f64 = 5.0;

/// Whether only the output layer is fitted: on request, and for a sentence encoder unless a
/// training setting was given.
pub(crate) fn is_frozen(base: &LoadedModel, config: &RunConfig) -> bool {
    config
        .freeze
        .unwrap_or(base.sentence_encoder.is_some() && !sets_training(config))
}

/// Whether a training setting was given that has no effect on a frozen encoder.
pub(crate) fn sets_training(config: &RunConfig) -> bool {
    let RunConfig {
        steps,
        epochs,
        minutes,
        lr,
        ..
    } = config;
    steps.is_some() || epochs.is_some() || minutes.is_some() || lr.is_some()
}

/// The error for freezing an encoder with random weights.
pub(crate) fn nothing_to_freeze() -> Error {
    Error::input(
        "nothing-to-freeze",
        message!(
            "{freeze} needs a trained encoder, but this classifier starts from scratch",
            freeze = Setting::with_value("freeze", "true")
        ),
        message!(
            "Choose a pre-trained model with {from}, or leave {freeze} at its default.",
            from = Setting::named("from"),
            freeze = Setting::named("freeze")
        ),
    )
}

impl<H: Host> Session<H> {
    /// Warns about the parts of a sentence encoder's directory that are not supported.
    pub(crate) fn tell_sentence_encoder(&self, run: &str, base: &LoadedModel, config: &RunConfig) {
        let Some(encoder) = &base.sentence_encoder else {
            return;
        };
        if let Some(reason) = encoder
            .pooling
            .as_ref()
            .err()
            .filter(|_| config.pooling.is_none())
        {
            let message = message!(
                "this model's pooling is unknown ({reason}); using the mean over all tokens",
                reason
            );
            self.warn(run, "unknown-pooling", message);
        }
        if !encoder.passed_over.is_empty() {
            let modules = encoder.passed_over.join(", ");
            self.warn(
                run,
                "modules-passed-over",
                message!("ignored modules of this model: {modules}", modules),
            );
        }
    }

    /// Fits the output layer of a classifier with configuration `model` and the weights `source`,
    /// and returns its tensors by name; `None` if it was stopped.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    pub(crate) async fn frozen_head(
        &mut self,
        run: &str,
        (model, source): (&ModelConfig, &Weights),
        task: &mut Classification,
        seed: u64,
    ) -> Result<Option<Weights>> {
        let layout = Layout::new(specs(model, Heads::CLASSIFIER));
        let width = layout_width(&layout, model.labels.len());
        let valid = task.valid.as_ref().map_or(0, |valid| valid.truth().len());
        check_room(task.train.documents().len() + valid, width)?;
        let (groups, _) = starting_values(&layout, seed, source);
        let upload = |values: Vec<f32>| {
            let length = values.len();
            Tensor::from_data(TensorData::new(values, [length]), &self.device)
        };
        let groups: Vec<Tensor<1>> = groups.into_iter().map(upload).collect();
        let params = layout.params(&groups, &self.device);
        let Some(train) = self.pooled(run, model, &params, &task.train).await? else {
            return Ok(None);
        };
        let valid = match &task.valid {
            None => None,
            Some(valid) => match self.pooled(run, model, &params, &valid.examples).await? {
                None => return Ok(None),
                some => some,
            },
        };
        let classes = model.labels.len();
        let truth = task.train.documents().labels();
        let balanced = task.balanced_class_weights;
        let documents = Documents {
            vectors: &train,
            width,
            truth,
            classes,
            balanced,
            seed,
        };
        if let Some(cross_validation) = &mut task.cross_validation {
            let mut candidates = Vec::new();
            for cost in COSTS {
                if !self
                    .should_continue(run, message!("fitting the output layer"))
                    .await
                {
                    return Ok(None);
                }
                candidates.push((cost, documents.out_of_fold(&cross_validation.folds, cost)));
            }
            let (fusion, cost, outputs) = best_by_vote(candidates, truth, (model, truth));
            cross_validation.outputs = Some(rescaled(outputs, &fusion));
            let layer = documents
                .fit(cost)
                .rescaled(fusion.weights[0] as f32, fusion.bias as f32);
            return Ok(Some(named(layer, classes, width)));
        }
        let layer = match (&mut task.valid, valid) {
            (Some(valid), Some(vectors)) => {
                let mut candidates = Vec::new();
                for cost in COSTS {
                    if !self
                        .should_continue(run, message!("fitting the output layer"))
                        .await
                    {
                        return Ok(None);
                    }
                    let layer = documents.fit(cost);
                    let outputs = layer.outputs(&vectors);
                    candidates.push((layer, outputs));
                }
                let (fusion, layer, outputs) =
                    best_by_vote(candidates, valid.truth(), (model, truth));
                valid.known = Some(rescaled(outputs, &fusion));
                layer.rescaled(fusion.weights[0] as f32, fusion.bias as f32)
            }
            _ => documents.fit(COSTS[1]),
        };
        Ok(Some(named(layer, classes, width)))
    }

    /// Computes the pooled vector of each document, `[N, F]`; `None` if it was stopped.
    async fn pooled(
        &mut self,
        run: &str,
        model: &ModelConfig,
        params: &ParamTensors,
        examples: &LabelledExamples,
    ) -> Result<Option<Vec<f32>>> {
        let network = Network::new(model, params);
        let all = examples.documents().len();
        let (mut vectors, mut done) = (Vec::new(), 0);
        // Report progress after the first batch, whatever the interval.
        let mut last_report_secs = f64::NEG_INFINITY;
        for (places, batch) in examples.by_length() {
            let batch = DeviceBatch::upload(&batch, model, &self.device);
            let pooled = network.pool(&network.encode(batch.input())); // [B, F]
            let width = pooled.dims()[1];
            vectors.resize(all * width, 0.0);
            done += places.len();
            for (place, row) in places.into_iter().zip(read(pooled).await?.chunks(width)) {
                vectors[place * width..][..width].copy_from_slice(row);
            }
            let now = self.host.now_secs();
            let message = message!(
                "the frozen encoder has encoded {done} of {all} documents",
                done,
                all
            );
            let is_due = now - last_report_secs >= SECS_BETWEEN_REPORTS;
            last_report_secs = if is_due { now } else { last_report_secs };
            if !self
                .should_continue(run, if is_due { message } else { Message::default() })
                .await
            {
                return Ok(None);
            }
        }
        Ok(Some(vectors))
    }

    /// Emits `message` unless it is empty, yields to the platform, and returns whether no stop has
    /// arrived.
    async fn should_continue(&mut self, run: &str, message: Message) -> bool {
        if !message.is_empty() {
            self.host.emit(Event::Compiling {
                run: run.into(),
                message,
            });
        }
        self.deferred.extend(self.host.yield_now().await);
        !self.deferred.contains(&Command::Stop)
    }
}

/// Checks that `documents` vectors of `width` values fit into memory.
fn check_room(documents: usize, width: usize) -> Result<()> {
    let numbers = documents.saturating_mul(width);
    if numbers <= MAX_NUMBERS {
        return Ok(());
    }
    let message = message!(
        "a frozen encoder keeps one vector per document in memory, and {documents} vectors of {width} numbers are too many",
        documents,
        width
    );
    let hint = message!(
        "Use {limit} or less, or {freeze}.",
        limit = Setting::with_value("limit", MAX_NUMBERS / width.max(1)),
        freeze = Setting::with_value("freeze", "false")
    );
    Err(Error::input("too-many-frozen", message, hint))
}

/// Returns the input width of the output layer, `F`.
fn layout_width(layout: &Layout, classes: usize) -> usize {
    let weight = layout
        .specs
        .iter()
        .find(|spec| spec.name == "classifier.weight")
        .expect("a classifier has one");
    weight.len() / classes
}

/// Returns the layer as named tensors of a model.
fn named(layer: OutputLayer, classes: usize, width: usize) -> Weights {
    let weight = HostTensor {
        shape: vec![classes, width],
        data: layer.weight,
    };
    let bias = HostTensor {
        shape: vec![classes],
        data: layer.bias,
    };
    [
        ("classifier.weight".into(), weight),
        ("classifier.bias".into(), bias),
    ]
    .into()
}

/// Documents as vectors of the frozen encoder.
struct Documents<'a> {
    /// Pooled vectors, `[N, F]`.
    vectors: &'a [f32],
    /// Vector width, `F`.
    width: usize,
    /// True labels of each document.
    truth: &'a [Vec<usize>],
    classes: usize,
    balanced: bool,
    seed: u64,
}

impl Documents<'_> {
    /// Fits an output layer to all documents.
    fn fit(&self, cost: f32) -> OutputLayer {
        let fit = Fit {
            cost,
            balanced: self.balanced,
            seed: self.seed,
        };
        OutputLayer::learn(self.vectors, self.width, self.truth, self.classes, fit)
    }

    /// Computes the outputs for each document by layers fitted to the other folds, `[N][C]`.
    fn out_of_fold(&self, folds: &Folds, cost: f32) -> Logits {
        let vectors_at = |places: &[usize]| -> Vec<f32> {
            places
                .iter()
                .flat_map(|place| {
                    self.vectors[place * self.width..][..self.width]
                        .iter()
                        .copied()
                })
                .collect()
        };
        let of_fold = |fold: usize| {
            let (inside, others) = (
                vectors_at(&folds.places(fold, true)),
                folds.places(fold, false),
            );
            let truth: Vec<Vec<usize>> = others
                .iter()
                .map(|place| self.truth[*place].clone())
                .collect();
            let vectors = vectors_at(&others);
            Ok::<_, Infallible>(
                Documents {
                    vectors: &vectors,
                    truth: &truth,
                    ..*self
                }
                .fit(cost)
                .outputs(&inside),
            )
        };
        match folds.gather(of_fold) {
            Ok(outputs) => outputs,
            Err(never) => match never {},
        }
    }
}

/// Scales outputs to calibrated log odds.
fn rescaled(outputs: Logits, fusion: &Fusion) -> Logits {
    let (weight, bias) = (fusion.weights[0] as f32, fusion.bias as f32);
    outputs
        .into_iter()
        .map(|row| row.into_iter().map(|x| x * weight + bias).collect())
        .collect()
}

/// Selects, of several candidates with their outputs for labelled documents, the one with the best
/// mean F1. Returns its calibration, the candidate, and its outputs.
fn best_by_vote<T>(
    candidates: Vec<(T, Logits)>,
    truth: &[Vec<usize>],
    (model, train_truth): (&ModelConfig, &[Vec<usize>]),
) -> (Fusion, T, Logits) {
    let problem = model.problem_type.expect("a classifier has one");
    // Single-label outputs are adjusted for rare labels later, when all parts are fused.
    let shares = match problem {
        ProblemType::MultiLabelClassification => label_shares(train_truth, model.labels.len()),
        ProblemType::SingleLabelClassification => Vec::new(),
    };
    let mut best: Option<(Vote, T, Logits)> = None;
    for (candidate, outputs) in candidates {
        let networks = [outputs];
        let voters = Outputs {
            networks: &networks,
            margins: None,
            truth,
            labels: &model.labels,
            problem,
            shares: &shares,
        };
        let vote = vote(&voters, Some(PartsKind::One));
        let [outputs] = networks;
        if best
            .as_ref()
            .is_none_or(|(best, ..)| vote.mean_f1 > best.mean_f1)
        {
            best = Some((vote, candidate, outputs));
        }
    }
    let (vote, candidate, outputs) = best.expect("there is a candidate");
    (vote.fusion, candidate, outputs)
}
