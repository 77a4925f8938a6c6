//! A person's work with the engine, from files to answers: the state between runs, and the one function per command
//! that both hosts call. Knows the platform only through [`Host`].

mod cache;
mod card;
mod checkpoint;
mod checks;
mod classification;
mod clock;
mod compare;
mod diagnosis;
mod estimate;
mod evaluation;
mod finetune;
mod folds;
mod frozen;
mod host;
mod inference;
mod label_file;
mod loaded_model;
mod near_duplicates;
mod neighbours;
mod parts;
pub mod plan;
mod portfolio;
mod pretrain;
mod preview;
mod read;
mod resume;
mod review;
mod run;
mod run_control;
mod scored;
mod self_check;
mod serve;
mod similar;
mod snapshot;
mod task;
mod tokenized_corpus;
mod toy;
mod train_progress;
mod trainer;
mod training;
mod vectors;
mod vote;

pub use checkpoint::{CHECKPOINTS, FileDigest, MANIFEST_FILE, Manifest, interval_secs, sha256};
pub use compare::Progress as ComparisonProgress;
pub use evaluation::EvaluationRows;
pub use host::{CacheEntry, Host, ModelFiles, RunOutcome, Snapshot};
use inference::LabelSelection;
pub use inference::{Long, failed};
pub use label_file::{LABEL_WARNING_CODES, long_texts};
pub use loaded_model::{LoadedModel, Restored};
pub use resume::resumable;
pub use self_check::largest_difference;
pub use similar::SimilarDocuments;
pub use toy::{LEARNED, ToyOutcome};
pub use vectors::vector_lines;

use crate::data::examples::LabelledExamples;
use crate::data::labels::LabelSet;
use crate::data::{Corpus, Opened, ReadOptions, Selection};
use crate::device;
use crate::error::Result;
use crate::model::ProblemType;
use burn::tensor::Device;
use checks::{finite, needs_masked_lm, no_corpus, no_model};
use finetune::Encoded;
use preview::PreviewRequest;
use protocol::{
    BackendChoice, Command, DeviceInfo, Event, FileRole, LabelScore, MaskPrediction, Metrics,
    Phase, RunConfig,
};
use review::Reviewed;
pub use scored::DecisionRule;
use scored::{HeldOut, Scored};
use std::collections::VecDeque;
use std::rc::Rc;
use task::masked_lm_metrics;
use tokenized_corpus::TokenizedCorpus;

