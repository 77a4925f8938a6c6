//! Node.js and packages from npm: wasm-opt for the build, the browser driver for the journeys. Both
//! are pinned by lock files (`xtask/npm`, `tests/e2e`): npm refuses a package whose digest differs
//! from the lock file.

use super::debian;
use crate::error::Error;
use crate::program::{Program, on_path};
use crate::project::Project;
use crate::web::stamp;
use std::path::Path;

/// Oldest supported Node.js; Debian 12 has 18.20.
const MIN_NODE: u32 = 18;

/// Files that npm reads to install the build tools. Compiled in, so that they are part of the
/// stamp.
const TOOL_FILES: [(&str, &str); 3] = [
    (".npmrc", include_str!("../../npm/.npmrc")),
    ("package.json", include_str!("../../npm/package.json")),
    (
        "package-lock.json",
        include_str!("../../npm/package-lock.json"),
    ),
];

/// Quiet, and without running install scripts of packages.
const NPM_FLAGS: [&str; 4] = [
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--loglevel=error",
];

/// Returns wasm-opt, once [`install_wasm_opt`] has run.
pub fn wasm_opt(project: &Project) -> Program {
    let package = project.tools().join("node_modules").join("binaryen");
    Program::new("node").args([package.join("bin").join("wasm-opt")])
}

/// Installs Binaryen, whose wasm-opt optimises the binaries, unless this version is already
/// installed.
///
/// # Errors
/// Returns [`Error::Missing`] without Node.js, [`Error::Failed`] if npm fails.
pub fn install_wasm_opt(project: &Project) -> Result<(), Error> {
    install_node()?;
    let digest = stamp::digest(&TOOL_FILES.map(|(_, text)| text.as_bytes()));
    let install = |folder: &Path| {
        eprintln!("xtask: installing npm's binaryen: wasm-opt makes the binaries smaller");
        for (name, text) in TOOL_FILES {
            let file = folder.join(name);
            std::fs::write(&file, text).map_err(Error::file("write", &file))?;
        }
        npm(folder).args(["ci"]).run()
    };
    stamp::unless_done(&project.tools(), &digest, install).map(drop)
}

/// Installs the pinned packages of the journeys if they are missing or the lock file has changed.
///
/// # Errors
/// Returns [`Error::Missing`] without Node.js, [`Error::Failed`] if npm fails.
pub fn install_journeys(project: &Project) -> Result<(), Error> {
    install_locked(
        &project.journeys(),
        "npm packages of the journeys: they drive and examine the page",
    )
}

/// Installs the pinned packages that the benchmark measures in the browser, like
/// [`install_journeys`].
///
/// # Errors
/// Returns [`Error::Missing`] without Node.js, [`Error::Failed`] if npm fails.
pub fn browser_peers(project: &Project) -> Result<(), Error> {
    install_locked(
        &project.bench(),
        "jax-js and TensorFlow.js: the benchmark measures them",
    )
}

fn install_locked(dir: &Path, what: &str) -> Result<(), Error> {
    install_node()?;
    let modified = |file: &str| {
        std::fs::metadata(dir.join(file))
            .and_then(|data| data.modified())
            .ok()
    };
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    eprintln!("xtask: installing {what}");
    npm(dir).args(["ci"]).run()
}

fn install_node() -> Result<(), Error> {
    if is_node_recent() && on_path("npm").is_some() {
        return Ok(());
    }
    let missing = || Error::Missing {
        what: "Node.js".into(),
        hint: format!(
            "install Node.js {MIN_NODE} or newer with npm; it runs wasm-opt and the journeys"
        ),
    };
    debian::install(&["nodejs", "npm"], "Node.js runs wasm-opt and the journeys")
        .map_err(|_| missing())?;
    if is_node_recent() {
        Ok(())
    } else {
        Err(missing())
    }
}

fn is_node_recent() -> bool {
    let answer = Program::new("node")
        .args(["--version"])
        .answer()
        .unwrap_or_default();
    answer
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        >= Some(MIN_NODE)
}

fn npm(dir: &Path) -> Program {
    let name = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Program::new(name).args(NPM_FLAGS).dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a lock file; `name` is a package that it must contain.
    fn check(lock: &str, name: &str) {
        let packages = lock.matches("\"node_modules/").count();
        assert!(
            lock.contains(&format!("\"node_modules/{name}\": {{")),
            "{name} is locked"
        );
        assert_eq!(
            lock.matches("\"integrity\": \"sha512-").count(),
            packages,
            "each package has a digest"
        );
        assert!(
            !lock.contains("\"resolved\""),
            "the registry is the person's own, not one of the lock file"
        );
    }

    #[test]
    fn lock_files_pin_digests_and_name_no_registry() {
        let [npmrc, _, (_, tools)] = TOOL_FILES;
        check(tools, "binaryen");
        check(
            include_str!("../../../tests/e2e/package-lock.json"),
            "playwright-core",
        );
        check(
            include_str!("../../../tests/bench/package-lock.json"),
            "@jax-js/jax",
        );
        assert!(npmrc.1.contains("omit-lockfile-registry-resolved=true"));
    }
}
