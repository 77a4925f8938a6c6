//! Builds `dist/` from the sources: compiles three wasm binaries, generates their JavaScript
//! bindings, optimises them, assembles the site and checks its size. Each stage caches its result
//! in the build folder and is skipped while its input is unchanged.

mod bind;
mod compile;
mod constructors;
mod site;
pub mod size;
pub mod stamp;

pub use compile::lint;

use crate::arguments::Mode;
use crate::error::Error;
use crate::project::Project;
use crate::setup::{self, Toolchain};
use size::Budget;
use std::path::PathBuf;

/// One of the three wasm binaries.
struct Binary {
    /// Name in the site: `NAME.js` and `NAME_bg.wasm`.
    name: &'static str,
    /// Name of the crate.
    package: &'static str,
    /// Binary target of the crate.
    bin: &'static str,
    /// Features that replace the crate's default ones; empty keeps the defaults.
    features: &'static str,
    /// Flags for rustc.
    rustflags: &'static str,
    /// Further settings of the release profile.
    profile: &'static [&'static str],
    /// Optimisation flags for wasm-opt.
    optimise: &'static [&'static str],
}

/// Leptos and the panels. The page is usable before the engine has loaded, so its size matters
/// most. Type erasure of views and link-time optimisation reduce it by a sixth (measured); building
/// the engine that way would take too long.
const PAGE: Binary = Binary {
    name: "page",
    package: "clozelab-app",
    bin: "page",
    features: "",
    rustflags: "--cfg erase_components",
    // The page is never CPU-bound, so only size matters.
    profile: &[
        "profile.web.lto=\"fat\"",
        "profile.web.codegen-units=1",
        "profile.web.opt-level=\"z\"",
    ],
    // Rebuilding the control flow from scratch compresses better: 6 kB after brotli (measured). Not
    // inlining functions with a single caller saves another 5 kB.
    optimise: &[
        "-Oz",
        "--flatten",
        "--rereloop",
        "-Oz",
        "--one-caller-inline-max-function-size=50",
    ],
};

/// The engine in its worker. `simd128` makes the CPU backend fast; every browser with WebGPU
/// supports it.
const ENGINE: Binary = Binary {
    name: "engine",
    package: "clozelab-engine",
    bin: "worker",
    features: "worker,gpu",
    rustflags: "-C target-feature=+simd128",
    profile: &[],
    optimise: &["-Os"],
};

/// Opens archives, workbooks and Word documents. Fetched for the first of them, which for most
/// users is never.
const UNPACK: Binary = Binary {
    name: "unpack",
    package: "clozelab-unpack",
    bin: "unpack",
    features: "module",
    rustflags: "",
    profile: &["profile.web.lto=\"fat\"", "profile.web.codegen-units=1"],
    optimise: &["-Os"],
};

/// Size limit of what a first visit downloads before the page can be used.
const PAGE_BUDGET: Budget = Budget {
    what: "page",
    kilobytes: 600,
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
    site::assemble(project, &modules)?;
    if mode == Mode::Release {
        let table = size::Table::weigh(&project.dist(), &project.target().join("web-sizes"))?;
        eprint!("{table}");
        table.check(&PAGE_BUDGET, size::is_page)?;
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
