//! Debian's packages: which are installed, and how to install the others.

use crate::error::Error;
use crate::program::{Program, on_path};
use std::sync::Once;

/// How long another apt may keep its lock before this one gives up, in seconds.
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=300";

/// The package lists are fetched once per process.
static UPDATE: Once = Once::new();

/// True where every package is installed.
pub fn installed(packages: &[&str]) -> bool {
    packages.iter().all(|package| is_installed(package))
}

/// Installs what is missing of `packages`, which serve `purpose`.
///
/// # Errors
/// [`Error::Missing`] where there is no apt or no right to use it; [`Error::Failed`] where apt fails.
pub fn install(packages: &[&str], purpose: &str) -> Result<(), Error> {
    let missing: Vec<_> = packages
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        upgrade(&missing, purpose)
    }
}

/// Installs the newest version of `packages`, which serve `purpose`.
///
/// # Errors
/// As [`install`].
pub fn upgrade(packages: &[&str], purpose: &str) -> Result<(), Error> {
    let list = packages.join(" ");
    let apt = apt().ok_or_else(|| Error::Missing {
        what: format!("{purpose} ({list})"),
        hint: advice(&list),
    })?;
    eprintln!("xtask: installing Debian's {list}: {purpose}");
    // A failed update is no reason to stop: the lists that are there may do.
    UPDATE.call_once(|| drop(apt(&["update", "-qq"]).run()));
    let install = [
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
        "-o",
        LOCK_TIMEOUT,
    ];
    apt(&install).args(packages.iter().copied()).run()
}

fn advice(list: &str) -> String {
    if on_path("apt-get").is_some() {
        return format!("run `apt-get install {list}` as root");
    }
    format!("install what this system calls {list}")
}

/// A way to call apt-get as root, where there is one.
fn apt() -> Option<fn(&[&str]) -> Program> {
    on_path("apt-get")?;
    if Program::new("id").args(["-u"]).answer()? == "0" {
        return Some(|args| {
            Program::new("apt-get")
                .args(args)
                .env("DEBIAN_FRONTEND", "noninteractive")
        });
    }
    on_path("sudo")?;
    Some(|args| {
        Program::new("sudo")
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .args(args)
            .with_stdin()
    })
}

fn is_installed(package: &str) -> bool {
    let query = Program::new("dpkg-query").args(["-W", "-f=${db:Status-Status}", package]);
    query.answer().as_deref() == Some("installed")
}
