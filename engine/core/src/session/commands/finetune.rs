//! Fine-tuning: from a configuration to a classifier, by way of its labelled documents, its labels,
//! its held-out splits and its initial weights.

mod documents;

use crate::data::examples::{EncodedDocuments, LabelledExamples};
use crate::data::labels::{LabelSet, LabelSurvey};
use crate::data::{Corpus, Selection, Tokenizer, quoted};
use crate::error::{Error, Result};
use crate::interop::Weights;
use crate::model::{Architecture, Heads, ModelConfig};
use crate::session::checks::{no_corpus, no_pretrained_model};
use crate::session::classifier::classification::Classification;
use crate::session::classifier::ensemble::{DocumentVectors, LinearPart};
use crate::session::classifier::folds::{CrossValidation, FOLDS};
use crate::session::classifier::frozen::{is_frozen, nothing_to_freeze, sets_training};
use crate::session::classifier::portfolio::{MAX_DOCUMENTS, VECTOR_WIDTH, vectors_of_model};
use crate::session::classifier::scored::HeldOut;
use crate::session::dataset::held_out::HeldOutDocuments;
use crate::session::loaded_model::LoadedModel;
use crate::session::run::Finished;
use crate::session::run::plan::{self, Budget, DataShape, Plan};
use crate::session::run::task::Task;
use crate::session::run::training::RunSetup;
use crate::session::{Host, RunOutcome, Session, Snapshot};
use protocol::{
    ClassWeights, FileRole, Message, PartsKind, Phase, RunConfig, Setting, StartFrom, TaskKind,
    message,
};
use std::cell::OnceCell;
use std::rc::Rc;

/// The source of a classifier's initial weights and configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Weights, configuration and tokenizer of the language model.
    Pretrained,
    /// Random weights and the configuration that was requested.
    Scratch,
    /// Random weights, but the language model's configuration and tokenizer: the other condition of
    /// a comparison.
    LikeTheLanguageModel,
}

impl<H: Host> Session<H> {
    /// Trains a classifier for the labels of the corpus, from the language model or from scratch.
    /// Resumes from `resume`.
    ///
    /// # Errors
    /// Returns an error if the corpus or a setting cannot be used, there is no model to start from,
    /// or the run fails.
    pub async fn finetune(
        &mut self,
        run: &str,
        config: &RunConfig,
        from: StartFrom,
        resume: Option<Snapshot>,
    ) -> Result<RunOutcome> {
        let start = if from == StartFrom::Pretrained {
            Start::Pretrained
        } else {
            Start::Scratch
        };
        let cross_validates = self.cross_validates(config);
        self.dataset.out_of_fold = None;
        if cross_validates {
            self.train_on_all(true);
        }
        self.warn_of_files_without_labels(run);
        let finished = match self.report_near_duplicates(run, config) {
            Ok(()) => self.finetune_from(run, config, start, resume).await,
            Err(error) => Err(error),
        };
        if cross_validates {
            self.train_on_all(false);
        }
        let finished = finished?;
        let scores = finished
            .trained
            .ensemble
            .as_ref()
            .and_then(|ensemble| ensemble.out_of_fold.clone());
        let fingerprint = self
            .dataset
            .corpus
            .as_ref()
            .map(|corpus| corpus.fingerprint().to_string());
        self.dataset.out_of_fold = fingerprint.zip(scores);
        Ok(finished.outcome)
    }

    /// Warns of validation and test files in which no document has a label.
    pub(super) fn warn_of_files_without_labels(&self, run: &str) {
        let Some(corpus) = &self.dataset.corpus else {
            return;
        };
        for report in corpus.files() {
            if report.documents == 0 || report.labelled > 0 {
                continue;
            }
            let file = quoted(&report.name);
            let count = report.documents;
            let message = match report.role {
                FileRole::Train => continue,
                FileRole::Valid if !corpus.holds_out_validation() => message!(
                    "{file}: none of the {count} validation documents has a label, so the file is not used for validation",
                    file,
                    count
                ),
                FileRole::Valid => message!(
                    "{file}: none of the {count} validation documents has a label, so some of the training documents are used for validation instead",
                    file,
                    count
                ),
                FileRole::Test => message!(
                    "{file}: none of the {count} test documents has a label, so the file is not used for testing",
                    file,
                    count
                ),
            };
            self.warn(run, "files-without-labels", message);
        }
    }

