//! How a command ends: its status and its exit code.

/// How a command ended, unless it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// The command completed.
    Done,
    /// The command was stopped and can be resumed.
    Interrupted,
}

/// Exit code of a run that was interrupted before it could be resumed.
pub const EXIT_FAILED: u8 = 1;
/// Exit code of an interrupted run that can be resumed: 128 plus the number of SIGINT, as shells
/// report it.
pub const EXIT_INTERRUPTED: u8 = 130;
