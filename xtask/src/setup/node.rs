//! Node.js and the packages that npm serves: wasm-opt for the build, the browser driver for the journeys.

use super::debian;
use crate::error::Error;
use crate::program::{Program, on_path};
use crate::project::Project;
use std::path::{Path, PathBuf};

/// Oldest Node.js that everything here runs on; Debian 12 has 18.20.
const OLDEST_NODE: u32 = 18;

/// The release of Binaryen whose wasm-opt shrinks the binaries.
const BINARYEN: &str = "132.0.0";

/// Quiet, and without running anything that a package brings along.
const NPM_FLAGS: [&str; 4] = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];

/// wasm-opt, once [`install_wasm_opt`] has been there.
pub fn wasm_opt(project: &Project) -> Program {
    Program::new("node").args([package(project).join("bin").join("wasm-opt")])
}

/// Makes sure that [`wasm_opt`] can run.
///
/// # Errors
/// [`Error::Missing`] without Node.js; [`Error::Failed`] where npm fails.
pub fn install_wasm_opt(project: &Project) -> Result<(), Error> {
    install_node()?;
    let described = std::fs::read_to_string(package(project).join("package.json")).unwrap_or_default();
    if described.contains(&format!("\"version\": \"{BINARYEN}\"")) {
        return Ok(());
    }
    eprintln!("xtask: installing npm's binaryen {BINARYEN}: wasm-opt makes the binaries smaller");
    std::fs::create_dir_all(project.tools()).map_err(Error::file("create", &project.tools()))?;
    let wanted = format!("binaryen@{BINARYEN}");
    npm(&project.tools()).args(["install", "--no-save", "--no-package-lock", "--prefix", "."]).args([wanted]).run()
}

/// Installs the pinned packages of the journeys, where the pins changed or were never installed.
///
/// # Errors
/// [`Error::Missing`] without Node.js; [`Error::Failed`] where npm fails.
pub fn install_journeys(project: &Project) -> Result<(), Error> {
    install_node()?;
    let dir = project.journeys();
    let modified = |file: &str| std::fs::metadata(dir.join(file)).and_then(|data| data.modified()).ok();
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    eprintln!("xtask: installing npm's playwright-core and axe-core: they drive and examine the page");
    npm(&dir).args(["ci"]).run()
}

fn install_node() -> Result<(), Error> {
    if is_good_node() && on_path("npm").is_some() {
        return Ok(());
    }
    let missing = || Error::Missing {
        what: "Node.js".into(),
        hint: format!("install Node.js {OLDEST_NODE} or newer with npm; it runs wasm-opt and the journeys"),
    };
    debian::install(&["nodejs", "npm"], "Node.js runs wasm-opt and the journeys").map_err(|_| missing())?;
    if is_good_node() { Ok(()) } else { Err(missing()) }
}

fn is_good_node() -> bool {
    let answer = Program::new("node").args(["--version"]).answer().unwrap_or_default();
    answer.trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok()) >= Some(OLDEST_NODE)
}

fn npm(dir: &Path) -> Program {
    let name = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Program::new(name).args(NPM_FLAGS).dir(dir)
}

fn package(project: &Project) -> PathBuf {
    project.tools().join("node_modules").join("binaryen")
}
