//! A helper: computes shares of batches for a session in another worker.

use super::computer::{GradientComputer, GradientSetup};
use crate::data::examples::BatchPart;
use crate::error::Result;
use crate::session::read::read_groups;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// A share of a batch; the parameters accompany it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    /// What to compute from now on; `None`: the same as before.
    pub setup: Option<GradientSetup>,
    /// Consecutive parts of the batch, a power of two of them.
    pub parts: Vec<BatchPart>,
    /// Seed of the dropout masks.
    pub seed: u64,
}

/// Computes gradients for a session. It holds no data besides the setup.
#[derive(Default)]
pub struct Helper {
    computer: Option<GradientComputer>,
}

impl Helper {
    /// Computes the gradients that `job` asks for at `parameters`, one flat array per group.
    /// Returns the arrays that [`crate::session::Host::job_result`] passes to the session.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    ///
    /// # Panics
    /// If the job is unreadable or precedes any setup, which is a bug in the session.
    pub async fn compute(&mut self, job: &str, parameters: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>> {
        let job: Job = serde_json::from_str(job).expect("a session sends jobs");
        if let Some(setup) = job.setup {
            self.computer = Some(GradientComputer::new(setup, &Device::flex()));
        }
        let computer = self.computer.as_ref().expect("the first job has a setup");
        let groups: Vec<Tensor<1>> = parameters
            .into_iter()
            .map(|values| {
                let n = values.len();
                Tensor::from_data(TensorData::new(values, [n]), &computer.device)
            })
            .collect();
        let gradients = computer.compute(&groups, &job.parts, job.seed);
        read_groups(&computer.encode(gradients)).await
    }
}
