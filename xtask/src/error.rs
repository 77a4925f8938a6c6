//! Errors of the build tasks: one variant per cause that the user can act on.

use crate::over_budget::OverBudget;
use std::fmt::{Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

/// Why a task ended early.
#[derive(Debug)]
pub enum Error {
    /// The command line is invalid.
    Usage {
        /// What is wrong with it.
        message: String,
    },
    /// A tool is missing and could not be installed.
    Missing {
        /// The missing tool and its purpose.
        what: String,
        /// How to install it.
        hint: String,
    },
    /// A program failed; its own output precedes this error.
    Failed {
        /// Program and arguments.
        line: String,
        /// Exit status or reason.
        end: String,
    },
    /// A file or folder could not be read or written.
    File {
        /// The attempted action, e.g. `read`.
        doing: &'static str,
        /// File or folder.
        path: PathBuf,
        /// Underlying error.
        source: io::Error,
    },
    /// The port is in use or not permitted.
    Port {
        /// Requested port.
        port: u16,
        /// Underlying error.
        source: io::Error,
    },
    /// wasm-bindgen rejected a module.
    Bindgen {
        /// Path of the module.
        module: PathBuf,
        /// Reason given by wasm-bindgen.
        message: String,
    },
    /// A module runs all static constructors at each call from JavaScript.
    Command {
        /// Path of the module.
        module: PathBuf,
    },
    /// The code breaks rules of `cargo xtask tidy`, or `xtask/tidy.txt` lists a breach that no
    /// longer exists.
    Untidy {
        /// Breaches that are not listed.
        new: Vec<String>,
        /// Listed breaches that are gone.
        gone: Vec<String>,
    },
    /// A part of the page exceeds its size limit.
    OverBudget(OverBudget),
}

impl Error {
    /// Returns a closure for `map_err` that turns an I/O error into [`Error::File`].
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File {
            doing,
            path,
            source,
        }
    }

    /// Returns the exit code: 2 for an invalid command line, otherwise 1.
    pub fn exit_code(&self) -> u8 {
        if matches!(self, Self::Usage { .. }) {
            2
        } else {
            1
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage { message } => {
                write!(f, "{message}; `cargo xtask help` lists what there is")
            }
            Self::Missing { what, hint } => write!(f, "{what} is missing: {hint}"),
            Self::Failed { line, end } => write!(f, "`{line}` {end}"),
            Self::File {
                doing,
                path,
                source,
            } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::Port { port, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "port {port} is in use by another program; end it or choose another one with --port"
                )
            }
            Self::Port { port, source } => write!(
                f,
                "cannot listen on port {port}: {source}; choose one with --port"
            ),
            Self::Bindgen { module, message } => {
                write!(f, "wasm-bindgen refused {}: {message}", module.display())
            }
            Self::Command { module } => write!(
                f,
                "each function that {} exports runs all static constructors first: call `__wasm_call_ctors` once, where it starts",
                module.display()
            ),
            Self::Untidy { new, gone } => {
                for finding in new {
                    writeln!(f, "new: {finding}")?;
                }
                for finding in gone {
                    writeln!(f, "no longer needed: {finding}")?;
                }
                write!(
                    f,
                    "{} new breaches of the rules and {} lines to delete from xtask/tidy.txt",
                    new.len(),
                    gone.len()
                )
            }
            Self::OverBudget(over) => write!(f, "{over}"),
        }
    }
}

impl std::error::Error for Error {}
