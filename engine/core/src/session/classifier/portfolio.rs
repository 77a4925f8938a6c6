//! The portfolio of linear classifiers: a few feature sets, one of which is selected on validation
//! documents. It is the baseline for neural models, and a part of the default classifier.

use crate::data::examples::EncodedDocuments;
use crate::data::{Document, LabelSet, Selection, Tokenizer};
use crate::error::Result;
use crate::interop::Weights;
use crate::linear::{Linear, LinearInput, Member, Setup};
use crate::model::{Architecture, ProblemType, word_embeddings};
use crate::session::checks::no_corpus;
use crate::session::classifier::ensemble::{DocumentVectors, LinearPart, describe_all, inputs};
use crate::session::classifier::folds::Folds;
use crate::session::classifier::vote::{Outputs, Vote, vote};
use crate::session::{Host, Session};
use crate::train::Logits;
use protocol::{ClassWeights, Event, FileRole, PartsKind, RunConfig, message};
use std::convert::Infallible;
use std::rc::Rc;

/// Width of the word vectors if no model provides them.
pub(crate) const VECTOR_WIDTH: usize = 128;
/// Maximum number of training documents of linear classifiers, which are held in memory.
pub(crate) const MAX_DOCUMENTS: u64 = 100_000;

/// Bytes of training text above which character n-grams are not used: they take about 30 bytes of
/// memory each.
const MAX_CHARACTERS: u64 = 8_000_000;
/// The same limit for text bytes times labels, which bounds the training time.
const MAX_CHARACTERS_BY_LABELS: u64 = 5_000_000_000;

/// The selected member of the portfolio.
pub(crate) struct Chosen {
    /// The classifier, with the vectors that it uses.
    pub part: LinearPart,
    /// Calibration and decision thresholds of its margins.
    pub vote: Vote,
    /// Its margins for the documents it was selected on: the validation documents or, with
    /// cross-validation, the training documents.
    pub margins: Logits,
}

/// The data of the classifiers.
pub(crate) struct Task<'a> {
    /// Training documents, at most [`MAX_DOCUMENTS`] of which are used.
    pub train: &'a [Document],
    /// Validation documents; if there are none, the training documents are cross-validated by
    /// `folds`.
    pub valid: &'a [Document],
    /// Folds of the training documents.
    pub folds: Option<&'a Folds>,
    /// The labels to predict, in the order of their indices.
    pub labels: &'a LabelSet,
    /// Single-label or multi-label.
    pub problem: ProblemType,
    /// The tokenizer that the vectors belong to.
    pub tokenizer: Option<&'a Tokenizer>,
    /// Word vectors of its vocabulary.
    pub vectors: Option<Rc<DocumentVectors>>,
    /// Class weights; `None` selects those that score best on the validation set.
    pub class_weights: Option<ClassWeights>,
    /// Seed for the order of coordinates in coordinate descent.
    pub seed: u64,
}

/// Trains the portfolio and selects a member; `None` without training documents or without any to
/// validate on. Calls `yield_now` before each member.
pub(crate) async fn choose(task: &Task<'_>, yield_now: &mut impl AsyncFnMut()) -> Option<Chosen> {
    let Task {
        train,
        valid,
        folds,
        labels,
        problem,
        tokenizer,
        vectors,
        class_weights,
        seed,
    } = task;
    let train = &train[..train.len().min(MAX_DOCUMENTS as usize)];
    if train.is_empty() || (valid.is_empty() && folds.is_none()) {
        return None;
    }
    let characters: u64 = train
        .iter()
        .flat_map(Document::texts)
        .map(|text| text.len() as u64)
        .sum();
    let has_room = characters <= MAX_CHARACTERS
        && characters.saturating_mul(labels.len() as u64) <= MAX_CHARACTERS_BY_LABELS;
    let rows = |documents: &[Document]| -> Vec<Vec<usize>> {
        documents
            .iter()
            .map(|document| labels.encode(document).0)
            .collect()
    };
    let (truth, valid_truth) = (rows(train), rows(valid));
    let shares = label_shares(&truth, labels.len());
    let vectors = vectors.as_ref().filter(|_| tokenizer.is_some());
    let described = describe_all(vectors.map(Rc::as_ref), *tokenizer, train);
    let valid_described = describe_all(vectors.map(Rc::as_ref), *tokenizer, valid);
    let (train, valid) = (inputs(train, &described), inputs(valid, &valid_described));
    let chosen_by = if folds.is_some() {
        &truth
    } else {
        &valid_truth
    };
    let judge = |setup: Setup| {
        let learn = |inputs: &[LinearInput], truth: &[Vec<usize>]| {
            Linear::learn(inputs, truth, labels.len(), setup)
        };
        let linear = learn(&train, &truth);
        let margins = [match folds {
            None => linear.margins(&valid),
            Some(folds) => cross_validated(folds, &train, &truth, &learn),
        }];
        let outputs = Outputs {
            networks: &margins,
            margins: None,
            truth: chosen_by,
            labels: labels.names(),
            problem: *problem,
            shares: &shares,
        };
        let vote = vote(&outputs, Some(PartsKind::One));
        let [margins] = margins;
        ScoredMember {
            linear,
            vote,
            margins,
        }
    };
    let is_possible = |member: &Member| {
        !(member.has_dense() && vectors.is_none()) && (has_room || !member.has_characters())
    };
    let balanced = *class_weights == Some(ClassWeights::Balanced);
    let mut best: Option<ScoredMember> = None;
    for member in Member::PORTFOLIO.into_iter().filter(is_possible) {
        yield_now().await;
        keep_better(
            &mut best,
            judge(Setup {
                member,
                balanced,
                seed: *seed,
            }),
        );
    }
    let member = best.as_ref()?.linear.member();
    if class_weights.is_none() {
        yield_now().await;
        keep_better(
            &mut best,
            judge(Setup {
                member,
                balanced: true,
                seed: *seed,
            }),
        );
    }
    let ScoredMember {
        linear,
        vote,
        margins,
    } = best?;
    let vectors = vectors.cloned().filter(|_| linear.member().has_dense());
    Some(Chosen {
        part: LinearPart { linear, vectors },
        vote,
        margins,
    })
}

