//! What can go wrong, one variant per thing a person can do something about. Every failure has a stable code, a
//! sentence that says what and where, and a hint that says what to do.

use crate::data::DataError;
use crate::interop::InteropError;
use std::fmt;

/// Why a command could not be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Error {
    /// The text, labels or tokenizer given.
    Data(DataError),
    /// The model given.
    Interop(InteropError),
    /// Settings that do not fit the data, the model or each other.
    Input {
        /// Stable name.
        code: &'static str,
        /// What is wrong, in one sentence.
        message: String,
        /// What to do, in one sentence.
        hint: String,
    },
    /// Reading or writing failed.
    Io {
        /// What is wrong, in one sentence.
        message: String,
        /// What to do, in one sentence.
        hint: String,
    },
    /// A task ran to its end and did not reach its aim.
    Failed {
        /// What is wrong, in one sentence.
        message: String,
        /// What to do, in one sentence.
        hint: String,
    },
    /// The loss is no longer a number.
    Diverged {
        /// Step at which it was noticed.
        step: u64,
    },
    /// The device stopped answering.
    Device {
        /// What it said.
        message: String,
    },
}

/// What `Result` means in this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A refused setting or input.
    pub fn input(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Input {
            code,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// A file that a newer program wrote, as `writer` says.
    pub fn newer_version(file: &str, writer: &str) -> Self {
        let ours = env!("CARGO_PKG_VERSION");
        Self::input(
            "newer-version",
            format!("{file} was written by {writer}, and this is version {ours}"),
            "Update Clozelab to use it; nothing was changed.",
        )
    }

    /// Stable name of the failure.
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

    /// What to do, in one sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Data(error) => error.hint(),
            Self::Interop(error) => error.hint(),
            Self::Input { hint, .. } | Self::Io { hint, .. } | Self::Failed { hint, .. } => {
                hint.clone()
            }
            Self::Diverged { .. } => {
                "Lower --lr and start again; what was kept before is untouched.".into()
            }
            Self::Device { .. } => {
                "Start again, on the CPU if it happens twice (--device cpu).".into()
            }
        }
    }

    /// Exit code of the command line: 2 for what the person gave, 1 for what failed on the way.
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
        match self {
            Self::Data(error) => error.fmt(f),
            Self::Interop(error) => error.fmt(f),
            Self::Input { message, .. }
            | Self::Io { message, .. }
            | Self::Failed { message, .. } => f.write_str(message),
            Self::Diverged { step } => {
                write!(
                    f,
                    "training diverged at step {step}, also from its last good checkpoint at a lower rate"
                )
            }
            Self::Device { message } => write!(f, "the device stopped answering: {message}"),
        }
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
