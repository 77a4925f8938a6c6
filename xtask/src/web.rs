//! From sources to `dist/`: compile three wasm binaries, bind them to JavaScript, shrink them, lay the site out, weigh it.
//! Each stage keeps its result in the build folder and is skipped while its input is the same.

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
    /// Its name in the site: `NAME.js` and `NAME_bg.wasm`.
    name: &'static str,
    /// The crate.
    package: &'static str,
    /// The crate's binary target.
    bin: &'static str,
    /// The crate's features, instead of its default ones; empty keeps the default.
    features: &'static str,
    /// Flags for rustc.
    rustflags: &'static str,
    /// Further settings of the release profile.
    profile: &'static [&'static str],
    /// How wasm-opt weighs size against speed.
    optimise: &'static [&'static str],
}

/// Leptos and our panels: usable before the engine has loaded, so every byte counts. Views of erased types and
/// optimisation across crates take a sixth off it (measured); the engine would take too long to build that way.
const PAGE: Binary = Binary {
    name: "page",
    package: "clozelab-app",
    bin: "page",
    features: "",
    rustflags: "--cfg erase_components",
    // The page waits for people, never for itself: size is all that counts.
    profile: &[
        "profile.web.lto=\"fat\"",
        "profile.web.codegen-units=1",
        "profile.web.opt-level=\"z\"",
    ],
    // Control flow that is taken apart and built anew compresses better: 6 kB after brotli (measured). So do functions that stay
    // apart where they have one caller: 5 kB.
    optimise: &[
        "-Oz",
        "--flatten",
        "--rereloop",
        "-Oz",
        "--one-caller-inline-max-function-size=50",
    ],
};

/// The engine in its worker. `simd128` is what makes the CPU backend fast; every browser with WebGPU has it.
const ENGINE: Binary = Binary {
    name: "engine",
    package: "clozelab-engine",
    bin: "worker",
    features: "worker,gpu",
    rustflags: "-C target-feature=+simd128",
    profile: &[],
    optimise: &["-Os"],
};

/// What opens archives, workbooks and Word documents: fetched when the first of them comes, which for most people is
/// never.
const UNPACK: Binary = Binary {
    name: "unpack",
    package: "clozelab-unpack",
    bin: "unpack",
    features: "module",
    rustflags: "",
    profile: &["profile.web.lto=\"fat\"", "profile.web.codegen-units=1"],
    optimise: &["-Os"],
};

/// What a first visit may cost before the page can be used.
const PAGE_BUDGET: Budget = Budget {
    what: "page",
    kilobytes: 600,
};

/// What the worker may load beside it.
const ENGINE_BUDGET: Budget = Budget {
    what: "engine",
    kilobytes: 3000,
};

/// What the worker fetches for the first archive.
const UNPACK_BUDGET: Budget = Budget {
    what: "module for archives",
    kilobytes: 400,
};

/// Makes `dist/`.
///
/// # Errors
/// Whatever stage fails; in release mode also [`Error::OverBudget`].
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

/// One binary, ready for the site: the folder that holds its files.
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
