//! The parts of a classifier: networks, linear models and their weights, chosen on validation documents.

pub(crate) mod classification;
pub(crate) mod ensemble;
pub(crate) mod folds;
pub(crate) mod frozen;
pub(crate) mod hand_labels;
pub(crate) mod parts;
pub(crate) mod portfolio;
pub(crate) mod scored;
pub(crate) mod vote;
