//! A classifier on a frozen encoder: documents pass through it once, and the output layer is fitted to what it makes of them.
//! That costs a small part of fine-tuning, and is all that a large imported model allows on a small machine.

use super::classification::Classification;
use super::folds::Folds;
use super::portfolio::label_shares;
use super::read::read;
use super::scored::HeldOut;
use super::trained::starting_values;
use super::vote::{Outputs, Vote, vote};
use super::{Host, Session};
use crate::data::examples::LabelledExamples;
use crate::error::{Error, Result};
use crate::interop::{HostTensor, Weights};
use crate::linear::OutputLayer;
use crate::model::{Dropout, Heads, Layout, Leaves, ModelConfig, Network, specs};
use crate::train::{DeviceBatch, Fusion, Logits};
use burn::tensor::{Tensor, TensorData};
use protocol::{Command, Event, PartsKind};
use std::convert::Infallible;

/// Costs of an error that are tried; validation chooses.
const COSTS: [f32; 3] = [0.3, 1.0, 4.0];
/// Numbers that are kept of all documents: the SVM takes eight bytes for each, and a wasm memory ends at 4 GiB.
const MAX_NUMBERS: usize = 100_000_000;
/// Seconds between two lines on how far it is.
const SECS_BETWEEN_REPORTS: f64 = 5.0;

impl<H: Host> Session<H> {
    /// The output layer of a classifier of shape `model` whose other values are `source`, by the names of its tensors; `None`
    /// where a stop came first.
    ///
    /// # Errors
    /// When the device no longer answers.
    pub(super) async fn frozen_head(
        &mut self,
        run: &str,
        (model, source): (&ModelConfig, &Weights),
        task: &mut Classification,
        seed: u64,
    ) -> Result<Option<Weights>> {
        let layout = Layout::new(specs(model, Heads::CLASSIFIER));
        let width = layout_width(&layout, model.labels.len());
        check_room(task.train.documents().len(), width)?;
        let (groups, _) = starting_values(&layout, seed, source);
        let upload = |values: Vec<f32>| {
            let length = values.len();
            Tensor::from_data(TensorData::new(values, [length]), &self.device)
        };
        let groups: Vec<Tensor<1>> = groups.into_iter().map(upload).collect();
        let leaves = layout.leaves(&groups, &self.device);
        let Some(train) = self.pooled(run, model, &leaves, &task.train).await? else { return Ok(None) };
        let valid = match &task.valid {
            None => None,
            Some(valid) => match self.pooled(run, model, &leaves, &valid.examples).await? {
                None => return Ok(None),
                some => some,
            },
        };
        let classes = model.labels.len();
        let truth = task.train.documents().labels();
        if let Some(cross_validation) = &mut task.cross_validation {
            let all = (train.as_slice(), width, truth);
            let (layer, outputs) = cross_validated_layer(&cross_validation.folds, all, (model, seed));
            cross_validation.outputs = Some(outputs);
            return Ok(Some(named(layer, classes, width)));
        }
        let layer = match (&mut task.valid, valid) {
            (Some(valid), Some(vectors)) => {
                let layers = COSTS.map(|cost| OutputLayer::learn(&train, width, truth, classes, cost, seed));
                let layer = best_layer(layers, &vectors, valid, (model, truth));
                valid.known = Some(layer.outputs(&vectors));
                layer
            }
            _ => OutputLayer::learn(&train, width, truth, classes, COSTS[1], seed),
        };
        Ok(Some(named(layer, classes, width)))
    }

    /// What the encoder makes of each document, `[N, F]`; `None` where a stop came amid them.
    async fn pooled(
        &mut self,
        run: &str,
        model: &ModelConfig,
        leaves: &Leaves,
        examples: &LabelledExamples,
    ) -> Result<Option<Vec<f32>>> {
        let network = Network { config: model, leaves, dropout: Dropout::NONE };
        let all = examples.documents().len();
        let (mut vectors, mut done) = (Vec::new(), 0);
        let mut told = self.host.now_secs();
        for (places, batch) in examples.by_length() {
            let batch = DeviceBatch::upload(&batch, model, &self.device);
            let pooled = network.pool(&network.encode(batch.input()));
            let width = pooled.dims()[1];
            vectors.resize(all * width, 0.0);
            done += places.len();
            for (place, row) in places.into_iter().zip(read(pooled).await?.chunks(width)) {
                vectors[place * width..][..width].copy_from_slice(row);
            }
            self.deferred.extend(self.host.breathe().await);
            if self.deferred.contains(&Command::Stop) {
                return Ok(None);
            }
            let now = self.host.now_secs();
            if now - told >= SECS_BETWEEN_REPORTS {
                told = now;
                let message = format!("the frozen encoder has read {done} of {all} documents");
                self.host.emit(Event::Compiling { run: run.into(), message }, Vec::new());
            }
        }
        Ok(Some(vectors))
    }
}

