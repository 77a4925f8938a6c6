//! The command line: one of the two hosts that drive `session`. It knows the file system, the terminal and the signals
//! of one platform, and leaves every question about text, models and training to the engine.
//!
//! `args` turns words into a task, `commands` drives it, `host` is what a running session talks to; below it stand the
//! run directory (`lock`, `store`, `checkpoints`, `record`, `journal`, `rescue`) and what people see (`progress`, `report`,
//! `inspect`).

pub mod args;
mod bench;
mod bench_scale;
mod checkpoints;
pub mod commands;
mod compare;
mod compare_report;
mod convert;
mod demo;
mod export;
mod host;
mod inputs;
mod inspect;
mod journal;
mod lock;
mod model_digests;
mod output;
mod predict;
mod progress;
mod query;
mod record;
mod recorded_path;
mod report;
mod rescue;
mod resume;
mod serving;
mod signals;
mod store;
mod text_refusals;
mod token_cache;
mod tokenize;
mod toy;
mod train;
mod tui;

pub use host::NativeHost;

/// Exit code of a run that was interrupted before there was anything to resume.
const EXIT_FAILED: u8 = 1;
/// Exit code of a run that was interrupted and can be resumed: 128 and the number of SIGINT, as shells report it.
pub const EXIT_INTERRUPTED: u8 = 130;
