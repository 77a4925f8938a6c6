//! The networks of a run: each at its best, one after another, and which of them a run that was stopped leaves.

use super::Run;
use crate::error::Result;
use crate::session::Host;
use crate::session::clock::Clock;
use crate::session::task::{Split, Task};
use crate::session::train_progress::Best;
use crate::session::trainer::Trainer;

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Sets the best values of the present network aside and starts another one; `false` where the host said stop amid it.
    pub(super) async fn next_network(&mut self, clock: &mut Clock) -> Result<bool> {
        self.evaluate(Split::Valid, clock).await?;
        if self.control.stop_requested() {
            return Ok(false);
        }
        self.set_aside();
        self.at.elapsed_secs = clock.elapsed(self.control.host.now_secs());
        self.at.began_secs = self.at.elapsed_secs;
        let (number, all) = (self.at.networks.len() + 1, self.plan.networks);
        self.note(
            "next-network",
            format!("training network {number} of {all}; the classifier averages them"),
        );
        let seed = self.network_seed();
        self.task.begin_network(self.at.networks.len(), seed);
        let Trainer {
            model, optimizer, ..
        } = &self.trainer;
        let (groups, _) = self
            .beginning
            .values(model, &optimizer.layout, &self.task, seed);
        self.trainer.steps_before = self.trainer.step();
        self.trainer.values = self.trainer.optimizer.state_from(groups);
        Ok(true)
    }

    /// The seed of the present network: the run's for the first one.
    pub(super) fn network_seed(&self) -> u64 {
        self.plan.seed.wrapping_add(self.at.networks.len() as u64)
    }

    /// Keeps the present values where none were better; of equals the later ones, which saw more.
    pub(super) fn remember(&mut self, score: f64) {
        if self.at.best.as_ref().is_some_and(|best| best.score > score) {
            return;
        }
        self.at.best = Some(self.present(score));
    }

    /// The network as it is now, with its score on validation.
    fn present(&self, score: f64) -> Best {
        Best {
            score,
            step: self.trainer.step(),
            threshold: self.trainer.model.threshold,
            thresholds: self.trainer.model.thresholds.clone(),
            groups: self
                .trainer
                .values
                .groups
                .iter()
                .map(|group| group.p.clone())
                .collect(),
        }
    }

    /// Sets the present network aside at its best; whether that is not its last state.
    pub(super) fn set_aside(&mut self) -> bool {
        let last = self
            .scores
            .iter()
            .rfind(|score| score.split == Split::Valid)
            .map(|score| score.figures.micro_f1);
        let score = self
            .at
            .best
            .as_ref()
            .map(|best| best.score)
            .or(last)
            .unwrap_or(0.0);
        let recalled = self.recall();
        let present = self.present(score);
        self.at.networks.push(present);
        recalled
    }

    /// ParamTensors the best of the networks that were set aside: what a run that was stopped leaves.
    pub(super) fn leave_best_network(&mut self) {
        let networks = std::mem::take(&mut self.at.networks).into_iter();
        let best = networks.reduce(|best, network| {
            if network.score > best.score {
                network
            } else {
                best
            }
        });
        best.into_iter().for_each(|best| self.leave(best));
    }

    /// Makes a network that was set aside the present one.
    pub(super) fn leave(&mut self, network: Best) {
        self.trainer.model.threshold = network.threshold;
        self.trainer.model.thresholds = network.thresholds;
        self.trainer
            .values
            .groups
            .iter_mut()
            .zip(network.groups)
            .for_each(|(group, p)| group.p = p);
    }

    /// Goes back to the best values, where the last ones are not, and says so.
    fn recall(&mut self) -> bool {
        let Some(best) = self
            .at
            .best
            .take()
            .filter(|best| best.step != self.trainer.step())
        else {
            return false;
        };
        let message = format!(
            "the values of step {} are kept: their micro F1 on validation text, {:.3}, is the best of this run",
            best.step, best.score
        );
        self.note("best-checkpoint", message);
        self.leave(best);
        true
    }
}
