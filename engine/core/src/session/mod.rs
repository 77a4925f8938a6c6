//! A session: the state between commands (corpus, models, settings of the next run) and one
//! function per command. Both hosts, the Web Worker and the command line, call it; it knows the
//! platform only through [`Host`].

mod card;
mod checks;
mod classifier;
mod commands;
mod dataset;
mod host;
mod import;
mod imported_directory;
mod loaded_model;
mod masking_preview;
mod model_files;
mod models;
mod parallel;
mod query;
mod read;
mod run;
mod self_check;
mod serve;
mod vocabulary;

pub use classifier::scored::DecisionRule;
pub use commands::compare::Progress as ComparisonProgress;
pub use commands::evaluation::EvaluationRows;
pub use commands::label_file::{LABEL_WARNING_CODES, long_texts};
pub use commands::pretrain::FirstSteps;
pub use commands::resume::resumable;
pub use commands::toy::{SOLVED_LOSS, ToyOutcome};
pub use dataset::VectorLines;
pub use dataset::vectors::vector_lines;
pub use host::{CacheEntry, Delivery, Host, ModelFiles, RunOutcome, Snapshot};
pub use loaded_model::{LoadedModel, Restored};
pub use parallel::Helper;
pub use query::evidence::Evidence;
pub use query::inference::failed;
pub use query::input::Long;
pub use query::similar::SimilarDocuments;
pub use run::checkpoint::{
    CHECKPOINTS, FileDigest, MANIFEST_FILE, Manifest, interval_secs, sha256,
};
pub use run::plan::check_numbers;
pub use self_check::largest_difference;

use crate::data::examples::LabelledExamples;
use crate::data::labels::LabelSet;
use crate::data::{Corpus, Opened, ReadOptions, Selection};
use crate::device;
use crate::error::Result;
use crate::kernels::is_cpu;
use crate::model::ProblemType;
use burn::tensor::Device;
use checks::{finite, no_corpus, no_model};
use classifier::scored::{HeldOut, Scored};
use dataset::Dataset;
use dataset::held_out::HeldOutDocuments;
use dataset::tokenized_corpus;
use models::Models;
use protocol::{
    BackendChoice, Command, DeviceInfo, Event, FileRole, LabelScore, MaskPrediction, Message,
    Metrics, Phase, RunConfig,
};
use query::inference::{self, LabelSelection};
use query::input::{self, BATCH_SIZE};
use query::preview::PreviewRequest;
use run::plan;
use run::task::masked_lm_metrics;
use std::collections::VecDeque;

/// State kept between commands.
pub struct Session<H: Host> {
    host: H,
    device: Device,
    info: DeviceInfo,
    dataset: Dataset,
    models: Models,
    /// Commands that wait until a long job is over.
    deferred: VecDeque<Command>,
}

impl<H: Host> Session<H> {
    /// Opens a device, checks it against the CPU, and emits [`Event::Ready`].
    ///
    /// # Errors
    /// Returns an error if a GPU was requested explicitly and none is available.
    pub async fn open(host: H, choice: BackendChoice) -> Result<Self> {
        let (device, info) = device::open(choice, async || host.adapter_name().await).await?;
        let (device, mut info) = self_check::checked(device, info).await;
        if is_cpu(&device) {
            info.workers = host.workers() as u32;
        }
        host.emit(Event::Ready {
            device: info.clone(),
        });
        Ok(Self {
            host,
            device,
            info,
            dataset: Dataset::default(),
            models: Models::default(),
            deferred: VecDeque::new(),
        })
    }

    /// Returns the platform that the session runs on.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// Returns the device that the session computes on.
    pub fn device(&self) -> &DeviceInfo {
        &self.info
    }

    /// Returns the labels of the classifier; empty without a classifier.
    pub fn labels(&self) -> &[String] {
        self.models
            .classifier
            .as_ref()
            .map_or(&[], |model| &model.config.labels)
    }

    /// Reads `files` into the corpus and emits a report of what was found.
    ///
    /// # Errors
    /// Returns an error if no file can be used; the corpus then stays as it was.
    pub fn set_corpus(&mut self, files: &Opened, options: &ReadOptions) -> Result<()> {
        let (corpus, warnings) = Corpus::read(files, options)?;
        self.host.emit(tokenized_corpus::report(&corpus));
        for (code, message) in warnings {
            self.warn("", code, message);
        }
        self.dataset.corpus = Some(corpus);
        self.dataset.learned = None;
        self.dataset.reviewed = None;
        Ok(())
    }

