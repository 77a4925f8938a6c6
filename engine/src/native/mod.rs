//! The command line: the native host that drives `session`. It owns everything that belongs to a
//! native platform: files, the terminal and signals. Text processing, models and training belong to
//! the engine.
//!
//! `args` parses the command line, `commands` dispatches to one function per command, and `host` is
//! the `Host` of a running session. `run_dir` reads and writes run directories; the output for users
//! is in `terminal` and `report`.

pub mod args;
pub mod commands;
mod host;
mod inputs;
mod report;
mod run_dir;
mod serving;
mod terminal;
mod text_refusals;

pub use host::NativeHost;

/// Exit code of a run that was interrupted before it could be resumed.
const EXIT_FAILED: u8 = 1;
/// Exit code of an interrupted run that can be resumed: 128 plus the number of SIGINT, as shells
/// report it.
pub const EXIT_INTERRUPTED: u8 = 130;
