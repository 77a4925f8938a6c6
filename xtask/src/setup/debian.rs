//! Debian packages: whether they are installed, and how to install them.

use crate::error::Error;
use crate::program::{Program, on_path};
use std::sync::Once;

/// Seconds to wait for the lock of another apt.
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=300";

/// The package lists are fetched once per process.
static UPDATE: Once = Once::new();

/// Returns whether all packages are installed.
pub fn installed(packages: &[&str]) -> bool {
    packages.iter().all(|package| is_installed(package))
}

/// Installs those of `packages` that are missing; `purpose` is shown to the user.
///
/// # Errors
/// Returns [`Error::Missing`] if there is no apt or no permission to use it, [`Error::Failed`] if
/// apt fails.
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

/// Installs the newest version of `packages`; `purpose` is shown to the user.
///
/// # Errors
/// Same as [`install`].
pub fn upgrade(packages: &[&str], purpose: &str) -> Result<(), Error> {
    let list = packages.join(" ");
    let apt = apt().ok_or_else(|| Error::Missing {
        what: format!("{purpose} ({list})"),
        hint: advice(&list),
    })?;
    eprintln!("xtask: installing Debian's {list}: {purpose}");
    // A failed update is ignored: the existing lists may suffice.
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

/// Returns a way to call apt-get as root, if there is one.
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
