//! One file per command that does work: training, comparing, evaluating and labelling.

pub(crate) mod compare;
pub(crate) mod estimate;
pub(crate) mod evaluation;
pub(crate) mod finetune;
pub(crate) mod hand_labels;
pub(crate) mod label_file;
pub(crate) mod map;
pub(crate) mod pretrain;
pub(crate) mod proposed;
pub(crate) mod resume;
pub(crate) mod review;
pub(crate) mod reviewed;
pub(crate) mod suspicious;
pub(crate) mod toy;
