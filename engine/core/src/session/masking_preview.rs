//! Previews of the masking before and between runs.

use super::checks::no_corpus;
use super::{Host, LoadedModel, Session};
use crate::data::{LOOKED_AT, Tokenizer};
use crate::error::Result;
use crate::session::query::preview::{ModelView, PreviewRequest, RunStep};
use crate::session::run::plan;
use protocol::{RunConfig, message};
use std::rc::Rc;

impl<H: Host> Session<H> {
    /// Previews the masking of one text, with the language model's predictions if it uses the same
    /// tokenizer. The preview's random generator is its own and does not affect runs.
    pub(super) async fn preview(
        &mut self,
        config: RunConfig,
        example: u64,
        epoch: u64,
        text: Option<String>,
    ) -> Result<()> {
        let tokenizer = self
            .models
            .language_model
            .as_ref()
            .filter(|_| self.models.continues)
            .map(|model| model.tokenizer.clone());
        self.learn_for_preview(&config, tokenizer)?;
        let learned = self.dataset.learned.as_ref().expect("just learned");
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let text = text.map_or_else(|| corpus.training_text(example), Ok)?;
        let watched = PreviewRequest {
            config,
            example,
            epoch,
            text,
        };
        let same_words = |model: &&LoadedModel| Rc::ptr_eq(&model.tokenizer, &learned.tokenizer);
        match self.models.language_model.as_ref().filter(same_words) {
            None => {
                let model = plan::model_config(&watched.config, learned.tokenizer.len())?;
                let masked_text = watched.masked_text(&learned.tokenizer, &model);
                self.host
                    .emit(masked_text.masking_event(&learned.tokenizer));
            }
            Some(model) => {
                let masked_text = watched.masked_text(&model.tokenizer, &model.config);
                let (params, device) = (model.params(&self.device), &self.device);
                let LoadedModel {
                    config,
                    heads,
                    tokenizer,
                    ..
                } = model;
                let view = ModelView {
                    config,
                    params: &params,
                    heads: *heads,
                    tokenizer,
                    device,
                };
                for (event, buffers) in masked_text
                    .preview_events(&view, RunStep::default())
                    .await?
                {
                    self.host.emit_with(event, buffers);
                }
            }
        }
        self.dataset.watched = Some(watched);
        Ok(())
    }

    /// As [`Self::learn`]; of a large corpus, tokenizes only the first documents, unless a run has
    /// tokenized all of it.
    pub(super) fn learn_for_preview(
        &mut self,
        config: &RunConfig,
        tokenizer: Option<Rc<Tokenizer>>,
    ) -> Result<()> {
        let is_large = self
            .dataset
            .corpus
            .as_ref()
            .ok_or_else(no_corpus)?
            .is_streamed();
        let is_known = self
            .dataset
            .learned
            .as_ref()
            .is_some_and(|learned| learned.serves(config, tokenizer.as_ref()));
        if !is_large || is_known {
            return self.learn("", config, tokenizer);
        }
        let limit = Some(config.limit.unwrap_or(LOOKED_AT).min(LOOKED_AT));
        let config = RunConfig {
            limit,
            ..config.clone()
        };
        if !self
            .dataset
            .learned
            .as_ref()
            .is_some_and(|learned| learned.serves(&config, tokenizer.as_ref()))
        {
            let message = message!(
                "the text is large: until a run starts, previews use only its first {limit} documents",
                limit = LOOKED_AT
            );
            self.warn("", "sampled-preview", message);
        }
        self.learn("", &config, tokenizer)
    }
}
