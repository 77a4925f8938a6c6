//! Where things lie: the clone, the build folder (inside the clone, or wherever `CARGO_TARGET_DIR` says), the site.

use crate::error::Error;
use std::path::{Path, PathBuf};

/// The clone this program was built from.
pub struct Project {
    root: PathBuf,
    target: PathBuf,
}

impl Project {
    /// Takes the clone from the place of this crate, and the build folder from the environment as cargo does.
    ///
    /// # Errors
    /// When the clone was moved after this program was built, or the present folder cannot be read.
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

    /// The clone.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The build folder.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The finished site.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// Tools that npm installs for the build.
    pub fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// The journeys in a browser.
    pub fn journeys(&self) -> PathBuf {
        self.root.join("tests").join("e2e")
    }

    /// The tests against Hugging Face transformers.
    pub fn interop(&self) -> PathBuf {
        self.root.join("tests").join("interop")
    }

    /// The native command line.
    pub fn clozelab(&self) -> PathBuf {
        self.target
            .join("release")
            .join(format!("clozelab{}", std::env::consts::EXE_SUFFIX))
    }
}
