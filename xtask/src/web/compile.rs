//! Compiles the sources to wasm with cargo. Each binary has its own build folder: their flags
//! differ, and in a shared folder each would rebuild all dependencies after the other.

use super::binary::{Binary, PAGE, UNPACK};
use crate::error::Error;
use crate::mode::Mode;
use crate::program::Program;
use crate::project::Project;
use crate::setup::Toolchain;
use std::path::PathBuf;

/// Target of the web build.
const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles a binary and returns the path of its module.
pub fn compile(
    project: &Project,
    toolchain: Toolchain,
    binary: &Binary,
    mode: Mode,
) -> Result<PathBuf, Error> {
    let profile = profile(mode);
    cargo(project, toolchain, "build", binary, profile).run()?;
    let module = format!("{}.wasm", binary.bin);
    Ok(folder(project, binary)
        .join(TARGET)
        .join(profile)
        .join(module))
}

/// Runs clippy on the page and the archive module for the browser's target, since most of their
/// code exists only there.
///
/// # Errors
/// Returns an error if clippy reports a problem.
pub fn lint(project: &Project, toolchain: Toolchain) -> Result<(), Error> {
    [&PAGE, &UNPACK].into_iter().try_for_each(|binary| {
        cargo(project, toolchain, "clippy", binary, profile(Mode::Release))
            .args(["--", "-D", "warnings"])
            .run()
    })
}

fn cargo(
    project: &Project,
    toolchain: Toolchain,
    task: &str,
    binary: &Binary,
    profile: &str,
) -> Program {
    let program = toolchain
        .cargo(project.root())
        .args([task, "--locked", "--target", TARGET, "--profile", profile])
        .args([
            "--package",
            binary.package,
            "--bin",
            binary.bin,
            "--target-dir",
        ])
        .args([folder(project, binary)])
        .args(
            binary
                .profile
                .iter()
                .flat_map(|setting| ["--config", setting]),
        )
        .env("RUSTFLAGS", binary.rustflags);
    if binary.features.is_empty() {
        return program;
    }
    program.args(["--no-default-features", "--features", binary.features])
}

fn folder(project: &Project, binary: &Binary) -> PathBuf {
    project.target().join(format!("web-{}", binary.name))
}

/// Both profiles are defined in the workspace: `web` in `Cargo.toml`, `web-debug` in
/// `.cargo/config.toml`.
fn profile(mode: Mode) -> &'static str {
    match mode {
        Mode::Release => "web",
        Mode::Debug => "web-debug",
    }
}
