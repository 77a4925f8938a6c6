//! Forward passes over held-out batches. Sums stay on the device until the end; one read fetches them.

use super::batch::DeviceBatch;
use crate::kernels::{RowTargets, cross_entropy_sums};
use crate::model::{ModelConfig, Network, ParamTensors};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};

/// Adds one batch to the masked-LM sums `[6]` (cross-entropy in nats, right guesses, guesses; the same three of
/// next-sentence prediction, zeros where it is not learned) and gives the new sums.
pub fn evaluate_masked_lm(
    config: &ModelConfig,
    params: &ParamTensors,
    batch: &DeviceBatch,
    sums: Option<Tensor<1>>,
    device: &Device,
) -> Tensor<1> {
    let model = Network::new(config, params);
    let encoded = model.encode(batch.input());
    let guesses = batch.guesses();
    let logits = model.masked_lm(&encoded, &guesses.positions); // [M, V]
    let truth = RowTargets {
        targets: guesses.targets.clone(),
        weights: guesses.weights.clone(),
        total: 1.0,
    };
    let count = Tensor::<1>::from_data(TensorData::new(vec![guesses.count], [1]), device);
    let guesses = [cross_entropy_sums(logits, truth), count];
    let pairs = match batch.next_sentence() {
        Some(truth) => next_sentence_sums(model.next_sentence(&encoded), truth, batch),
        None => std::array::from_fn(|_| Tensor::zeros([1], device)),
    };
    let batch_sums = Tensor::cat(guesses.into_iter().chain(pairs).collect(), 0); // [6]
    if let Some(sums) = sums {
        sums + batch_sums
    } else {
        batch_sums
    }
}

/// Cross-entropy, right answers and pairs of a batch with the logits `[B, 2]` and the one-hot `truth` `[B, 2]`.
fn next_sentence_sums(logits: Tensor<2>, truth: Tensor<2>, batch: &DeviceBatch) -> [Tensor<1>; 3] {
    let weights = batch.row_weights.clone(); // [B]
    let rows = weights.dims()[0];
    let loss = (log_softmax(logits.clone(), 1) * truth.clone())
        .sum_dim(1)
        .neg()
        .reshape([rows]);
    let right = logits
        .argmax(1)
        .equal(truth.argmax(1))
        .float()
        .reshape([rows]);
    [
        (loss * weights.clone()).sum(),
        (right * weights.clone()).sum(),
        weights.sum(),
    ]
}

/// A classifier's logits `[B, C]` on one batch.
pub fn classify(config: &ModelConfig, params: &ParamTensors, batch: &DeviceBatch) -> Tensor<2> {
    let model = Network::new(config, params);
    let encoded = model.encode(batch.input());
    model.classify(&encoded)
}
