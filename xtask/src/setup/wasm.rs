//! A compiler for `wasm32-unknown-unknown`: the toolchain that built this program with the target
//! added by rustup or, if rustup cannot download it, Debian's compiler, which builds the standard
//! library from source.

use super::debian;
use crate::error::Error;
use crate::program::{Program, on_path};
use std::path::Path;
use std::time::Duration;

/// Target of the web build.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Time limit for rustup, which takes seconds if it can download at all.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// Debian's compiler, the sources of its standard library, and a linker.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "lld-19"];

/// Toolchain that compiles to wasm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The toolchain that built this program.
    Own,
    /// Debian's toolchain.
    Debian,
}

impl Toolchain {
    /// Returns its cargo in the workspace, without the flags and wrappers of the native build.
    pub fn cargo(self, root: &Path) -> Program {
        let native_only = |key: &str| {
            matches!(
                key,
                "RUSTFLAGS" | "CARGO_ENCODED_RUSTFLAGS" | "CARGO_BUILD_TARGET"
            )
        };
        match self {
            Self::Own => Program::cargo(root).without_env(native_only),
            Self::Debian => {
                let not_debian = |key: &str| {
                    native_only(key) || key.starts_with("RUSTC") || key == "RUSTUP_TOOLCHAIN"
                };
                let linker = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER";
                Program::new("/usr/bin/cargo")
                    .dir(root)
                    .without_env(not_debian)
                    .env("PATH", debian_first())
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
                    .env(linker, "wasm-ld-19")
            }
        }
    }

    /// Returns whether it includes clippy for the target.
    pub fn lints(self) -> bool {
        self == Self::Own
    }
}

/// Finds a toolchain, or installs one.
///
/// # Errors
/// Returns [`Error::Missing`] if neither rustup nor apt can provide one.
pub fn toolchain() -> Result<Toolchain, Error> {
    if own_has_target() {
        return Ok(Toolchain::Own);
    }
    if debian::installed(&DEBIAN_PACKAGES) && is_recent() {
        return Ok(Toolchain::Debian);
    }
    if add_target() {
        return Ok(Toolchain::Own);
    }
    let missing = || Error::Missing {
        what: format!("the compiler target {TARGET}"),
        hint: format!(
            "run `rustup target add {TARGET}`; on Debian install {}",
            DEBIAN_PACKAGES.join(" ")
        ),
    };
    let purpose = "a compiler to wasm, since rustup cannot download its own";
    debian::upgrade(&DEBIAN_PACKAGES, purpose).map_err(|_| missing())?;
    if is_recent() {
        Ok(Toolchain::Debian)
    } else {
        Err(missing())
    }
}

/// Returns whether Debian's compiler is as new as the workspace requires: an old installation may
/// not be.
fn is_recent() -> bool {
    let answer = Program::new("/usr/bin/rustc").args(["--version"]).answer();
    answer.is_some_and(|answer| version(&answer) >= version(env!("CARGO_PKG_RUST_VERSION")))
}

/// Parses the first two numbers of the version in `text`: `rustc 1.96.0 (..)`, `1.95`.
fn version(text: &str) -> Option<(u32, u32)> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text[digits..].split(['.', ' ']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn own_has_target() -> bool {
    let libraries = Program::new("rustc")
        .args(["--print", "target-libdir", "--target", TARGET])
        .answer();
    let has_std = |file: std::io::Result<std::fs::DirEntry>| {
        file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
    };
    libraries.is_some_and(|dir| std::fs::read_dir(dir).is_ok_and(|mut files| files.any(has_std)))
}

fn add_target() -> bool {
    if on_path("rustup").is_none() {
        return false;
    }
    eprintln!(
        "xtask: adding the compiler target {TARGET} with rustup: page and engine are compiled to it"
    );
    let added = Program::new("rustup")
        .args(["target", "add", TARGET])
        .succeeds_within(RUSTUP_LIMIT);
    added && own_has_target()
}

fn debian_first() -> std::ffi::OsString {
    let mut path = std::ffi::OsString::from("/usr/bin:");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(
            version("rustc 1.96.0 (30a34c682 2026-05-25)"),
            Some((1, 96))
        );
        assert!(
            version("rustc 1.85.0 (4d91de4e4 2025-02-17)")
                < version(env!("CARGO_PKG_RUST_VERSION"))
        );
        assert!(version("rustc 1.100.0") > version("1.95"));
        assert_eq!(version("no compiler"), None);
    }
}
