//! Builds `dist/` from the sources: compiles three wasm binaries, generates their JavaScript
//! bindings, optimises them, assembles the site and checks its size. Each stage caches its result
//! in the build folder and is skipped while its input is unchanged.

mod binary;
mod bind;
mod compile;
mod constructors;
mod imports;
mod site;
pub mod size;
pub mod stamp;

pub use compile::lint;

use crate::error::Error;
use crate::mode::Mode;
use crate::project::Project;
use crate::setup::{self, Toolchain};
use binary::{Binary, ENGINE, PAGE, UNPACK};
use size::Budget;
use std::path::PathBuf;

/// Size limit of what a first visit downloads before the page can be used.
const PAGE_BUDGET: Budget = Budget {
    what: "page",
    kilobytes: 600,
};

/// Size limit of the panels that the page fetches once the first ones are mounted.
const LATER_BUDGET: Budget = Budget {
    what: "later part of the page",
    kilobytes: 250,
};

/// Size limit of what the worker loads in addition.
const ENGINE_BUDGET: Budget = Budget {
    what: "engine",
    kilobytes: 3000,
};

/// Size limit of what the worker fetches for the first archive.
const UNPACK_BUDGET: Budget = Budget {
    what: "module for archives",
    kilobytes: 400,
};

/// Builds `dist/`.
///
/// # Errors
/// Returns the error of the stage that fails; in release mode also [`Error::OverBudget`].
pub fn build(project: &Project, mode: Mode) -> Result<(), Error> {
    let toolchain = setup::for_web(project, mode)?;
    let mut modules = Vec::new();
    for binary in [&PAGE, &ENGINE, &UNPACK] {
        modules.push(make(project, toolchain, binary, mode)?);
    }
    site::assemble(project, &modules, mode)?;
    if mode == Mode::Release {
        let table = size::Table::weigh(&project.dist(), &project.target().join("web-packed"))?;
        eprint!("{table}");
        table.check(&PAGE_BUDGET, size::is_page)?;
        table.check(&LATER_BUDGET, size::is_later)?;
        table.check(&ENGINE_BUDGET, size::is_engine)?;
        table.check(&UNPACK_BUDGET, size::is_unpack)?;
    }
    eprintln!("xtask: the site is in {}", project.dist().display());
    Ok(())
}

/// Builds one binary and returns the folder with its files for the site.
fn make(
    project: &Project,
    toolchain: Toolchain,
    binary: &Binary,
    mode: Mode,
) -> Result<PathBuf, Error> {
    eprintln!("xtask: compiling the {}", binary.name);
    let wasm = compile::compile(project, toolchain, binary, mode)?;
    let bound = bind::bind(&wasm, binary)?;
    match mode {
        Mode::Debug => Ok(bound),
        Mode::Release => bind::shrink(project, &bound, binary),
    }
}
