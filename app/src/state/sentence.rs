//! Describes a run in plain words: its progress, the meaning of its loss, and its result.

use super::{Run, RunState, Stage};
use crate::localize_message::localize_message;
use crate::tr;
use crate::wording::{self, figure, percent};
use protocol::Phase;

/// Fraction of the planned steps over which the loss in a sentence is smoothed.
const SENTENCE_SHARE: f64 = 0.02;

impl RunState {
    /// Describes the last run of a phase; if it has finished, also the last finished run from the
    /// other initial weights.
    pub fn headline(&self, phase: Phase) -> Option<String> {
        let describe = |run: &Run| {
            tr!(
                "{run}. {sentence}",
                run = run.name(),
                sentence = run.sentence()
            )
        };
        let last = self.runs_of(phase).next_back()?;
        let is_finished = |run: &Run| run.stage == Stage::Finished;
        let before = if is_finished(last) {
            self.other_start(last, is_finished).map(describe)
        } else {
            None
        };
        Some(
            before
                .into_iter()
                .chain([describe(last)])
                .collect::<Vec<_>>()
                .join(" "),
        )
    }
}

impl Run {
    /// Describes the held-out scores of the run's best checkpoint, or, before the first evaluation,
    /// its training loss.
    pub fn result(&self) -> String {
        if let Some(score) = self.kept_score() {
            let f1 = figure(score.metrics.mean_f1, 3);
            return match score.split == "test" {
                true => tr!("mean F1 {f1} (test)", f1),
                false => tr!("mean F1 {f1} (validation)", f1),
            };
        }
        if let Some(held_out) = self.held_out.last() {
            let (loss, share) = (figure(held_out.loss, 2), percent(held_out.accuracy));
            return tr!("held-out loss {loss}, {share} right", loss, share);
        }
        self.progress.map_or_else(
            || "–".into(),
            |progress| tr!("loss {loss}", loss = figure(progress.loss, 2)),
        )
    }

    /// Describes the current stage of the run.
    pub fn sentence(&self) -> String {
        match &self.stage {
            Stage::Finished if !self.is_own() => {
                tr!("Finished; its result stands where it was started.")
            }
            Stage::Stopped if !self.is_own() => tr!("Stopped before it was done."),
            Stage::Requested => tr!("Preparing: learning the vocabulary and planning the steps."),
            Stage::Started => format!(
                "{} {}",
                self.expectation(),
                tr!("The first step is being computed.")
            ),
            Stage::Compiling(message) => format!(
                "{} {}",
                wording::sentence(&localize_message(message)),
                self.expectation()
            ),
            Stage::Running => self.comparison(),
            Stage::Paused => {
                tr!(
                    "Paused after {steps}. Resume goes on where it stopped.",
                    steps = self.steps()
                )
            }
            // A run without steps fitted an output layer.
            Stage::Finished if self.steps_done() == 0 => {
                tr!("Finished: {result}.", result = self.result())
            }
            Stage::Finished => {
                tr!(
                    "Finished after {steps}: {result}.",
                    steps = self.steps(),
                    result = self.result()
                )
            }
            Stage::Stopped => tr!(
                "Stopped after {steps}: {result}. The model can be used.",
                steps = self.steps(),
                result = self.result()
            ),
            Stage::Failed(message) => {
                let message = localize_message(message);
                tr!("Failed: {message}", message)
            }
        }
    }

    fn steps(&self) -> String {
        wording::steps(self.steps_done())
    }

    fn expectation(&self) -> String {
        match &self.plan {
            Some(plan) if self.phase == Phase::Pretrain => tr!(
                "Random guessing would score {uniform}, knowing only word frequencies {unigram}.",
                uniform = figure(plan.uniform, 1),
                unigram = figure(plan.unigram, 1)
            ),
            Some(plan) => tr!(
                "{labels} to learn.",
                labels = wording::labels(plan.labels as u64)
            ),
            None => String::new(),
        }
    }

    fn comparison(&self) -> String {
        let Some((progress, plan)) = self.progress.zip(self.plan.as_ref()) else {
            return tr!("Learning.");
        };
        // The loss of a single batch is noisy, so the average over the latest steps is used.
        let smooth = self.curve.smoothed(SENTENCE_SHARE * plan.steps as f64);
        let recent = smooth.last().map_or(progress.loss, |(_, loss)| *loss);
        let loss = figure(recent, 2);
        if self.phase == Phase::Finetune {
            return tr!(
                "Learning {labels}: loss {loss}.",
                labels = wording::labels(plan.labels as u64),
                loss
            );
        }
        let gap = plan.unigram - recent;
        if !progress.loss.is_finite() {
            tr!("The loss is no longer a number: stop, and try a smaller learning rate.")
        } else if gap > 0.05 {
            let (gap, unigram) = (figure(gap, 1), figure(plan.unigram, 1));
            if let Some(bigram) = plan
                .bigram
                .filter(|bigram| recent > *bigram)
                .map(|bigram| figure(bigram, 1))
            {
                return tr!(
                    "Loss {loss}: below knowing only word frequencies ({unigram}), above knowing the word before ({bigram}).",
                    loss,
                    unigram,
                    bigram
                );
            }
            tr!(
                "Loss {loss}: {gap} below knowing only word frequencies ({unigram}). It reads context.",
                loss,
                gap,
                unigram
            )
        } else if recent < plan.uniform {
            let (uniform, unigram) = (figure(plan.uniform, 1), figure(plan.unigram, 1));
            tr!(
                "Loss {loss}: better than random guessing ({uniform}), on its way to word frequencies ({unigram}).",
                loss,
                uniform,
                unigram
            )
        } else {
            let uniform = figure(plan.uniform, 1);
            tr!(
                "Loss {loss}: no better than random guessing ({uniform}) yet.",
                loss,
                uniform
            )
        }
    }

    /// Returns a short line for screen readers, which changes with the stage and with every tenth
    /// of the run.
    pub fn announcement(&self) -> String {
        if self.stage != Stage::Running {
            return format!("{}: {}", self.name(), self.sentence());
        }
        let tenths = (self.share() * 10.0).floor() as u64;
        tr!(
            "{run}: {share} % done",
            run = self.name(),
            share = tenths * 10
        )
    }
}
