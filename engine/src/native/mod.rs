//! The command line: the native host that drives `session`. It owns everything that belongs to a
//! native platform: files, the terminal and signals. Text processing, models and training belong to
//! the engine.
//!
//! `args` parses the command line, `commands` dispatches to one function per command, and `host` is
//! the `Host` of a running session. The run directory is in `lock`, `store`, `checkpoints`,
//! `record`, `journal` and `rescue`, the output for users in `progress`, `tui`, `report` and
//! `inspect`.

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
mod stopwatch;
mod store;
mod text_refusals;
mod token_cache;
mod tokenize;
mod toy;
mod train;
mod tui;

pub use host::NativeHost;

/// Exit code of a run that was interrupted before it could be resumed.
const EXIT_FAILED: u8 = 1;
/// Exit code of an interrupted run that can be resumed: 128 plus the number of SIGINT, as shells
/// report it.
pub const EXIT_INTERRUPTED: u8 = 130;
