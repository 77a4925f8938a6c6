//! The only place that reads numbers back from the device. A read waits for everything queued
//! before it, so each one is deliberate: a report, an evaluation, a checkpoint, an answer.

use crate::error::{Error, Result};
use burn::tensor::{Tensor, Transaction};

/// Reads flat arrays back in one transfer.
///
/// # Errors
/// Returns an error if the device is lost.
pub async fn read_groups(tensors: &[Tensor<1>]) -> Result<Vec<Vec<f32>>> {
    let transaction = tensors.iter().fold(Transaction::default(), |t, tensor| {
        t.register(tensor.clone())
    });
    let data = transaction
        .execute_async()
        .await
        .map_err(|error| Error::Device {
            message: error.to_string(),
        })?;
    data.into_iter()
        .map(|data| {
            data.try_into_vec::<f32>().map_err(|error| Error::Device {
                message: format!("{error:?}"),
            })
        })
        .collect()
}

/// Reads a tensor of any rank back, in row-major order.
///
/// # Errors
/// Returns an error if the device is lost.
pub async fn read<const R: usize>(tensor: Tensor<R>) -> Result<Vec<f32>> {
    let n = tensor.dims().iter().product::<usize>();
    Ok(read_groups(&[tensor.reshape([n])]).await?.remove(0))
}

/// Returns the `k` highest scores among the allowed indices, best first; ties go to the smaller
/// index.
pub(crate) fn best(scores: &[f32], k: usize, allowed: impl Fn(usize) -> bool) -> Vec<(usize, f64)> {
    let mut ranked: Vec<usize> = (0..scores.len()).filter(|&i| allowed(i)).collect();
    ranked.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    ranked
        .into_iter()
        .take(k)
        .map(|i| (i, f64::from(scores[i])))
        .collect()
}
