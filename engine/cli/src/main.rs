//! The command line: the native host that drives `session`. It owns everything that belongs to a
//! native platform: files, the terminal and signals. Text processing, models and training belong to
//! the engine.
//!
//! `args` parses the command line, `commands` dispatches to one function per command, and `host` is
//! the `Host` of a running session. `run_dir` reads and writes run directories; the output for users
//! is in `terminal` and `report`.
//!
//! Arguments go in, an exit code comes out. Every error is printed here, once: the reason on one
//! line, the hint on the next.

mod args;
mod commands;
mod exit;
mod host;
mod inputs;
mod output_file;
mod report;
mod run_dir;
mod serving;
mod terminal;
mod text_refusals;

use args::{Arguments, Parsed};
use engine::error::Error;
use exit::{EXIT_INTERRUPTED, ExitStatus};
use std::io::Write;
use std::process::ExitCode;

/// glibc's allocator returns the arrays of a step to the system after each step; allocating them
/// again took a sixth of the CPU time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Stack size of the pool's threads: that of the main thread on Linux.
const STACK_BYTES: usize = 8 << 20;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Parsed::Show(text)) => show(&text),
        Ok(Parsed::Run(arguments)) => run_in_pool(&arguments),
        Err(error) => print_error(&error),
    }
}

/// Runs a command inside the thread pool: from outside, each parallel loop would wake the pool and
/// wait for it.
fn run_in_pool(arguments: &Arguments) -> ExitCode {
    let threads = arguments.common.threads.map_or(0, usize::from); // 0: one per core
    match rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .stack_size(STACK_BYTES)
        .build()
    {
        Ok(pool) => {
            let code = pool.install(|| run(arguments));
            // Keep the threads until the process ends: one that ended during process exit ran the
            // graphics driver's clean-up concurrently, which could crash.
            std::mem::forget(pool);
            code
        }
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "warning: no threads could be started ({error}); one is used"
            );
            run(arguments)
        }
    }
}

fn run(arguments: &Arguments) -> ExitCode {
    match commands::run(arguments) {
        Ok(ExitStatus::Done) => ExitCode::SUCCESS,
        Ok(ExitStatus::Interrupted) => ExitCode::from(EXIT_INTERRUPTED),
        Err(error) => print_error(&error),
    }
}

fn show(text: &str) -> ExitCode {
    // Ignore a closed pipe: the reader has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Escapes control characters: messages quote files and parsers, and must not send control codes to
/// a terminal.
fn escape_control_characters(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() {
            c.escape_debug().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

fn print_error(error: &Error) -> ExitCode {
    let (reason, hint) = (
        escape_control_characters(&error.to_string()),
        escape_control_characters(&error.hint().to_string()),
    );
    let _ = writeln!(std::io::stderr(), "error: {reason}\nhint: {hint}");
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}
