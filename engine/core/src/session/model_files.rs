//! The files of a model directory.

use crate::error::Result;
use crate::interop::{self, CARD_FILE, CONFIG_FILE, WEIGHTS_FILE};
use crate::model::ModelConfig;
use crate::session::card::card;
use crate::session::host::ModelFiles;
use crate::session::loaded_model::LoadedModel;

impl LoadedModel {
    /// Returns the model files of a run directory.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    pub async fn to_files(&self) -> Result<ModelFiles> {
        let weights = self.weights().await?;
        let mut files = self.tokenizer.to_files(self.config.max_position_embeddings);
        files.push((
            CONFIG_FILE.into(),
            interop::config_to_json(&self.config_alone()),
        ));
        files.extend(interop::python_files(&self.config));
        let card = self
            .card
            .as_deref()
            .map_or_else(|| card(self, None), String::from);
        files.push((CARD_FILE.into(), card.into_bytes()));
        files.extend(self.part_files().await?);
        files.push((WEIGHTS_FILE.into(), interop::weights_to_bytes(&weights)));
        Ok(files)
    }

    /// Returns the configuration with the thresholds of the first network alone, for programs that
    /// load only that one.
    fn config_alone(&self) -> ModelConfig {
        match &self.ensemble {
            None => self.config.clone(),
            Some(ensemble) => {
                let (threshold, thresholds) = ensemble.alone.clone();
                ModelConfig {
                    threshold,
                    threshold_scales: None,
                    thresholds,
                    ..self.config.clone()
                }
            }
        }
    }
}
