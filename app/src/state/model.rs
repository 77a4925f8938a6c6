//! The model at hand: what it can do, and which run, or which import, it comes from.

use super::{Origin, Run, RunState};
use crate::localize_message::localize_message;
use crate::tr;
use protocol::Phase;

/// What the model at hand can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// It can be fine-tuned from.
    pub pretrained: bool,
    /// It guesses masked tokens.
    pub guesses: bool,
    /// It gives labels.
    pub classifier: bool,
    /// What the last run, or the last import, made.
    pub latest: Phase,
    /// Whether the next pre-training goes on from it although nobody asked for that: it was imported.
    pub continues: bool,
    /// What was imported, in words.
    pub imported: Option<String>,
    /// The run whose model was opened, or what was imported.
    pub opened: Option<String>,
    /// The run whose model guesses, or what was imported.
    pub guesser: Option<String>,
    /// The run whose model gives labels, or what was imported.
    pub labeller: Option<String>,
}

impl RunState {
    /// Whether a run of that phase is under way whose values answer questions.
    pub fn is_learning(&self, phase: Phase) -> bool {
        self.active()
            .is_some_and(|run| run.phase == phase && run.is_own() && run.steps_done() > 0)
    }

    /// Whose model answers questions of that phase: a run's, else what was imported; in words.
    pub fn model_name(&self, phase: Phase) -> Option<String> {
        if self.is_learning(phase) {
            return self.active().map(Run::name);
        }
        let id = if phase == Phase::Pretrain {
            &self.model.guesser
        } else {
            &self.model.labeller
        };
        let id = id.as_ref()?;
        Some(
            self.runs
                .iter()
                .find(|run| run.id == *id)
                .map_or_else(|| localize_message(id), Run::name),
        )
    }

    /// What the values at hand that can be learned on from are.
    pub(super) fn origin(&self) -> Option<Origin> {
        // A classifier may guess no words and still be learned on from.
        let id = self.model.guesser.as_ref().or(self.model.opened.as_ref())?;
        let run = self
            .runs
            .iter()
            .find(|run| run.id == *id && !run.key.is_empty());
        Some(run.map_or_else(
            || Origin::Import(id.clone()),
            |run| Origin::Run(run.key.clone()),
        ))
    }

    /// Whether the values at hand are those of `origin`.
    pub fn has_at_hand(&self, origin: &Origin) -> bool {
        self.origin().as_ref() == Some(origin)
    }

    /// Whose values a run began with, in words.
    pub fn origin_of(&self, run: &Run) -> Option<String> {
        let name = match run.origin.as_ref()? {
            Origin::Import(words) => localize_message(words),
            Origin::Run(key) => match self.runs.iter().find(|other| other.key == *key) {
                Some(origin) => origin.name(),
                None => tr!("a run that is gone"),
            },
        };
        Some(match run.phase {
            Phase::Pretrain => tr!("goes on from {model}", model = name),
            Phase::Finetune => tr!("begins with {model}", model = name),
        })
    }

    /// Loss of random guessing in the words at hand, in nats: of the run that learns, else of the vocabulary that was told.
    pub fn random_loss(&self) -> Option<f64> {
        let planned =
            |run: &Run| (run.phase == Phase::Pretrain).then_some(run.plan.as_ref()?.uniform);
        // Within a run nobody may have asked for the vocabulary yet.
        let learning = self.active().filter(|run| run.is_own()).and_then(planned);
        let told = || {
            self.vocabulary
                .as_ref()
                .map(|words| (words.size as f64).ln())
        };
        learning
            .or_else(told)
            .or_else(|| self.runs_of(Phase::Pretrain).next_back().and_then(planned))
    }

    /// The key of the run whose model is at hand, the newest one, if the browser has it.
    pub fn model_at_hand(&self) -> Option<String> {
        let id = if self.model.latest == Phase::Finetune {
            &self.model.labeller
        } else {
            &self.model.guesser
        };
        let run = self.runs.iter().find(|run| Some(&run.id) == id.as_ref())?;
        run.kept.map(|_| run.key.clone())
    }

    /// Whether the model of this run is at hand.
    pub fn is_at_hand(&self, id: &str) -> bool {
        [&self.model.guesser, &self.model.labeller]
            .into_iter()
            .flatten()
            .any(|other| other == id)
    }

    /// The model of a run, or of a file where there is no run, is on its way to the engine.
    pub fn open_model(&mut self, run: Option<String>) {
        self.opening = run;
    }

    /// Forgets a run; what it has learned may stay at hand, under its name.
    pub fn forget_run(&mut self, id: &str) -> Option<Run> {
        let place = self
            .runs
            .iter()
            .position(|run| run.id == id && run.stage.is_over())?;
        let run = self.runs.remove(place);
        let Model {
            opened,
            guesser,
            labeller,
            ..
        } = &mut self.model;
        for of in [opened, guesser, labeller]
            .into_iter()
            .flatten()
            .filter(|of| *of == id)
        {
            *of = run.name();
        }
        Some(run)
    }

    pub(super) fn model_learned(&mut self, phase: Phase, id: String) {
        self.model.latest = phase;
        match phase {
            Phase::Pretrain => {
                (
                    self.model.pretrained,
                    self.model.guesses,
                    self.model.guesser,
                ) = (true, true, Some(id));
                self.model.continues = false;
            }
            Phase::Finetune => (self.model.classifier, self.model.labeller) = (true, Some(id)),
        }
        // Answers of the model before are not those of this one.
        self.forget_answers();
    }

    pub(super) fn take_import(&mut self, summary: String, labels: &[String], guesses: bool) {
        let classifier = !labels.is_empty();
        let name = self.opening.take().unwrap_or_else(|| summary.clone());
        let (guesser, labeller) = (
            guesses.then(|| name.clone()),
            classifier.then(|| name.clone()),
        );
        let (imported, opened) = (Some(summary), Some(name));
        let latest = if classifier {
            Phase::Finetune
        } else {
            Phase::Pretrain
        };
        self.model = Model {
            latest,
            continues: true,
            pretrained: true,
            guesses,
            classifier,
            imported,
            opened,
            guesser,
            labeller,
        };
        self.forget_answers();
    }
}