    /// As [`Self::finetune`], but returns the metrics as well.
    pub(crate) async fn finetune_from(
        &mut self,
        run: &str,
        config: &RunConfig,
        from: Start,
        resume: Option<Snapshot>,
    ) -> Result<Finished> {
        let resumed = self.resumed(Phase::Finetune, resume)?;
        let mut config = resumed
            .as_ref()
            .map_or(config, |resumed| &resumed.state.config)
            .clone();
        plan::check_numbers(&config)?;
        let cross_validates = self
            .dataset
            .corpus
            .as_ref()
            .is_some_and(Corpus::trains_on_all);
        let has_validation = cross_validates
            || self
                .dataset
                .corpus
                .as_ref()
                .is_some_and(|corpus| corpus.labelled_documents(FileRole::Valid) > 0);
        if !has_validation && config.parts != Some(PartsKind::One) {
            // Without validation documents there is nothing to fit the weights of further parts on.
            if config.parts.is_some() {
                let message = message!(
                    "there are no labelled validation documents, so the classifier is a single network"
                );
                self.warn(run, "one-part", message);
            }
            config.parts = Some(PartsKind::One);
        }
        let language_model = || {
            self.models
                .language_model
                .clone()
                .ok_or_else(no_pretrained_model)
        };
        // In a comparison both conditions start without word vectors.
        let word_vectors = from == Start::Scratch;
        let (base, shape) = match from {
            _ if resumed.is_some() => (None, None),
            Start::Pretrained => (Some(language_model()?), None),
            Start::Scratch => (None, None),
            Start::LikeTheLanguageModel => (None, Some(language_model()?.config)),
        };
        let is_frozen = match &base {
            None if resumed.is_some() => resumed
                .as_ref()
                .is_some_and(|resumed| resumed.state.plan.budget == Budget::Steps(0)),
            Some(base) => {
                self.tell_sentence_encoder(run, base, &config);
                is_frozen(base, &config)
            }
            None if config.freeze == Some(true) && from == Start::Scratch => {
                return Err(nothing_to_freeze());
            }
            None => false,
        };
        let tokenizer = match resumed
            .as_ref()
            .map(|resumed| &resumed.trained)
            .or(base.as_ref())
        {
            Some(model) => model.tokenizer.clone(),
            None => self.scratch_tokenizer(run, &config)?,
        };
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let (selection, survey) = self.select_labelled(run, corpus, &config)?;
        let mut model = match (&resumed, &base) {
            (Some(resumed), _) => resumed.trained.config.clone(),
            (None, Some(base)) => labelled(base.config.clone(), &survey, &config)?,
            (None, None) => {
                let shape =
                    shape.map_or_else(|| plan::model_config(&config, tokenizer.len()), Ok)?;
                labelled(shape, &survey, &config)?
            }
        };
        let labels = LabelSet::from_names(model.labels.clone());
        let train = self.encode_for_training(run, &tokenizer, &labels, (corpus, &selection))?;
        let plan = match &resumed {
            Some(resumed) => resumed.state.plan.clone(),
            None => {
                let max_len =
                    plan::finetuning_max_len(&config, &train, model.max_position_embeddings);
                let folds = (cross_validates && !is_frozen).then_some(FOLDS as u64);
                let share = if folds.is_some() {
                    (FOLDS - 1) as f64 / FOLDS as f64
                } else {
                    1.0
                };
                let data = DataShape {
                    examples: (share * train.len() as f64).round() as u64,
                    max_len,
                    folds,
                    frozen: is_frozen,
                };
                plan::plan(&config, Phase::Finetune, &model, data)?
            }
        };
        self.tell_long_documents(run, &train, plan.max_len);
        model.trained_len = Some(plan.max_len);
        model.document_columns = corpus.columns();
        // A resumed run takes its initial weights from the checkpoint.
        let mut source = match (&resumed, base) {
            (Some(resumed), _) => resumed.source.clone(),
            (None, Some(base)) => encoder_of(&base, &model.labels).await?,
            (None, None) => Weights::new(),
        };
        let problem = model
            .problem_type
            .expect("the labels told it, or the run that is resumed");
        let few = self
            .dataset
            .corpus
            .as_ref()
            .is_some_and(|corpus| corpus.labelled_documents(FileRole::Train) <= MAX_DOCUMENTS);
        let folds = if cross_validates {
            Some(self.folds(run, &selection, &train)?)
        } else {
            None
        };
        let has_linear = few && matches!(config.parts, None | Some(PartsKind::Fusion));
        let linear = if has_linear {
            let vectors =
                self.document_vectors(run, &config, &source, &model, (&tokenizer, &train))?;
            self.linear_part(
                run,
                &selection,
                (&labels, problem),
                (&tokenizer, vectors),
                (folds.as_ref(), &config),
            )
            .await?
        } else {
            None
        };
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let (linear, margins) = linear.map(|chosen| (chosen.part, chosen.margins)).unzip();
        let parts = (config.parts, linear);
        let mut task = self.classification(
            run,
            (train, &labels),
            (&model, &tokenizer, &plan),
            (corpus, &selection),
            parts,
        )?;
        task.balanced_class_weights = config.class_weights == Some(ClassWeights::Balanced);
        task.cross_validation = folds.map(|folds| CrossValidation {
            folds,
            all: task.train.clone(),
            margins,
            outputs: None,
        });
        let plan = if is_frozen {
            self.warn(
                run,
                "frozen",
                message!("the encoder is frozen; only the output layer is fitted"),
            );
            if sets_training(&config) {
                let message = message!(
                    "only the output layer is fitted ({freeze}), so {steps}, {epochs}, {minutes} and {lr} have no effect",
                    freeze = Setting::with_value("freeze", "true"),
                    steps = Setting::named("steps"),
                    epochs = Setting::named("epochs"),
                    minutes = Setting::named("minutes"),
                    lr = Setting::named("lr")
                );
                self.warn(run, "frozen-settings", message);
            }
            let head = self
                .frozen_head(run, (&model, &source), &mut task, plan.seed)
                .await?;
            source.extend(head.into_iter().flatten());
            plan.without_steps()
        } else {
            if task.cross_validation.is_some() {
                task.begin_network(0, plan.seed);
            }
            plan
        };
        let entropy_baselines = task.entropy_baselines();
        let corpus = self
            .dataset
            .corpus
            .as_ref()
            .ok_or_else(no_corpus)?
            .fingerprint()
            .to_string();
        let starts_own =
            source.is_empty() && plan::starts_from_own_vectors(&config, Phase::Finetune);
        let own_vectors = if starts_own {
            self.learn(run, &config, Some(tokenizer.clone()))?;
            self.own_vectors(run, &config, Phase::Finetune, model.hidden_size)
        } else {
            None
        };
        let start = RunSetup {
            heads: Heads::CLASSIFIER,
            model,
            tokenizer,
            plan,
            config,
            entropy_baselines,
            word_vectors,
            own_vectors,
        };
        let finished = self.run(run, start, task, corpus, resumed, source).await?;
        self.models.classifier = Some(finished.trained.clone());
        self.models.latest = Phase::Finetune;
        Ok(finished)
    }

