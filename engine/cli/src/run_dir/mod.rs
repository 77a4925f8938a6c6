//! The run directory: its lock, record, log, checkpoints and model; rescue copies and the token cache.

pub(crate) mod checkpoints;
pub(crate) mod journal;
pub(crate) mod lock;
pub(crate) mod model_digests;
pub(crate) mod open_run;
pub(crate) mod record;
pub(crate) mod recorded_path;
pub(crate) mod rescue;
pub(crate) mod store;
pub(crate) mod tensorboard;
pub(crate) mod token_cache;
