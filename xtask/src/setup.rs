//! Installs missing tools. Each tool is looked up first; each installation is announced on standard
//! error with its purpose. Knows where tools come from, not how they are used.

mod debian;
mod node;
mod python;
mod wasm;

pub use node::{browser_peers, wasm_opt};
pub use python::{interop, jax};
pub use wasm::Toolchain;

use crate::error::Error;
use crate::mode::Mode;
use crate::program::{Program, on_path};
use crate::project::Project;
use std::path::{Path, PathBuf};

/// Names under which a Chromium may be installed.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Folders in which the Vulkan loader looks for drivers on Linux.
const VULKAN_DRIVERS: [&str; 2] = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/// Installs the tools of all tasks.
///
/// # Errors
/// Returns [`Error::Missing`] if a tool cannot be installed here.
pub fn everything(project: &Project) -> Result<(), Error> {
    for_web(project, Mode::Release)?;
    vulkan();
    journeys(project)?;
    eprintln!("xtask: everything is there");
    Ok(())
}

/// Installs the tools of the web build and returns the toolchain that compiles to wasm.
///
/// # Errors
/// Returns [`Error::Missing`] if a tool cannot be installed here.
pub fn for_web(project: &Project, mode: Mode) -> Result<Toolchain, Error> {
    let toolchain = wasm::toolchain()?;
    if mode == Mode::Release {
        node::install_wasm_opt(project)?;
    }
    Ok(toolchain)
}

/// Installs a Vulkan driver for the native GPU tests. Without one those tests are reported as
/// ignored.
pub fn vulkan() {
    let has_driver =
        |dir: &str| std::fs::read_dir(dir).is_ok_and(|mut files| files.next().is_some());
    if !cfg!(target_os = "linux") || VULKAN_DRIVERS.iter().any(|dir| has_driver(dir)) {
        return;
    }
    let packages = ["mesa-vulkan-drivers", "libvulkan1"];
    if let Err(error) = debian::install(&packages, "a software GPU for the native GPU tests") {
        eprintln!("xtask: {error}; tests that need a GPU will show as ignored");
    }
}

/// Installs strace, which disturbs single system calls.
///
/// # Errors
/// Returns [`Error::Missing`] if it cannot be installed here.
pub fn strace() -> Result<(), Error> {
    if on_path("strace").is_some() {
        return Ok(());
    }
    debian::install(&["strace"], "faults at single system calls")
}

/// Installs the requirements of the browser journeys (Node.js and npm packages) and returns the
/// path of the browser.
///
/// # Errors
/// Returns [`Error::Missing`] if a tool cannot be installed here.
pub fn journeys(project: &Project) -> Result<PathBuf, Error> {
    node::install_journeys(project)?;
    thai_font();
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Ok(named.into());
    }
    if let Some(found) = browser() {
        return Ok(found);
    }
    debian::install(&["chromium"], "a browser for the journeys")
        .map_err(|_| missing_browser())
        .and_then(|()| browser().ok_or_else(missing_browser))
}

/// Installs a font for screenshots of the page in Thai. Without one they show boxes, but nothing
/// fails.
fn thai_font() {
    let fonts = || Program::new("fc-list").args([":lang=th"]).answer();
    if !cfg!(target_os = "linux") || fonts().is_some_and(|fonts| !fonts.is_empty()) {
        return;
    }
    if let Err(error) = debian::install(
        &["fonts-tlwg-loma-ttf"],
        "letters for pictures of the page in Thai",
    ) {
        eprintln!("xtask: {error}; pictures of the page in Thai will show boxes");
    }
}

fn browser() -> Option<PathBuf> {
    let mac = Path::new("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    BROWSERS
        .iter()
        .find_map(|name| on_path(name))
        .or_else(|| mac.is_file().then(|| mac.to_path_buf()))
}

fn missing_browser() -> Error {
    Error::Missing {
        what: "a Chromium for the journeys".into(),
        hint: "install Chromium or Chrome 125 or newer, or set CHROMIUM to its path".into(),
    }
}
