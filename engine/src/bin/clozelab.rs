//! The command line's outermost layer: words in, an exit code out. Every error is told here, once: the reason on one
//! line, what to do on the next.

use engine::error::Error;
use engine::native::EXIT_INTERRUPTED;
use engine::native::args::{self, Parsed};
use engine::native::commands::{self, ExitStatus};
use std::io::Write;
use std::process::ExitCode;

/// glibc's allocator returns a step's arrays to the system after each step; fetching them again took a sixth of the
/// processor's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As the main thread's on Linux.
const STACK_BYTES: usize = 8 << 20;

/// Everything runs inside the pool of threads: from outside, each parallel loop would wake it and wait for it.
fn main() -> ExitCode {
    match rayon::ThreadPoolBuilder::new()
        .stack_size(STACK_BYTES)
        .build()
    {
        Ok(pool) => {
            let code = pool.install(run);
            // The threads stay until the process ends: one that ended beside the process's own clean-up ran the graphics
            // driver's at the same time, which could crash.
            std::mem::forget(pool);
            code
        }
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "warning: no threads could be started ({error}); one is used"
            );
            run()
        }
    }
}

fn run() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Ok(Parsed::Show(text)) => show(&text),
        Ok(Parsed::Run(arguments)) => match commands::run(&arguments) {
            Ok(ExitStatus::Done) => ExitCode::SUCCESS,
            Ok(ExitStatus::Interrupted) => ExitCode::from(EXIT_INTERRUPTED),
            Err(error) => refuse(&error),
        },
        Err(error) => refuse(&error),
    }
}

fn show(text: &str) -> ExitCode {
    // A reader who left has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Messages quote files and parsers; no control character of theirs reaches a terminal.
fn harmless(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() {
            c.escape_debug().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

fn refuse(error: &Error) -> ExitCode {
    let (reason, hint) = (harmless(&error.to_string()), harmless(&error.hint()));
    let _ = writeln!(std::io::stderr(), "error: {reason}\nhint: {hint}");
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}
