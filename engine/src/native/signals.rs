//! Ctrl-C and its relatives: the first asks for a stop after this step, the second ends the process at once. The
//! handler only counts; what a stop means is decided in the run's own thread.

use super::{EXIT_FAILED, EXIT_INTERRUPTED, output};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// What a run keeps when it is stopped.
pub(super) const A_CHECKPOINT: &str = "and keeping a checkpoint";

static SIGNALS: AtomicU8 = AtomicU8::new(0);
static DELIVERED: AtomicBool = AtomicBool::new(false);
static RESUMABLE: AtomicBool = AtomicBool::new(false);

/// Takes over SIGINT, SIGTERM and SIGHUP for the rest of the process, for commands that stop in good order; `keeping` says
/// what is kept then. The others end on the first signal, as programs do. Where the platform refuses, signals end the
/// process as before.
pub(super) fn listen(keeping: &'static str) {
    let handler = move || match SIGNALS.fetch_add(1, Ordering::SeqCst) {
        0 => output::to_people(&format!(
            "\nStopping after this step {keeping}; press Ctrl-C again to end at once."
        )),
        _ if RESUMABLE.load(Ordering::SeqCst) => std::process::exit(i32::from(EXIT_INTERRUPTED)),
        _ => std::process::exit(i32::from(EXIT_FAILED)),
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        output::to_people(&format!(
            "warning: Ctrl-C will end the program at once ({error})"
        ));
    }
}

/// From here on the run's directory holds what `--resume` needs.
pub(super) fn resumable() {
    RESUMABLE.store(true, Ordering::SeqCst);
}

/// True the first time it is asked after a signal.
pub(super) fn stop_asked() -> bool {
    SIGNALS.load(Ordering::SeqCst) > 0 && !DELIVERED.swap(true, Ordering::SeqCst)
}
