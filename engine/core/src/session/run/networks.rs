//! The networks of a run: they are trained one after another, each is kept at its best step, and a
//! stopped run leaves the best of them.

use super::Run;
use crate::error::Result;
use crate::session::Host;
use crate::session::run::clock::Clock;
use crate::session::run::snapshot::best::Best;
use crate::session::run::task::{Split, Task};
use crate::session::run::trainer::{Trainer, gradient_setup};
use protocol::message;

impl<H: Host, T: Task> Run<'_, H, T> {
    /// Stores the best parameters of the current network and starts the next one. Returns `false`
    /// if a stop arrived meanwhile.
    pub(super) async fn next_network(&mut self, clock: &mut Clock) -> Result<bool> {
        self.evaluate(Split::Valid, clock).await?;
        if self.control.stop_requested() {
            return Ok(false);
        }
        self.set_aside();
        self.at.elapsed_secs = clock.elapsed(self.control.host.now_secs());
        self.at.began_secs = self.at.elapsed_secs;
        let (number, total) = (self.at.networks.len() + 1, self.plan.networks);
        self.note(
            "next-network",
            message!(
                "training network {number} of {total}; the classifier averages them",
                number,
                total
            ),
        );
        let seed = self.network_seed();
        self.task.begin_network(self.at.networks.len(), seed);
        let setup = gradient_setup(&self.trainer, &self.task, &self.plan);
        self.gradients.set_setup(setup);
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

    /// Returns the seed of the current network; the first one has the seed of the run.
    pub(super) fn network_seed(&self) -> u64 {
        self.plan.seed.wrapping_add(self.at.networks.len() as u64)
    }

    /// Stores the current parameters as the best ones unless earlier ones scored higher; on a tie
    /// the later ones win, which have seen more.
    pub(super) fn remember(&mut self, score: f64) {
        if self.at.best.as_ref().is_some_and(|best| best.score > score) {
            return;
        }
        self.at.best = Some(self.present(score));
    }

    /// Returns the current parameters and thresholds, with their validation score.
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

    /// Stores the current network at its best step. Returns whether that is not the last one.
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

    /// Loads the best of the stored networks: what a stopped run leaves.
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

    /// Loads a stored network into the trainer.
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

    /// Restores the best parameters, with a notice, if they are not the last ones.
    fn recall(&mut self) -> bool {
        let Some(best) = self
            .at
            .best
            .take()
            .filter(|best| best.step != self.trainer.step())
        else {
            return false;
        };
        let message = message!(
            "keeping the weights from step {step} (best validation micro F1: {f1})",
            step = best.step,
            f1 = format!("{:.3}", best.score)
        );
        self.note("best-checkpoint", message);
        self.leave(best);
        true
    }
}