/// Hands the lines of a file of word vectors to a function, from the first one on, as often as it is called.
pub type VectorLines = Box<dyn Fn(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>>;

/// Documents that a model is asked about together.
const BATCH_SIZE: usize = 32;

/// The state between commands.
pub struct Session<H: Host> {
    host: H,
    device: Device,
    info: DeviceInfo,
    corpus: Option<Corpus>,
    learned: Option<TokenizedCorpus>,
    language_model: Option<LoadedModel>,
    classifier: Option<LoadedModel>,
    /// Whether the next pre-training goes on from `language_model` instead of starting afresh.
    continues: bool,
    /// Seconds that the language model's pre-training took, where it was trained here.
    pretraining_secs: Option<f64>,
    /// Word vectors that new models start from.
    word_vectors: Option<VectorLines>,
    /// What the last run, or the last import, made.
    latest: Phase,
    /// The text that a person looks at while runs learn.
    watched: Option<PreviewRequest>,
    /// What the classifier was last asked about all at once.
    reviewed: Option<Reviewed>,
    /// The corpus that the classifier was cross-validated on, and the probabilities of its documents.
    out_of_fold: Option<(String, Rc<Vec<Vec<f64>>>)>,
    deferred: VecDeque<Command>,
}

impl<H: Host> Session<H> {
    /// Chooses a device and tells which.
    ///
    /// # Errors
    /// When a GPU was asked for by name and there is none.
    pub async fn open(host: H, choice: BackendChoice) -> Result<Self> {
        let (device, info) = device::open(choice).await?;
        let (device, info) = self_check::checked(device, info).await;
        host.emit(
            Event::Ready {
                device: info.clone(),
            },
            Vec::new(),
        );
        Ok(Self {
            host,
            device,
            info,
            corpus: None,
            learned: None,
            language_model: None,
            classifier: None,
            continues: false,
            pretraining_secs: None,
            word_vectors: None,
            latest: Phase::Pretrain,
            watched: None,
            reviewed: None,
            out_of_fold: None,
            deferred: VecDeque::new(),
        })
    }

    /// The platform.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// What computes.
    pub fn device(&self) -> &DeviceInfo {
        &self.info
    }

    /// The labels that the model gives; none of a language model.
    pub fn labels(&self) -> &[String] {
        self.classifier
            .as_ref()
            .map_or(&[], |model| &model.config.labels)
    }

    /// Reads files into the corpus and tells what was found.
    ///
    /// # Errors
    /// When nothing usable is among them; the corpus is then what it was.
    pub fn set_corpus(&mut self, files: &Opened, options: &ReadOptions) -> Result<()> {
        let (corpus, warnings) = Corpus::read(files, options)?;
        self.host
            .emit(tokenized_corpus::report(&corpus), Vec::new());
        for (code, message) in warnings {
            self.warn("", code, message);
        }
        self.corpus = Some(corpus);
        self.learned = None;
        self.reviewed = None;
        Ok(())
    }

    /// `options`, with the columns that the classifier was trained on.
    pub fn reading_as_trained(&self, options: ReadOptions) -> ReadOptions {
        let Some(model) = &self.classifier else {
            return options;
        };
        ReadOptions {
            trained_columns: model.config.text_columns.clone(),
            ..options
        }
    }

    /// Has each run show what it makes of the first document, masked as `config` says, as it learns.
    ///
    /// # Errors
    /// When there is no corpus, or it can no longer be read.
    pub fn watch(&mut self, config: &RunConfig) -> Result<()> {
        let text = self
            .corpus
            .as_ref()
            .ok_or_else(no_corpus)?
            .training_text(0)?;
        self.watched = Some(PreviewRequest {
            config: config.clone(),
            example: 0,
            epoch: 0,
            text,
        });
        Ok(())
    }

    /// Takes word vectors, in word2vec's text form, that models started from scratch get; `None` takes them away.
    pub fn set_word_vectors(&mut self, lines: Option<VectorLines>) {
        self.word_vectors = lines;
    }

    /// Measures the classifier, or the language model where there is no classifier, on the `split` of the corpus
    /// (`train`, `valid` or `test`), labels by `rule`; `seed` draws the masks.
    ///
    /// # Errors
    /// When there is no model, or the split holds nothing that it could be measured on.
    pub async fn evaluate(
        &mut self,
        run: &str,
        split: &str,
        rule: DecisionRule,
        seed: u64,
    ) -> Result<Metrics> {
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let role = match split {
            "train" => FileRole::Train,
            "valid" => FileRole::Valid,
            _ => FileRole::Test,
        };
        if let Some(model) = &self.classifier {
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
        let model = self.language_model.as_ref().ok_or_else(no_model)?;
        needs_masked_lm(model)?;
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

    /// `documents` for measuring `model`, a classifier, as long as it was trained at.
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
        let Some(Encoded {
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

    /// Labels of each text, best first, in order: the `top_k` best or, without it, those that count as given.
    ///
    /// # Errors
    /// When there is no classifier.
    pub async fn predict(
        &mut self,
        texts: &[String],
        top_k: Option<usize>,
        long: Long,
    ) -> Result<Vec<Vec<LabelScore>>> {
        let model = self
            .classifier
            .as_ref()
            .or(self.language_model.as_ref())
            .ok_or_else(no_model)?;
        let told = top_k.map_or(
            LabelSelection::Given {
                own_thresholds: false,
            },
            LabelSelection::Best,
        );
        inference::predict(model, &self.device, texts, (told, long)).await
    }

    /// Tokens that the classifier reads of a text, the special ones included, and whether `text` has more.
    pub fn is_cut(&self, text: &str) -> Option<(usize, bool)> {
        let model = self.classifier.as_ref().or(self.language_model.as_ref())?;
        Some((
            inference::tokens_read(model),
            inference::is_cut(model, text),
        ))
    }

    /// Share of the different words of `text` that occurred in no training document of the classifier; `None` where it does
    /// not know the words of those.
    pub fn unseen_share(&self, text: &str) -> Option<f64> {
        let model = self.classifier.as_ref().or(self.language_model.as_ref())?;
        let (words, unseen) = inference::unseen_words(model, text);
        (words > 0).then(|| unseen.len() as f64 / words as f64)
    }

    /// Best guesses for each `[MASK]` of `text`.
    ///
    /// # Errors
    /// When there is no language model or nothing to guess.
    pub async fn fill_mask(&mut self, text: &str, top_k: usize) -> Result<Vec<MaskPrediction>> {
        let model = self
            .language_model
            .as_ref()
            .or(self.classifier.as_ref())
            .ok_or_else(no_model)?;
        inference::fill_mask(model, &self.device, text, top_k).await
    }

    /// Tokens of `text` and the attention probabilities `[layer][head][query][key]`.
    ///
    /// # Errors
    /// When there is no model or the text is too long.
    pub async fn attention(
        &mut self,
        text: &str,
    ) -> Result<(Vec<String>, Vec<Vec<Vec<Vec<f32>>>>)> {
        let model = self
            .classifier
            .as_ref()
            .or(self.language_model.as_ref())
            .ok_or_else(no_model)?;
        inference::attention(model, &self.device, text).await
    }

    /// The model of the last run or import, as files.
    ///
    /// # Errors
    /// When there is no model or the device no longer answers.
    pub async fn export(&self) -> Result<ModelFiles> {
        let newest = if self.latest == Phase::Finetune {
            &self.classifier
        } else {
            &self.language_model
        };
        newest
            .as_ref()
            .or(self.language_model.as_ref())
            .ok_or_else(no_model)?
            .to_files()
            .await
    }

    /// The model that the last pre-training run made, as files.
    ///
    /// # Errors
    /// When there is none or the device no longer answers.
    pub async fn export_language_model(&self) -> Result<ModelFiles> {
        self.language_model
            .as_ref()
            .ok_or_else(no_model)?
            .to_files()
            .await
    }

    /// Takes a model: what the next fine-tuning starts from and the next pre-training goes on from.
    ///
    /// # Errors
    /// When the files are no sound model; the session is then what it was.
    pub fn import(&mut self, files: ModelFiles) -> Result<()> {
        let mut model = LoadedModel::from_files(&files, &self.device)?;
        for notice in std::mem::take(&mut model.notices) {
            self.warn("", notice.code, notice.message);
        }
        self.classifier = model.heads.classifier.then(|| model.clone());
        self.latest = if model.heads.classifier {
            Phase::Finetune
        } else {
            Phase::Pretrain
        };
        self.continues = true;
        self.learned = None;
        self.pretraining_secs = None;
        self.out_of_fold = None;
        self.language_model = Some(model);
        Ok(())
    }

    fn warn(&self, run: &str, code: &str, message: String) {
        self.host.emit(
            Event::Warning {
                run: run.into(),
                code: code.into(),
                message,
            },
            Vec::new(),
        );
    }
}
