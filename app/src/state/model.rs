//! The loaded model: its capabilities, and the run or import that it comes from.

use super::{Origin, Run, RunState};
use crate::localize_message::localize_message;
use crate::tr;
use protocol::{Message, Phase};

/// Capabilities and origin of the loaded model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Whether it can be fine-tuned.
    pub pretrained: bool,
    /// Whether it predicts masked tokens.
    pub guesses: bool,
    /// Whether it classifies.
    pub classifier: bool,
    /// Phase of the last run or import.
    pub latest: Phase,
    /// Whether the next pre-training continues from it by default, because it was imported.
    pub continues: bool,
    /// Summary of the import.
    pub imported: Option<Message>,
    /// Id of the run whose model was opened, or the summary of the import.
    pub opened: Option<String>,
    /// Id of the run whose model predicts masked tokens, or the summary of the import.
    pub language_model: Option<String>,
    /// Id of the run whose model classifies, or the summary of the import.
    pub classifier_name: Option<String>,
}

impl RunState {
    /// Returns whether a run of that phase is active and its current weights answer queries.
    pub fn is_learning(&self, phase: Phase) -> bool {
        self.active()
            .is_some_and(|run| run.phase == phase && run.is_own() && run.steps_done() > 0)
    }

    /// Returns the name of the model that answers queries of that phase: that of a run, or the
    /// summary of the import.
    pub fn model_name(&self, phase: Phase) -> Option<String> {
        if self.is_learning(phase) {
            return self.active().map(Run::name);
        }
        let id = if phase == Phase::Pretrain {
            &self.model.language_model
        } else {
            &self.model.classifier_name
        };
        let id = id.as_ref()?;
        Some(
            self.runs
                .iter()
                .find(|run| run.id == *id)
                .map_or_else(|| localize_message(&self.summary_of(id)), Run::name),
        )
    }

    /// Returns the summary of the imported model with this id.
    fn summary_of(&self, id: &str) -> Message {
        let imported = self.model.imported.as_ref();
        imported
            .filter(|summary| summary.to_string() == id)
            .cloned()
            .unwrap_or_else(|| Message::verbatim(id))
    }

    /// Returns the origin of the weights from which a run would continue.
    pub(super) fn origin(&self) -> Option<Origin> {
        // A classifier may predict no words and still be trained further.
        let id = self
            .model
            .language_model
            .as_ref()
            .or(self.model.opened.as_ref())?;
        let run = self
            .runs
            .iter()
            .find(|run| run.id == *id && !run.key.is_empty());
        Some(run.map_or_else(
            || Origin::Import(self.summary_of(id)),
            |run| Origin::Run(run.key.clone()),
        ))
    }

    /// Returns whether the loaded weights are those of `origin`.
    pub fn is_loaded_from(&self, origin: &Origin) -> bool {
        self.origin().as_ref() == Some(origin)
    }

    /// Describes the weights that a run started from.
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

    /// Returns the loss of a uniform prediction in nats, by the vocabulary of the active run,
    /// otherwise by the current vocabulary.
    pub fn random_loss(&self) -> Option<f64> {
        let planned =
            |run: &Run| (run.phase == Phase::Pretrain).then_some(run.plan.as_ref()?.uniform);
        // During a run the vocabulary may not have been requested yet.
        let learning = self.active().filter(|run| run.is_own()).and_then(planned);
        let from_vocabulary = || {
            self.vocabulary
                .as_ref()
                .map(|words| (words.size as f64).ln())
        };
        learning
            .or_else(from_vocabulary)
            .or_else(|| self.runs_of(Phase::Pretrain).next_back().and_then(planned))
    }

    /// Returns the key of the run whose model was loaded last, if the browser has it saved.
    pub fn loaded_model_key(&self) -> Option<String> {
        let id = if self.model.latest == Phase::Finetune {
            &self.model.classifier_name
        } else {
            &self.model.language_model
        };
        let run = self.runs.iter().find(|run| Some(&run.id) == id.as_ref())?;
        run.kept.map(|_| run.key.clone())
    }

    /// Returns whether the model of this run is loaded.
    pub fn is_loaded(&self, id: &str) -> bool {
        [&self.model.language_model, &self.model.classifier_name]
            .into_iter()
            .flatten()
            .any(|other| other == id)
    }

    /// Records that the model of a run, or of a file if `None`, is being imported.
    pub fn open_model(&mut self, run: Option<String>) {
        self.opening = run;
    }

    /// Removes a run; its model may stay loaded, under the run's name.
    pub fn forget_run(&mut self, id: &str) -> Option<Run> {
        let index = self
            .runs
            .iter()
            .position(|run| run.id == id && run.stage.is_over())?;
        let run = self.runs.remove(index);
        let Model {
            opened,
            language_model,
            classifier_name,
            ..
        } = &mut self.model;
        for of in [opened, language_model, classifier_name]
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
                    self.model.language_model,
                ) = (true, true, Some(id));
                self.model.continues = false;
            }
            Phase::Finetune => {
                (self.model.classifier, self.model.classifier_name) = (true, Some(id))
            }
        }
        // Answers of the previous model do not apply to this one.
        self.forget_answers();
    }

    pub(super) fn take_import(&mut self, summary: Message, labels: &[String], guesses: bool) {
        let classifier = !labels.is_empty();
        let name = self.opening.take().unwrap_or_else(|| summary.to_string());
        let (language_model, classifier_name) = (
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
            language_model,
            classifier_name,
        };
        self.forget_answers();
    }
}
