//! Paths of the project: the repository, the build folder (inside the repository, or
//! `CARGO_TARGET_DIR`), the site.

use crate::error::Error;
use std::path::{Path, PathBuf};

/// The repository that this program was built from.
pub struct Project {
    root: PathBuf,
    target: PathBuf,
}

impl Project {
    /// Locates the repository by the path of this crate, and the build folder by the environment,
    /// as cargo does.
    ///
    /// # Errors
    /// Returns an error if the repository was moved after this program was built, or if the current
    /// directory cannot be read.
    pub fn find() -> Result<Self, Error> {
        let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = crate_dir
            .parent()
            .expect("the crate lies in a folder of the workspace")
            .to_path_buf();
        let here = std::env::current_dir().map_err(Error::file("read", Path::new(".")))?;
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) if !dir.is_empty() => here.join(dir),
            _ => root.join("target"),
        };
        std::fs::metadata(root.join("Cargo.toml"))
            .map_err(Error::file("find", &root.join("Cargo.toml")))?;
        Ok(Self { root, target })
    }

    /// Returns the root of the repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the build folder.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Returns the folder of the finished site.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// Returns the folder of the build tools installed by npm.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Returns the folder of the browser journeys.
    pub fn journeys(&self) -> PathBuf {
        self.root.join("tests").join("e2e")
    }

    /// Returns the folder of the tests against Hugging Face transformers.
    pub fn interop(&self) -> PathBuf {
        self.root.join("tests").join("interop")
    }

    /// Returns the folder of the benchmark.
    pub fn bench(&self) -> PathBuf {
        self.root.join("tests").join("bench")
    }

    /// Returns the path of the native command line.
    pub fn clozelab(&self) -> PathBuf {
        self.target
            .join("release")
            .join(format!("clozelab{}", std::env::consts::EXE_SUFFIX))
    }
}
