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
