//! Node.js and the packages that npm serves: wasm-opt for the build, the browser driver for the journeys. Both come by
//! lock files (`xtask/npm`, `tests/e2e`): npm refuses a package whose digest is not the one in the lock file.

use super::debian;
use crate::error::Error;
use crate::program::{Program, on_path};
use crate::project::Project;
use crate::web::stamp;
use std::path::Path;

/// Oldest Node.js that everything here runs on; Debian 12 has 18.20.
const OLDEST_NODE: u32 = 18;

/// What npm reads to install the tools of the build. Compiled in, so that the files are part of the stamp.
const TOOL_FILES: [(&str, &str); 3] = [
    (".npmrc", include_str!("../../npm/.npmrc")),
    ("package.json", include_str!("../../npm/package.json")),
    (
        "package-lock.json",
        include_str!("../../npm/package-lock.json"),
    ),
];

/// Quiet, and without running anything that a package brings along.
const NPM_FLAGS: [&str; 4] = [
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--loglevel=error",
];

/// wasm-opt, once [`install_wasm_opt`] has run.
pub fn wasm_opt(project: &Project) -> Program {
    let package = project.tools().join("node_modules").join("binaryen");
    Program::new("node").args([package.join("bin").join("wasm-opt")])
}

/// Installs Binaryen, whose wasm-opt shrinks the binaries, unless exactly that was installed before.
///
/// # Errors
/// [`Error::Missing`] without Node.js; [`Error::Failed`] where npm fails.
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

/// Installs the pinned packages of the journeys, where the pins changed or were never installed.
///
/// # Errors
/// [`Error::Missing`] without Node.js; [`Error::Failed`] where npm fails.
pub fn install_journeys(project: &Project) -> Result<(), Error> {
    install_node()?;
    let dir = project.journeys();
    let modified = |file: &str| {
        std::fs::metadata(dir.join(file))
            .and_then(|data| data.modified())
            .ok()
    };
    let installed = modified("node_modules/.package-lock.json");
    if installed.is_some() && installed >= modified("package-lock.json") {
        return Ok(());
    }
    eprintln!(
        "xtask: installing npm's playwright-core and axe-core: they drive and examine the page"
    );
    npm(&dir).args(["ci"]).run()
}

fn install_node() -> Result<(), Error> {
    if is_good_node() && on_path("npm").is_some() {
        return Ok(());
    }
    let missing = || Error::Missing {
        what: "Node.js".into(),
        hint: format!(
            "install Node.js {OLDEST_NODE} or newer with npm; it runs wasm-opt and the journeys"
        ),
    };
    debian::install(&["nodejs", "npm"], "Node.js runs wasm-opt and the journeys")
        .map_err(|_| missing())?;
    if is_good_node() {
        Ok(())
    } else {
        Err(missing())
    }
}

fn is_good_node() -> bool {
    let answer = Program::new("node")
        .args(["--version"])
        .answer()
        .unwrap_or_default();
    answer
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        >= Some(OLDEST_NODE)
}

fn npm(dir: &Path) -> Program {
    let name = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Program::new(name).args(NPM_FLAGS).dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One check per lock file; `name` is the package that must be in it.
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
    fn packages_are_locked_by_digest_and_name_no_registry() {
        let [npmrc, _, (_, tools)] = TOOL_FILES;
        check(tools, "binaryen");
        check(
            include_str!("../../../tests/e2e/package-lock.json"),
            "playwright-core",
        );
        assert!(npmrc.1.contains("omit-lockfile-registry-resolved=true"));
    }
}
