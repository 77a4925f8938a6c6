//! Python environments below `target`: one with Hugging Face's packages, whose torch comes from Debian
//! if available, since PyPI's includes gigabytes of CUDA, and one with JAX.

use super::debian;
use crate::error::Error;
use crate::program::{Program, on_path};
use crate::project::Project;
use std::path::{Path, PathBuf};

/// Installs torch and the packages in `tests/interop/requirements.txt`; returns the Python that has
/// them.
///
/// # Errors
/// Returns [`Error::Missing`] without Python, [`Error::Failed`] if pip fails.
pub fn interop(project: &Project) -> Result<PathBuf, Error> {
    let environment = project.target().join("interop");
    let python = environment.join("bin/python");
    let has_debian = debian::install(
        &["python3-torch", "python3-venv"],
        "torch for the tests against transformers",
    );
    // Debian's packages belong to Debian's Python, whichever Python comes first on the path.
    let debian = Path::new("/usr/bin/python3");
    let system = if has_debian.is_ok() && debian.is_file() {
        Some(debian.into())
    } else {
        on_path("python3")
    };
    let system = system.ok_or_else(|| Error::Missing {
        what: "Python 3 for the tests against transformers".into(),
        hint: "install Python 3.9 or newer".into(),
    })?;
    if !python.is_file() {
        Program::new(system)
            .args(["-m", "venv", "--system-site-packages"])
            .args([&environment])
            .run()?;
    }
    let pip = || Program::new(&python).args(["-m", "pip", "install", "--quiet"]);
    if Program::new(&python)
        .args(["-c", "import torch"])
        .answer()
        .is_none()
    {
        eprintln!("xtask: installing torch from PyPI");
        pip().args(["torch"]).run()?;
    }
    pip()
        .args(["-r"])
        .args([project.interop().join("requirements.txt")])
        .run()?;
    Ok(python)
}

/// Installs JAX and the other packages in `tests/bench/requirements.txt`; returns the Python that has
/// them.
///
/// # Errors
/// Returns [`Error::Missing`] without Python, [`Error::Failed`] if pip fails.
pub fn jax(project: &Project) -> Result<PathBuf, Error> {
    let environment = project.target().join("jax");
    let python = environment.join("bin/python");
    if !python.is_file() {
        let system = on_path("python3").ok_or_else(|| Error::Missing {
            what: "Python 3 for JAX".into(),
            hint: "install Python 3.11 or newer".into(),
        })?;
        Program::new(system)
            .args(["-m", "venv"])
            .args([&environment])
            .run()?;
    }
    Program::new(&python)
        .args(["-m", "pip", "install", "--quiet", "-r"])
        .args([project.bench().join("requirements.txt")])
        .run()?;
    Ok(python)
}