    /// Returns `options` with the columns that the classifier was trained on.
    pub fn reading_as_trained(&self, options: ReadOptions) -> ReadOptions {
        let Some(model) = &self.models.classifier else {
            return options;
        };
        ReadOptions {
            trained_columns: model.config.document_columns.clone(),
            ..options
        }
    }

    /// Previews the first training document, masked as `config` says, while runs train.
    ///
    /// # Errors
    /// Returns an error if there is no corpus, or it can no longer be read.
    pub fn watch(&mut self, config: &RunConfig) -> Result<()> {
        let text = self
            .dataset
            .corpus
            .as_ref()
            .ok_or_else(no_corpus)?
            .training_text(0)?;
        self.dataset.watched = Some(PreviewRequest {
            config: config.clone(),
            example: 0,
            epoch: 0,
            text,
        });
        Ok(())
    }

    /// Sets the word vectors (word2vec text format) that initialise new models; `None` removes
    /// them.
    pub fn set_word_vectors(&mut self, lines: Option<VectorLines>) {
        self.dataset.word_vectors = lines;
    }

    /// Evaluates the classifier, or the language model if there is none, on a `split` of the corpus
    /// (`train`, `valid` or `test`). Labels are decided by `rule`. A language model is evaluated on
    /// the validation set for `valid` and on the training set otherwise, with masks drawn from
    /// `seed`.
    ///
    /// # Errors
    /// Returns an error if there is no model, or if the split has nothing to evaluate it on.
    pub async fn evaluate(
        &mut self,
        run: &str,
        split: &str,
        rule: DecisionRule,
        seed: u64,
    ) -> Result<Metrics> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let role = match split {
            "train" => FileRole::Train,
            "valid" => FileRole::Valid,
            _ => FileRole::Test,
        };
        if let Some(model) = &self.models.classifier {
            let selection = self.measured_on(run, &model.config, corpus, role)?;
            let held_out = self.measured(run, split, model, (corpus, role, &selection))?;
            let scores = model
                .probabilities_of(&held_out, &self.device, &mut async || Ok(true))
                .await?;
            let problem = model
                .config
                .problem_type
                .unwrap_or(ProblemType::MultiLabelClassification);
            let scored = Scored::new(&held_out, scores.expect("nothing stops it"), problem);
            return Ok(Metrics::Classifier(scored.full_metrics(
                &model.config,
                &rule,
                model.ensemble.is_some(),
            )));
        }
        let model = self.models.language_model.as_ref().ok_or_else(no_model)?;
        model.require_masked_lm()?;
        let role = if role == FileRole::Valid {
            role
        } else {
            FileRole::Train
        };
        let mut examples = self.evaluation_examples(model, role, seed)?;
        let params = model.params(&self.device);
        let (config, device) = (&model.config, &self.device);
        let metrics = masked_lm_metrics(
            &mut examples,
            u64::MAX,
            config,
            &params,
            device,
            &mut async || Ok(true),
        )
        .await?;
        let metrics = metrics.expect("nothing stops it");
        finite(vec![metrics.masked_lm_loss])?;
        Ok(Metrics::MaskedLm(metrics))
    }

    /// Encodes the held-out documents of `split` for `model`, a classifier, at the length it was
    /// trained with.
    fn measured(
        &self,
        run: &str,
        split: &str,
        model: &LoadedModel,
        documents_of: (&Corpus, FileRole, &Selection),
    ) -> Result<HeldOut> {
        let labels = LabelSet::from_names(model.config.labels.clone());
        let linear = model
            .ensemble
            .as_ref()
            .and_then(|ensemble| ensemble.linear.as_ref());
        let encoded = self.held_out(run, split, &model.tokenizer, &labels, documents_of, linear)?;
        let Some(HeldOutDocuments {
            documents,
            unseen,
            has_unseen,
            margins,
        }) = encoded
        else {
            let (corpus, role, _) = documents_of;
            return Err(corpus.no_labels(role).into());
        };
        let fitted = || plan::fitted_len(&documents).min(model.config.max_position_embeddings);
        let max_len = model.config.trained_len.unwrap_or_else(fitted);
        let specials = model.tokenizer.specials();
        let examples =
            LabelledExamples::new(documents, specials, labels.len(), 0, BATCH_SIZE, max_len);
        Ok(HeldOut {
            examples,
            unseen,
            has_unseen,
            margins,
            known: None,
        })
    }

    /// Returns the labels of each text, best first: the `top_k` best or, if that is `None`, those
    /// that pass the decision threshold.
    ///
    /// # Errors
    /// Returns an error if there is no classifier.
    pub async fn predict(
        &mut self,
        texts: &[String],
        top_k: Option<usize>,
        long: Long,
    ) -> Result<Vec<Vec<LabelScore>>> {
        let model = self
            .models
            .classifier
            .as_ref()
            .or(self.models.language_model.as_ref())
            .ok_or_else(no_model)?;
        let label_selection = top_k.map_or(
            LabelSelection::Given {
                own_thresholds: false,
            },
            LabelSelection::Best,
        );
        inference::predict(model, &self.device, texts, (label_selection, long)).await
    }

    /// Returns how many tokens the model reads of a text, special tokens included, and whether
    /// `text` has more. `None` if there is no model.
    pub fn is_cut(&self, text: &str) -> Option<(usize, bool)> {
        let model = self
            .models
            .classifier
            .as_ref()
            .or(self.models.language_model.as_ref())?;
        Some((input::tokens_read(model), input::is_cut(model, text)))
    }

    /// Returns the share of the distinct words of `text` that occur in no training document of the
    /// classifier; `None` if the classifier does not store the words of its training documents.
    pub fn unseen_share(&self, text: &str) -> Option<f64> {
        let model = self
            .models
            .classifier
            .as_ref()
            .or(self.models.language_model.as_ref())?;
        let (words, unseen) = inference::unseen_words(model, text);
        (words > 0).then(|| unseen.len() as f64 / words as f64)
    }

    /// Returns the `top_k` predictions for each `[MASK]` of `text`.
    ///
    /// # Errors
    /// Returns an error if there is no language model or no `[MASK]`.
    pub async fn fill_mask(&mut self, text: &str, top_k: usize) -> Result<Vec<MaskPrediction>> {
        let model = self
            .models
            .language_model
            .as_ref()
            .or(self.models.classifier.as_ref())
            .ok_or_else(no_model)?;
        inference::fill_mask(model, &self.device, text, top_k).await
    }

    /// Returns how much each word of `text` contributes to a label; `None` selects the predicted
    /// label that the text raises most.
    ///
    /// # Errors
    /// Returns an error if there is no classifier, or it does not have the label.
    pub async fn evidence(&self, text: &str, label: Option<&str>) -> Result<Evidence> {
        let model = self.models.classifier.as_ref();
        let model = model
            .or(self.models.language_model.as_ref())
            .ok_or_else(no_model)?;
        query::evidence::evidence(model, &self.device, text, label).await
    }

    /// Returns the tokens of `text` and the attention probabilities `[layer][head][query][key]`.
    ///
    /// # Errors
    /// Returns an error if there is no model or the text is too long.
    pub async fn attention(
        &mut self,
        text: &str,
    ) -> Result<(Vec<String>, Vec<Vec<Vec<Vec<f32>>>>)> {
        let model = self
            .models
            .classifier
            .as_ref()
            .or(self.models.language_model.as_ref())
            .ok_or_else(no_model)?;
        inference::attention(model, &self.device, text).await
    }

    /// Returns the files of the model of the last run or import.
    ///
    /// # Errors
    /// Returns an error if there is no model or the device is lost.
    pub async fn export(&self) -> Result<ModelFiles> {
        let newest = if self.models.latest == Phase::Finetune {
            &self.models.classifier
        } else {
            &self.models.language_model
        };
        newest
            .as_ref()
            .or(self.models.language_model.as_ref())
            .ok_or_else(no_model)?
            .to_files()
            .await
    }

    /// Returns the files of the language model of the last pre-training run or import.
    ///
    /// # Errors
    /// Returns an error if there is none or the device is lost.
    pub async fn export_language_model(&self) -> Result<ModelFiles> {
        self.models
            .language_model
            .as_ref()
            .ok_or_else(no_model)?
            .to_files()
            .await
    }

    /// Loads a model, from which the next run fine-tunes or continues pre-training.
    ///
    /// # Errors
    /// Returns an error if the files are not a valid model; the session then stays as it was.
    pub fn import(&mut self, files: ModelFiles) -> Result<()> {
        let mut model = LoadedModel::from_files(&files, &self.device)?;
        for notice in std::mem::take(&mut model.notices) {
            self.warn("", notice.code, notice.message);
        }
        self.models.classifier = model.heads.classifier.then(|| model.clone());
        self.models.latest = if model.heads.classifier {
            Phase::Finetune
        } else {
            Phase::Pretrain
        };
        self.models.continues = true;
        self.dataset.learned = None;
        self.models.pretraining_secs = None;
        self.dataset.out_of_fold = None;
        self.models.language_model = Some(model);
        Ok(())
    }

    fn warn(&self, run: &str, code: &str, message: Message) {
        self.host.emit(Event::Warning {
            run: run.into(),
            code: code.into(),
            message,
        });
    }
}
