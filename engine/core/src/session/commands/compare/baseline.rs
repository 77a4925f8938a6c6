//! The n-gram baseline of a comparison: the best linear classifier of the portfolio on the same
//! documents.

use crate::data::examples::{EncodedDocument, EncodedDocuments};
use crate::data::{Document, LabelSet, Selection, Tokenizer};
use crate::error::{Error, Result};
use crate::model::ProblemType;
use crate::session::checks::no_corpus;
use crate::session::classifier::ensemble::DocumentVectors;
use crate::session::classifier::folds::{Folds, MIN_DOCUMENTS};
use crate::session::classifier::portfolio::{self, Chosen, VECTOR_WIDTH};
use crate::session::commands::compare::figures;
use crate::session::dataset::tokenized_corpus::Labelled;
use crate::session::{Host, Session};
use crate::train::{EvalInput, classifier_metrics, score_interval};
use protocol::{FileRole, LinearResult, RunConfig, message};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The selected linear classifier, and what it was trained on.
pub(in crate::session) struct LinearTraining {
    /// Training documents.
    pub train: Vec<Document>,
    /// Validation documents; none with cross-validation.
    pub valid: Vec<Document>,
    /// The labels, in the order of their indices.
    pub labels: LabelSet,
    /// Single-label or multi-label.
    pub problem: ProblemType,
    /// Which documents of the corpus are used.
    selection: Selection,
    /// The tokenizer that its word vectors belong to.
    tokenizer: Option<Rc<Tokenizer>>,
    /// The classifier, with the margins of the documents it was selected on.
    pub chosen: Chosen,
}

impl<H: Host> Session<H> {
    /// Trains the linear classifiers on the documents that fine-tuning with `config` would train
    /// on, selects one on the validation documents, and evaluates it on the `measured` split.
    /// Returns its result and the number of training documents.
    pub(in crate::session) async fn linear(
        &mut self,
        config: &RunConfig,
        measured: FileRole,
    ) -> Result<(LinearResult, u64)> {
        let started = self.host.now_secs();
        let cross_validates = measured == FileRole::Valid && self.cross_validates(config);
        let LinearTraining {
            train,
            valid,
            labels,
            problem,
            selection,
            tokenizer,
            chosen,
        } = self.train_linear(config, cross_validates).await?;
        let elapsed_secs = self.host.now_secs() - started;
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let test = match measured {
            FileRole::Valid if cross_validates => train.clone(),
            FileRole::Valid => valid,
            _ => corpus.labelled(measured, &selection)?,
        };
        let mut unseen: BTreeMap<String, u64> = BTreeMap::new();
        for label in test.iter().flat_map(|document| labels.encode(document).1) {
            *unseen.entry(label).or_default() += 1;
        }
        let truth: Vec<Vec<usize>> = test
            .iter()
            .map(|document| labels.encode(document).0)
            .collect();
        let margins = if cross_validates {
            chosen.margins.clone()
        } else {
            chosen.part.margins(tokenizer.as_deref(), &test)
        };
        let scores: Vec<Vec<f64>> = margins
            .iter()
            .map(|row| chosen.vote.fusion.probabilities(&[row.as_slice()], problem))
            .collect();
        let decision = chosen.vote.decision(problem);
        let eval_input = EvalInput {
            scores: &scores,
            truth: &truth,
            labels: labels.names(),
            unseen: &unseen,
            loss: 0.0,
        };
        let interval = score_interval(&eval_input, &decision);
        let result = LinearResult {
            test: figures(&classifier_metrics(eval_input, decision)),
            features: chosen.part.linear.features() as u64,
            elapsed_secs,
            member: chosen.part.linear.name(),
            interval,
        };
        Ok((result, train.len() as u64))
    }

    /// Trains the linear classifiers on the documents that fine-tuning with `config` would train
    /// on, at most the first [`portfolio::MAX_DOCUMENTS`], and selects one on the validation
    /// documents or, if `cross_validates`, on the training documents, out of fold.
    ///
    /// # Errors
    /// Returns an error if there is no corpus, there are no labels, or too few documents to
    /// validate on.
    pub(in crate::session) async fn train_linear(
        &mut self,
        config: &RunConfig,
        cross_validates: bool,
    ) -> Result<LinearTraining> {
        let words = self
            .models
            .language_model
            .as_ref()
            .map(|model| model.tokenizer.clone());
        if self.dataset.learned.is_none() {
            self.learn("", config, words)?;
        }
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let Labelled {
            selection, survey, ..
        } = Labelled::of(corpus, config)?;
        let labels = survey.labels()?;
        let problem = survey.problem_type(config.task)?;
        let train_selection = Selection {
            with_set_aside: cross_validates,
            ..selection
        };
        let mut train = corpus.labelled(FileRole::Train, &train_selection)?;
        train.truncate(portfolio::MAX_DOCUMENTS as usize);
        if cross_validates && (train.len() as u64) < MIN_DOCUMENTS {
            return Err(too_few(train.len()));
        }
        let valid = if cross_validates {
            Vec::new()
        } else {
            corpus.labelled(FileRole::Valid, &selection)?
        };
        let rows: Vec<Vec<usize>> = train
            .iter()
            .map(|document| labels.encode(document).0)
            .collect();
        let folds = cross_validates.then(|| Folds::new(&train, &rows));
        let (tokenizer, vectors) = self.text_vectors(&train).unzip();
        let task = portfolio::Task {
            train: &train,
            valid: &valid,
            labels: &labels,
            problem,
            tokenizer: tokenizer.as_deref(),
            vectors,
            folds: folds.as_ref(),
            class_weights: config.class_weights,
            seed: config.seed,
        };
        let (host, deferred) = (&self.host, &mut self.deferred);
        let mut yield_now = async || deferred.extend(host.yield_now().await);
        let chosen = portfolio::choose(&task, &mut yield_now)
            .await
            .ok_or_else(|| {
                Error::input(
                    "no-validation",
                    message!("linear classifiers need a labelled validation set"),
                    message!("Add more labelled documents."),
                )
            })?;
        Ok(LinearTraining {
            train,
            valid,
            labels,
            problem,
            selection,
            tokenizer,
            chosen,
        })
    }

    /// Returns vectors that describe `documents`, learned from the text, and their tokenizer. The
    /// baseline uses nothing that pre-training learned.
    pub(in crate::session) fn text_vectors(
        &self,
        documents: &[Document],
    ) -> Option<(Rc<Tokenizer>, Rc<DocumentVectors>)> {
        let learned = self.dataset.learned.as_ref()?;
        let (tokenizer, own) = (
            learned.tokenizer.clone(),
            learned.any_embeddings(VECTOR_WIDTH)?,
        );
        let encoded = documents
            .iter()
            .map(|document| EncodedDocument::of_text(&tokenizer, document));
        let encoded = EncodedDocuments::in_memory(encoded, tokenizer.len());
        let vectors = DocumentVectors::new(own.values.clone(), own.width, &encoded);
        Some((tokenizer, Rc::new(vectors)))
    }
}

fn too_few(documents: usize) -> Error {
    Error::input(
        "too-few-labels",
        message!(
            "{documents} labelled documents are too few for cross-validation",
            documents
        ),
        message!(
            "Label more documents first: at least {least}.",
            least = MIN_DOCUMENTS
        ),
    )
}
