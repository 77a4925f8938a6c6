//! A run in plain words: what it is doing, what its loss means, how it ended.

use super::{Run, Stage};
use crate::wording::{counted, figure, percent};
use protocol::Phase;

impl Run {
    /// The last quality on held-out documents or, before the first, the training loss: in words.
    pub fn result(&self) -> String {
        if let Some(score) = self.scores.last() {
            return format!("mean F1 {} ({})", figure(score.metrics.mean_f1, 3), score.split);
        }
        if let Some(held_out) = self.held_out.last() {
            return format!("held-out loss {}, {} right", figure(held_out.loss, 2), percent(held_out.accuracy));
        }
        self.progress.map_or_else(|| "–".into(), |progress| format!("loss {}", figure(progress.loss, 2)))
    }

    /// What is happening, in plain words.
    pub fn sentence(&self) -> String {
        match &self.stage {
            Stage::Finished if !self.is_own() => "Finished; its result stands where it was started.".into(),
            Stage::Stopped if !self.is_own() => "Stopped before it was done.".into(),
            Stage::Requested => "Preparing: learning the vocabulary and planning the steps.".into(),
            Stage::Started => format!("{} The first step is being computed.", self.expectation()),
            Stage::Compiling(message) => format!("{} {}", capitalised(message), self.expectation()),
            Stage::Running => self.comparison(),
            Stage::Paused => format!("Paused after {}. Resume goes on where it stopped.", self.steps()),
            Stage::Finished => format!("Finished after {}: {}.", self.steps(), self.result()),
            Stage::Stopped => format!("Stopped after {}: {}. The model can be used.", self.steps(), self.result()),
            Stage::Failed(message) => format!("Failed: {message}"),
        }
    }

    fn steps(&self) -> String {
        counted(self.steps_done(), "step")
    }

    fn expectation(&self) -> String {
        match &self.plan {
            Some(plan) if self.phase == Phase::Pretrain => format!(
                "Random guessing would score {}, knowing only word frequencies {}.",
                figure(plan.uniform, 1),
                figure(plan.unigram, 1)
            ),
            Some(plan) => format!("{} to learn.", counted(plan.labels as u64, "label")),
            None => String::new(),
        }
    }

    fn comparison(&self) -> String {
        let Some((progress, plan)) = self.progress.zip(self.plan.as_ref()) else { return "Learning.".into() };
        let loss = figure(progress.loss, 2);
        if self.phase == Phase::Finetune {
            return format!("Learning {}: loss {loss}.", counted(plan.labels as u64, "label"));
        }
        let gap = plan.unigram - progress.loss;
        if !progress.loss.is_finite() {
            "The loss is no longer a number: stop, and try a smaller learning rate.".into()
        } else if gap > 0.05 {
            let (gap, unigram) = (figure(gap, 1), figure(plan.unigram, 1));
            format!("Loss {loss}: {gap} below knowing only word frequencies ({unigram}). It reads context.")
        } else if progress.loss < plan.uniform {
            let (uniform, unigram) = (figure(plan.uniform, 1), figure(plan.unigram, 1));
            format!("Loss {loss}: better than random guessing ({uniform}), on its way to word frequencies ({unigram}).")
        } else {
            format!("Loss {loss}: no better than random guessing ({}) yet.", figure(plan.uniform, 1))
        }
    }

    /// A short line for a screen reader: it changes with the stage and with every tenth of the way.
    pub fn announcement(&self) -> String {
        if self.stage != Stage::Running {
            return format!("{}: {}", self.name(), self.sentence());
        }
        let tenths = (self.share() * 10.0).floor() as u64;
        format!("{}: {} % done", self.name(), tenths * 10)
    }
}

fn capitalised(message: &str) -> String {
    let mut letters = message.trim_end_matches(['.', '…', ' ']).chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