/// A trained classifier and its validation results.
struct ScoredMember {
    linear: Linear,
    vote: Vote,
    /// See [`Chosen::margins`].
    margins: Logits,
}

/// Replaces `best` by `next` if its mean F1 is higher.
fn keep_better(best: &mut Option<ScoredMember>, next: ScoredMember) {
    if best
        .as_ref()
        .is_none_or(|best| next.vote.mean_f1 > best.vote.mean_f1)
    {
        *best = Some(next);
    }
}

/// Computes the margins of each document by a classifier trained on the other folds,
/// `[documents][C]`.
fn cross_validated(
    folds: &Folds,
    inputs: &[LinearInput],
    truth: &[Vec<usize>],
    learn: &impl Fn(&[LinearInput], &[Vec<usize>]) -> Linear,
) -> Logits {
    let of_fold = |fold: usize| {
        let inside: Vec<LinearInput> = folds
            .places(fold, true)
            .into_iter()
            .map(|place| inputs[place])
            .collect();
        if inside.is_empty() {
            return Ok::<_, Infallible>(Logits::new());
        }
        let (others, labels): (Vec<LinearInput>, Vec<Vec<usize>>) = folds
            .places(fold, false)
            .into_iter()
            .map(|place| (inputs[place], truth[place].clone()))
            .unzip();
        Ok(learn(&others, &labels).margins(&inside))
    };
    match folds.gather(of_fold) {
        Ok(margins) => margins,
        Err(never) => match never {},
    }
}

/// Returns the share of the documents that carry each label, `[C]`, smoothed so that none is 0.
pub(crate) fn label_shares(truth: &[Vec<usize>], classes: usize) -> Vec<f64> {
    let mut counts = vec![0.5; classes];
    truth
        .iter()
        .flatten()
        .for_each(|&label| counts[label] += 1.0);
    counts
        .into_iter()
        .map(|count| count / (truth.len() as f64 + 1.0))
        .collect()
}

/// Returns the word embeddings of a model as vectors that describe `documents`.
pub(crate) fn vectors_of_model(
    source: &Weights,
    architecture: Architecture,
    documents: &EncodedDocuments,
) -> Option<Rc<DocumentVectors>> {
    let table = source.get(word_embeddings(architecture))?;
    let width = *table.shape.get(1)?;
    let fits = width > 0 && table.data.len() == width * table.shape[0];
    fits.then(|| Rc::new(DocumentVectors::new(table.data.clone(), width, documents)))
}

impl<H: Host> Session<H> {
    /// Trains the linear part of a classifier on the documents of `selection`; `None` if there are
    /// none, or none to validate on.
    pub(crate) async fn linear_part(
        &mut self,
        run: &str,
        selection: &Selection,
        (labels, problem): (&LabelSet, ProblemType),
        (tokenizer, vectors): (&Tokenizer, Option<Rc<DocumentVectors>>),
        (folds, config): (Option<&Folds>, &RunConfig),
    ) -> Result<Option<Chosen>> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let message = message!("training linear classifiers on words and characters");
        self.host.emit(Event::Compiling {
            run: run.into(),
            message,
        });
        let train = corpus.labelled(FileRole::Train, selection)?;
        let valid = corpus.labelled(FileRole::Valid, selection)?;
        let tokenizer = Some(tokenizer);
        let RunConfig {
            class_weights,
            seed,
            ..
        } = *config;
        let (train, valid) = (train.as_slice(), valid.as_slice());
        let task = Task {
            train,
            valid,
            folds,
            labels,
            problem,
            tokenizer,
            vectors,
            class_weights,
            seed,
        };
        // A stop that arrives here is handled by the run that follows.
        let (host, deferred) = (&self.host, &mut self.deferred);
        Ok(choose(&task, &mut async || deferred.extend(host.yield_now().await)).await)
    }
}
