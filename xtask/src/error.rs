//! What can go wrong around the product: one variant per thing a person can do something about.

use crate::web::size::OverBudget;
use std::fmt::{Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

/// Why a task ended early.
#[derive(Debug)]
pub enum Error {
    /// The command line was not understood.
    Usage {
        /// What is wrong with it.
        message: String,
    },
    /// A tool is missing and could not be installed.
    Missing {
        /// What is missing and what it is for.
        what: String,
        /// How to get it.
        hint: String,
    },
    /// A program ran and failed; its own words are above.
    Failed {
        /// The program and its arguments.
        line: String,
        /// How it ended.
        end: String,
    },
    /// A file or folder could not be read or written.
    File {
        /// What was being done, e.g. `read`.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The port is not free, or not allowed.
    Port {
        /// Which.
        port: u16,
        /// Why not.
        source: io::Error,
    },
    /// wasm-bindgen refused a module.
    Bindgen {
        /// The module.
        module: PathBuf,
        /// Its reason.
        message: String,
    },
    /// A module runs all of its static constructors at each call from JavaScript.
    Command {
        /// The module.
        module: PathBuf,
    },
    /// A part of the page grew beyond its limit.
    OverBudget(OverBudget),
}

impl Error {
    /// Turns an I/O error into [`Error::File`]; for `map_err`.
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File {
            doing,
            path,
            source,
        }
    }

    /// 2 for a mistake in the command line, else 1.
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
            Self::OverBudget(over) => write!(f, "{over}"),
        }
    }
}

impl std::error::Error for Error {}