/// Refuses more documents than fit into memory, each as `width` numbers.
fn check_room(documents: usize, width: usize) -> Result<()> {
    let numbers = documents.saturating_mul(width);
    if numbers <= MAX_NUMBERS {
        return Ok(());
    }
    let message =
        format!("a frozen encoder would have to keep {documents} documents in memory, each as {width} numbers");
    let hint = format!("Use --limit {} or less, or fine-tune with --freeze false.", MAX_NUMBERS / width.max(1));
    Err(Error::input("too-many-frozen", message, hint))
}

/// Numbers per text that the output layer reads.
fn layout_width(layout: &Layout, classes: usize) -> usize {
    let weight = layout.specs.iter().find(|spec| spec.name == "classifier.weight").expect("a classifier has one");
    weight.len() / classes
}

/// The layer as the tensors of a model.
fn named(layer: OutputLayer, classes: usize, width: usize) -> Weights {
    let weight = HostTensor { shape: vec![classes, width], data: layer.weight };
    let bias = HostTensor { shape: vec![classes], data: layer.bias };
    [("classifier.weight".into(), weight), ("classifier.bias".into(), bias)].into()
}

/// A layer that is fitted to all documents, and what layers that are fitted to the other folds make of each of them.
fn cross_validated_layer(
    folds: &Folds,
    (vectors, width, truth): (&[f32], usize, &[Vec<usize>]),
    (model, seed): (&ModelConfig, u64),
) -> (OutputLayer, Logits) {
    let classes = model.labels.len();
    let of_cost = |cost: f32| {
        let of_fold = |fold: usize| {
            let vectors_of = |places: &[usize]| -> Vec<f32> {
                places.iter().flat_map(|place| vectors[place * width..][..width].iter().copied()).collect()
            };
            let (inside, others) = (folds.places(fold, true), folds.places(fold, false));
            let labels: Vec<Vec<usize>> = others.iter().map(|place| truth[*place].clone()).collect();
            let layer = OutputLayer::learn(&vectors_of(&others), width, &labels, classes, cost, seed);
            Ok::<_, Infallible>(layer.outputs(&vectors_of(&inside)))
        };
        match folds.gather(of_fold) {
            Ok(outputs) => (cost, outputs),
            Err(never) => match never {},
        }
    };
    let (vote, cost, outputs) = best_by_vote(COSTS.map(of_cost).into(), truth, (model, truth));
    let Fusion { weights, bias } = vote.fusion;
    let layer = OutputLayer::learn(vectors, width, truth, classes, cost, seed);
    let rescaled =
        outputs.into_iter().map(|row| row.into_iter().map(|x| x * weights[0] as f32 + bias as f32).collect());
    (layer.rescaled(weights[0] as f32, bias as f32), rescaled.collect())
}

/// Of several candidates with their outputs for documents of known labels, the one with the best mean F1.
fn best_by_vote<T>(
    candidates: Vec<(T, Logits)>,
    truth: &[Vec<usize>],
    (model, train_truth): (&ModelConfig, &[Vec<usize>]),
) -> (Vote, T, Logits) {
    let problem = model.problem_type.expect("a classifier has one");
    let shares = label_shares(train_truth, model.labels.len());
    let voted = candidates.into_iter().map(|(candidate, outputs)| {
        let networks = [outputs];
        let voters =
            Outputs { networks: &networks, margins: None, truth, labels: &model.labels, problem, shares: &shares };
        let vote = vote(&voters, Some(PartsKind::One));
        let [outputs] = networks;
        (vote, candidate, outputs)
    });
    let better =
        |best: (Vote, T, Logits), next: (Vote, T, Logits)| if next.0.mean_f1 > best.0.mean_f1 { next } else { best };
    voted.reduce(better).expect("there is a candidate")
}

/// The layer that validation prefers, with outputs that are log odds there.
fn best_layer<const N: usize>(
    layers: [OutputLayer; N],
    vectors: &[f32],
    valid: &HeldOut,
    (model, train_truth): (&ModelConfig, &[Vec<usize>]),
) -> OutputLayer {
    let candidates: Vec<(OutputLayer, Logits)> =
        layers.into_iter().map(|layer| (layer.clone(), layer.outputs(vectors))).collect();
    let (vote, layer, _) = best_by_vote(candidates, valid.truth(), (model, train_truth));
    let Fusion { weights, bias } = vote.fusion;
    layer.rescaled(weights[0] as f32, bias as f32)
}
