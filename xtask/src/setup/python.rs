//! A Python environment below `target` with Hugging Face's packages. torch comes from Debian if
//! available: PyPI's includes gigabytes of CUDA.

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
