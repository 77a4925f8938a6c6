//! Handles Ctrl-C (SIGINT), SIGTERM and SIGHUP: the first signal requests a stop after the current
//! step, the second ends the process at once. The run's own thread polls for the request and
//! decides what a stop means.

use crate::exit::{EXIT_FAILED, EXIT_INTERRUPTED};
use crate::terminal::output;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// What a stopped run saves, as a clause of the message to the user.
pub(crate) const A_CHECKPOINT: &str = "and saving a checkpoint";

static SIGNALS: AtomicU8 = AtomicU8::new(0);
static DELIVERED: AtomicBool = AtomicBool::new(false);
static RESUMABLE: AtomicBool = AtomicBool::new(false);

/// Installs the handler for SIGINT, SIGTERM and SIGHUP for the rest of the process. `keeping` is
/// the clause of the message that says what is saved. Only commands that can stop gracefully call
/// this; others end on the first signal. If the handler cannot be installed, signals still end the
/// process at once.
pub(crate) fn listen(keeping: &'static str) {
    let handler = move || match SIGNALS.fetch_add(1, Ordering::SeqCst) {
        0 => output::print_stderr(&format!(
            "\nStopping after this step {keeping}; press Ctrl-C again to quit immediately."
        )),
        _ if RESUMABLE.load(Ordering::SeqCst) => std::process::exit(i32::from(EXIT_INTERRUPTED)),
        _ => std::process::exit(i32::from(EXIT_FAILED)),
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        output::print_stderr(&format!(
            "warning: Ctrl-C will end the program immediately ({error})"
        ));
    }
}

/// Records that the run can be resumed from here on, which determines the exit code.
pub(crate) fn resumable() {
    RESUMABLE.store(true, Ordering::SeqCst);
}

/// Returns true once, on the first call after a signal.
pub(crate) fn stop_asked() -> bool {
    SIGNALS.load(Ordering::SeqCst) > 0 && !DELIVERED.swap(true, Ordering::SeqCst)
}
