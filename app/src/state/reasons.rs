//! Reasons why a run or a query cannot start now, as shown next to a disabled button.

use super::{Engine, Model, RunState};
use crate::tr;
use protocol::{Phase, StartFrom};

impl RunState {
    /// Returns why masked tokens cannot be predicted. An active pre-training run answers with its
    /// current weights.
    pub fn reason_not_to_predict(&self) -> Option<String> {
        match &self.model {
            Model { guesses: true, .. } => None,
            _ if self.is_learning(Phase::Pretrain) => None,
            Model {
                pretrained: false,
                classifier: false,
                ..
            } => Some(tr!("There is no model yet: pre-train or import one first.")),
            _ => Some(tr!(
                "The current model cannot fill masks: pre-train or open one that can."
            )),
        }
    }

    /// Returns why a run cannot start now; `None` if it can.
    pub fn reason_not_to_start(&self, phase: Phase, from: StartFrom) -> Option<String> {
        match (&self.engine, &self.corpus) {
            (Engine::Loading, _) => return Some(tr!("The engine is still loading.")),
            (Engine::Crashed, _) => return Some(tr!("The engine has stopped; restart it first.")),
            _ if self.reading => return Some(tr!("The text is still being read.")),
            (_, None) => return Some(tr!("No text has been read yet.")),
            _ if self.columns_refused => {
                return Some(tr!(
                    "The text cannot be read by the columns that are set; mend them under Data, or clear them."
                ));
            }
            (_, Some(corpus)) if phase == Phase::Pretrain && corpus.documents == 0 => {
                return Some(tr!(
                    "There is no text to learn from; add a file with one document per line."
                ));
            }
            (_, Some(corpus)) if phase == Phase::Finetune && corpus.labels == 0 => {
                return Some(tr!(
                    "No line has a label; add lines that end in __label__name."
                ));
            }
            (_, Some(corpus)) if phase == Phase::Finetune && corpus.labels == 1 => {
                return Some(tr!(
                    "All labelled lines have the same label; a classifier needs two."
                ));
            }
            _ => {}
        }
        if let Some(reason) = self.reason_of_work() {
            return Some(reason);
        }
        let lacks_weights =
            phase == Phase::Finetune && from == StartFrom::Pretrained && !self.model.pretrained;
        lacks_weights.then(|| tr!("Pre-train or import a model first, or start from scratch."))
    }

    /// Returns why a comparison cannot start now; `None` if it can.
    pub fn reason_not_to_compare(&self) -> Option<String> {
        self.reason_not_to_start(Phase::Finetune, StartFrom::Pretrained)
    }

    /// Returns why the counting task cannot start now; `None` if it can. It needs no corpus.
    pub fn reason_not_to_count(&self) -> Option<String> {
        match &self.engine {
            Engine::Loading => Some(tr!("The engine is still loading.")),
            Engine::Crashed => Some(tr!("The engine has stopped; restart it first.")),
            Engine::Ready(_) => self.reason_of_work(),
        }
    }

    /// Returns why the classifier cannot be evaluated on many documents now; `None` if it can.
    pub fn reason_not_to_review(&self) -> Option<String> {
        match &self.engine {
            Engine::Loading => Some(tr!("The engine is still loading.")),
            Engine::Crashed => Some(tr!("The engine has stopped; restart it first.")),
            _ if !self.model.classifier => Some(tr!(
                "There is no classifier yet: fine-tune or import one first."
            )),
            _ if self.active().is_some() => Some(tr!("Waits until the run under way is over.")),
            Engine::Ready(_) => self.reason_of_work(),
        }
    }

    /// Returns the work that keeps the engine from starting anything else.
    fn reason_of_work(&self) -> Option<String> {
        match () {
            () if self.active().is_some() => Some(tr!("A run is under way.")),
            () if self.is_labelling() => Some(tr!("A file is being labelled.")),
            () => None,
        }
    }
}
