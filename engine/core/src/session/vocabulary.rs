//! The vocabulary of the corpus or, without one, of the model.

use super::checks::no_model;
use super::{Host, Session};
use crate::data::Tokenizer;
use crate::error::Result;
use crate::session::query::inference;
use protocol::Event;
use std::rc::Rc;

impl<H: Host> Session<H> {
    /// Emits the entries of the vocabulary that contain `filter`, at most `limit`.
    pub(super) fn emit_vocabulary(&self, filter: &str, limit: usize) {
        // Without a tokenizer the corpus was replaced in between: this answer is no longer needed,
        // and the page will ask again.
        let Ok(tokenizer) = self.tokenizer() else {
            return;
        };
        let all = (0..tokenizer.len() as u32).map(|id| inference::entry(tokenizer, id));
        let entries = all
            .filter(|entry| entry.token.contains(filter))
            .take(limit)
            .collect();
        let (learned, corpus) = (self.dataset.learned.as_ref(), self.dataset.corpus.as_ref());
        let event = Event::Vocabulary {
            size: tokenizer.len() as u64,
            entries,
            coverage: learned
                .map(|learned| learned.coverage().to_vec())
                .unwrap_or_default(),
            unknown_share: learned.map_or(0.0, |learned| learned.train.unknown_share()),
            lengths: learned
                .zip(corpus)
                .map(|(learned, corpus)| learned.lengths(corpus).to_vec())
                .unwrap_or_default(),
        };
        self.host.emit(event);
    }

    /// Returns the tokenizer of the corpus, or that of the model.
    pub(super) fn tokenizer(&self) -> Result<&Tokenizer> {
        let learned = self
            .dataset
            .learned
            .as_ref()
            .map(|learned| &learned.tokenizer);
        let models = self
            .models
            .language_model
            .as_ref()
            .or(self.models.classifier.as_ref())
            .map(|model| &model.tokenizer);
        learned.or(models).map(Rc::as_ref).ok_or_else(no_model)
    }
}
