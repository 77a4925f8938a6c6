//! Errors, one variant per remedy that a user has. Each has a stable code, a message that says what
//! failed and where, and a hint that says what to do.

use crate::data::DataError;
use crate::interop::InteropError;
use protocol::{Message, Setting, message};
use std::fmt;

/// The reason why a command failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// Invalid text, labels or tokenizer.
    Data(DataError),
    /// Invalid model files.
    Interop(InteropError),
    /// Settings that do not fit the data, the model or each other.
    Input {
        /// Stable error code.
        code: &'static str,
        /// What is wrong, in one sentence.
        message: Message,
        /// What to do, in one sentence.
        hint: Message,
    },
    /// Reading or writing failed.
    Io {
        /// What is wrong, in one sentence.
        message: Message,
        /// What to do, in one sentence.
        hint: Message,
    },
    /// A task finished without reaching its goal.
    Failed {
        /// What is wrong, in one sentence.
        message: Message,
        /// What to do, in one sentence.
        hint: Message,
    },
    /// The loss diverged.
    Diverged {
        /// Step at which it was detected.
        step: u64,
    },
    /// The device was lost.
    Device {
        /// Message of the backend.
        message: String,
    },
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Returns the error for an invalid setting or input.
    pub fn input(code: &'static str, message: Message, hint: Message) -> Self {
        Self::Input {
            code,
            message,
            hint,
        }
    }

    /// Returns the error for a file written by a newer version; `writer` names that version.
    pub fn newer_version(file: &str, writer: &str) -> Self {
        let ours = env!("CARGO_PKG_VERSION");
        Self::input(
            "newer-version",
            message!(
                "{file} was written by {writer}, but this is version {ours}",
                file,
                writer,
                ours
            ),
            message!("Update Clozelab to use it; nothing was changed."),
        )
    }

    /// Returns the stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Data(error) => error.code(),
            Self::Interop(error) => error.code(),
            Self::Input { code, .. } => code,
            Self::Io { .. } => "io",
            Self::Failed { .. } => "not-reached",
            Self::Diverged { .. } => "diverged",
            Self::Device { .. } => "device",
        }
    }

    /// Returns what is wrong and where, in one sentence.
    pub fn message(&self) -> Message {
        match self {
            Self::Data(error) => error.message(),
            Self::Interop(error) => error.message(),
            Self::Input { message, .. }
            | Self::Io { message, .. }
            | Self::Failed { message, .. } => message.clone(),
            Self::Diverged { step } => {
                message!(
                    "training diverged at step {step}, even after returning to the last good checkpoint at a lower learning rate",
                    step
                )
            }
            Self::Device { message } => message!("the device was lost: {reason}", reason = message),
        }
    }

    /// Returns what to do, in one sentence.
    pub fn hint(&self) -> Message {
        match self {
            Self::Data(error) => error.hint(),
            Self::Interop(error) => error.hint(),
            Self::Input { hint, .. } | Self::Io { hint, .. } | Self::Failed { hint, .. } => {
                hint.clone()
            }
            Self::Diverged { .. } => {
                message!(
                    "Lower {lr} and start again; saved checkpoints are intact.",
                    lr = Setting::named("lr")
                )
            }
            Self::Device { .. } => {
                message!(
                    "Start again; if it happens again, use the CPU ({device}).",
                    device = Setting::with_value("device", "cpu")
                )
            }
        }
    }

    /// Returns the exit code of the command line: 2 for invalid input, 1 for a failure during
    /// execution.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Data(_) | Self::Interop(_) | Self::Input { .. } => 2,
            Self::Io { .. } | Self::Failed { .. } | Self::Diverged { .. } | Self::Device { .. } => {
                1
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

impl std::error::Error for Error {}

impl From<DataError> for Error {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<InteropError> for Error {
    fn from(error: InteropError) -> Self {
        Self::Interop(error)
    }
}
