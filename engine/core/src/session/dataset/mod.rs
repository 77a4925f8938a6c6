//! The text of a session: the corpus, encoded once per vocabulary and cached between runs, its word
//! vectors, and what was worked out from it.

pub(crate) mod cache;
pub(crate) mod held_out;
pub(crate) mod near_duplicates;
pub(crate) mod tokenized_corpus;
pub(crate) mod vectors;

use crate::data::Corpus;
use crate::error::Result;
use crate::session::classifier::hand_labels::HandLabelClassifier;
use crate::session::commands::reviewed::Reviewed;
use crate::session::query::preview::PreviewRequest;
use std::rc::Rc;
use tokenized_corpus::TokenizedCorpus;

/// Passes each line of a word-vector file to a callback, from the first line on each call.
pub type VectorLines = Box<dyn Fn(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>>;

/// The text of a session, and what was worked out from it.
#[derive(Default)]
pub(crate) struct Dataset {
    /// The files that were read.
    pub corpus: Option<Corpus>,
    /// The vocabulary learned from the corpus, and its tokens.
    pub learned: Option<TokenizedCorpus>,
    /// Word vectors that initialise new models.
    pub word_vectors: Option<VectorLines>,
    /// The example that is previewed while a run trains.
    pub watched: Option<PreviewRequest>,
    /// The classifier of the labels given by hand, if they were measured.
    pub hand_labels: Option<HandLabelClassifier>,
    /// Results of the last error analysis.
    pub reviewed: Option<Reviewed>,
    /// Fingerprint of the corpus that the classifier was cross-validated on, and the out-of-fold
    /// probabilities of its documents, `[documents][C]`.
    pub out_of_fold: Option<(String, Rc<Vec<Vec<f64>>>)>,
}
