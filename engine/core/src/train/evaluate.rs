//! Forward passes over held-out batches. Sums stay on the device and are read back once, at the
//! end.

use super::batch::DeviceBatch;
use crate::kernels::{RowTargets, cross_entropy_sums};
use crate::model::{ModelConfig, Network, ParamTensors};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};

/// Adds one batch to the evaluation sums and returns them, `[6]`: masked-LM cross-entropy in nats,
/// correct predictions, number of predictions, and the same three for next-sentence prediction
/// (zeros without that task).
pub fn evaluate_masked_lm(
    config: &ModelConfig,
    params: &ParamTensors,
    batch: &DeviceBatch,
    sums: Option<Tensor<1>>,
    device: &Device,
) -> Tensor<1> {
    let model = Network::new(config, params);
    let encoded = model.encode(batch.input());
    let masked = batch.guesses();
    let logits = model.masked_lm(&encoded, &masked.positions); // [M, V]
    let truth = RowTargets {
        targets: masked.targets.clone(),
        weights: masked.weights.clone(),
        total: 1.0,
    };
    let count = Tensor::<1>::from_data(TensorData::new(vec![masked.count], [1]), device);
    let masked_lm = [cross_entropy_sums(logits, truth), count];
    let pairs = match batch.next_sentence() {
        Some(truth) => next_sentence_sums(model.next_sentence(&encoded), truth, batch),
        None => std::array::from_fn(|_| Tensor::zeros([1], device)),
    };
    let batch_sums = Tensor::cat(masked_lm.into_iter().chain(pairs).collect(), 0); // [6]
    if let Some(sums) = sums {
        sums + batch_sums
    } else {
        batch_sums
    }
}

/// Returns the cross-entropy in nats, the number of correct predictions and the number of pairs of
/// a batch, from the logits `[B, 2]` and the one-hot targets `truth` `[B, 2]`.
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

/// Returns a classifier's logits `[B, C]` for one batch.
pub fn classify(config: &ModelConfig, params: &ParamTensors, batch: &DeviceBatch) -> Tensor<2> {
    let model = Network::new(config, params);
    let encoded = model.encode(batch.input());
    model.classify(&encoded)
}
