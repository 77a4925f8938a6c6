//! Data parallelism in the browser, whose engine has one thread per worker. A batch is divided into
//! a fixed number of parts, helpers compute the gradients of some of them, and the gradients are
//! added pairwise in a fixed order. The results of a run therefore do not depend on the number of
//! helpers.

mod computer;
mod helper;
mod sharing;

pub use helper::Helper;

use crate::data::examples::{Batch, BatchPart};
use crate::error::Result;
use crate::session::Host;
use crate::session::read::read_groups;
use crate::train::LossGradients;
use burn::tensor::{Device, Tensor};
use computer::GradientComputer;
pub(crate) use computer::GradientSetup;
use helper::Job;
use sharing::Sharing;

/// Minimum tokens in a part. Smaller batches are not divided, since the exchange of parameters and
/// gradients would take a large part of a step.
const MIN_PART_TOKENS: usize = 128;

/// Maximum number of parameters. Up to three sets of gradients are in memory at a time, and each
/// helper holds the parameters and its own gradients.
const MAX_PARAMETERS: usize = 20_000_000;

/// Seconds to wait for a helper, at least, and per second that the session's own share took.
const MIN_WAIT_SECS: f64 = 60.0;
const WAIT_FACTOR: f64 = 20.0;

/// Returns the number of parts of batches of `[B, T]` for a model with this number of `parameters`,
/// on a platform that divides batches into `parts`.
pub(crate) fn batch_parts(parts: usize, [b, t]: [usize; 2], parameters: usize) -> usize {
    let is_large = b >= parts && b * t >= parts * MIN_PART_TOKENS;
    if is_large && parameters <= MAX_PARAMETERS {
        parts
    } else {
        1
    }
}

/// The parts of a batch that a helper computes.
struct Share<'a> {
    /// Id of the helper.
    helper: usize,
    parts: &'a [BatchPart],
}

/// Computes the gradients of batches, with helpers where the platform has some.
pub(crate) struct BatchGradients {
    computer: GradientComputer,
    /// Number of parts of each batch, a power of two.
    parts: usize,
    /// Helpers that know the setup.
    informed: Vec<usize>,
    sharing: Sharing,
}

impl BatchGradients {
    /// Creates the computation of `setup` on `device`, in `parts` parts per batch.
    pub fn new(setup: GradientSetup, device: &Device, parts: usize) -> Self {
        assert!(parts.is_power_of_two(), "parts are added pairwise");
        Self {
            computer: GradientComputer::new(setup, device),
            parts,
            informed: Vec::new(),
            sharing: Sharing::default(),
        }
    }

    /// Changes what is computed, e.g. for the next network of a run.
    pub fn set_setup(&mut self, setup: GradientSetup) {
        self.computer = GradientComputer::new(setup, &self.computer.device);
        self.informed.clear();
    }

    /// Computes the gradients of `batch` at the parameters `groups`, `[n]` each; `seed` determines
    /// the dropout masks.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    pub async fn compute(
        &mut self,
        host: &impl Host,
        groups: &[Tensor<1>],
        batch: &Batch,
        seed: u64,
    ) -> Result<LossGradients> {
        let parts = batch.parts(self.parts);
        let helpers = if parts.len() > 1 {
            host.helpers()
        } else {
            Vec::new()
        };
        let begin = host.now_secs();
        let workers = self.sharing.workers(parts.len(), helpers.len());
        let (own, others) = parts.split_at(parts.len() / workers);
        let shares: Vec<Share> = helpers
            .into_iter()
            .zip(others.chunks(own.len()))
            .map(|(helper, parts)| Share { helper, parts })
            .collect();
        self.send(host, groups, &shares, seed).await?;
        let mut sums = PairwiseSum::default();
        sums.add(self.computer.compute(groups, own, seed));
        let limit_secs = MIN_WAIT_SECS + WAIT_FACTOR * (host.now_secs() - begin);
        for Share { helper, parts } in shares {
            let arrays = host.job_result(helper, limit_secs).await;
            let sum = arrays.and_then(|arrays| self.computer.decode(arrays));
            sums.add(sum.unwrap_or_else(|| {
                host.stop_helper(helper);
                self.computer.compute(groups, parts, seed)
            }));
        }
        self.sharing.record_secs(host.now_secs() - begin);
        Ok(sums.total())
    }

    /// Sends each helper its share of a batch.
    async fn send(
        &mut self,
        host: &impl Host,
        groups: &[Tensor<1>],
        shares: &[Share<'_>],
        seed: u64,
    ) -> Result<()> {
        if shares.is_empty() {
            return Ok(());
        }
        let parameters = read_groups(groups).await?;
        for &Share { helper, parts } in shares {
            let is_informed = self.informed.contains(&helper);
            let setup = (!is_informed).then(|| self.computer.setup.clone());
            let job = Job {
                setup,
                parts: parts.to_vec(),
                seed,
            };
            let text = serde_json::to_string(&job).expect("a job is plain data");
            host.send_job(helper, &text, &parameters);
            if !is_informed {
                self.informed.push(helper);
            }
        }
        Ok(())
    }
}

/// Adds the gradients of equal shares pairwise, as a tree does, and holds as few as possible.
#[derive(Default)]
struct PairwiseSum(Vec<Subtotal>);

/// The sum of some shares, a power of two of them.
struct Subtotal {
    shares: usize,
    gradients: LossGradients,
}

impl PairwiseSum {
    fn add(&mut self, gradients: LossGradients) {
        let mut new = Subtotal {
            shares: 1,
            gradients,
        };
        while let Some(last) = self.0.pop_if(|last| last.shares == new.shares) {
            new = Subtotal {
                shares: 2 * new.shares,
                gradients: last.gradients.plus(new.gradients),
            };
        }
        self.0.push(new);
    }

    fn total(mut self) -> LossGradients {
        let total = self.0.pop().expect("a batch has at least one share");
        assert!(self.0.is_empty(), "the shares are a power of two");
        total.gradients
    }
}