    /// Returns the word vectors that describe documents to the linear part: the embeddings of the
    /// model that the classifier starts from, or vectors learned from the corpus.
    fn document_vectors(
        &mut self,
        run: &str,
        config: &RunConfig,
        source: &Weights,
        model: &ModelConfig,
        (tokenizer, train): (&Rc<Tokenizer>, &EncodedDocuments),
    ) -> Result<Option<Rc<DocumentVectors>>> {
        if !source.is_empty() {
            return Ok(vectors_of_model(source, model.architecture, train));
        }
        self.learn(run, config, Some(tokenizer.clone()))?;
        let learned = self
            .dataset
            .learned
            .as_ref()
            .and_then(|learned| learned.embeddings(VECTOR_WIDTH));
        Ok(learned.map(|own| Rc::new(DocumentVectors::new(own.values.clone(), own.width, train))))
    }

    /// Builds the classification task: trains on `train` and is evaluated on the held-out documents
    /// of `corpus`.
    fn classification(
        &self,
        run: &str,
        (train, labels): (EncodedDocuments, &LabelSet),
        (model, tokenizer, plan): (&ModelConfig, &Tokenizer, &Plan),
        (corpus, selection): (&Corpus, &Selection),
        (parts, linear): (Option<PartsKind>, Option<LinearPart>),
    ) -> Result<Classification> {
        let examples = |documents, seed| {
            let (specials, classes) = (tokenizer.specials(), labels.len());
            LabelledExamples::new(
                documents,
                specials,
                classes,
                seed,
                plan.batch_size,
                plan.max_len,
            )
        };
        let held_out = |split: &str, role| {
            let encoded = self.held_out(
                run,
                split,
                tokenizer,
                labels,
                (corpus, role, selection),
                linear.as_ref(),
            )?;
            Ok::<_, Error>(encoded.map(
                |HeldOutDocuments {
                     documents,
                     unseen,
                     has_unseen,
                     margins,
                 }| HeldOut {
                    examples: examples(documents, 0),
                    unseen,
                    has_unseen,
                    margins,
                    known: None,
                },
            ))
        };
        Ok(Classification {
            valid: held_out("validation", FileRole::Valid)?,
            test: held_out("test", FileRole::Test)?,
            cross_validation: None,
            train: examples(train, plan.seed),
            problem: model
                .problem_type
                .expect("the labels told it, or the run that is resumed"),
            linear,
            parts,
            balanced_class_weights: false,
            shares: OnceCell::new(),
            ensemble: None,
        })
    }

