//! The models of a session.

use super::loaded_model::LoadedModel;
use protocol::Phase;

/// The models of a session, and how the next run uses them.
#[derive(Clone, Default)]
pub(crate) struct Models {
    /// The model with a masked-LM head.
    pub language_model: Option<LoadedModel>,
    /// The model with a classifier's head.
    pub classifier: Option<LoadedModel>,
    /// Phase of the last run or import: says which model is exported.
    pub latest: Phase,
    /// Whether the next pre-training run continues from `language_model` instead of starting from
    /// scratch.
    pub continues: bool,
    /// Seconds of pre-training behind the language model, if it was trained in this session.
    pub pretraining_secs: Option<f64>,
}