    /// Returns the language model's tokenizer if there is one, so that both conditions of a
    /// comparison share it; otherwise a new one.
    fn scratch_tokenizer(&mut self, run: &str, config: &RunConfig) -> Result<Rc<Tokenizer>> {
        if let Some(model) = &self.models.language_model {
            return Ok(model.tokenizer.clone());
        }
        self.learn(run, config, None)?;
        Ok(self
            .dataset
            .learned
            .as_ref()
            .expect("just learned")
            .tokenizer
            .clone())
    }
}

/// Returns `model` as the configuration of a classifier for the labels of the corpus.
///
/// # Errors
/// Returns an error if the labels or the pooling cannot be used.
fn labelled(model: ModelConfig, survey: &LabelSurvey, config: &RunConfig) -> Result<ModelConfig> {
    if config.pooling.is_some() && model.architecture != Architecture::Bert {
        let title = Message::phrase(model.architecture.backbone().title());
        return Err(Error::input(
            "no-such-pooling",
            message!(
                "{pooling} is only for BERT models; this model ({title}) has its own pooling",
                title,
                pooling = Setting::named("pooling")
            ),
            message!("Leave {pooling} out.", pooling = Setting::named("pooling")),
        ));
    }
    Ok(ModelConfig {
        pooling: config.pooling.or(model.pooling),
        labels: survey.labels()?.names().to_vec(),
        problem_type: Some(survey.problem_type(config.task)?),
        threshold: None,
        threshold_scales: None,
        thresholds: None,
        pairs: config.task == TaskKind::Pair && survey.pairs,
        type_vocab_size: model.type_vocab_size.max(if survey.pairs { 2 } else { 1 }),
        ..model
    })
}

/// Returns the weights of `base` to fine-tune. A head for other labels is dropped.
async fn encoder_of(base: &LoadedModel, labels: &[String]) -> Result<Weights> {
    let mut weights = base.weights().await?;
    weights.retain(|name, _| base.config.labels == labels || !name.starts_with("classifier."));
    Ok(weights)
}
