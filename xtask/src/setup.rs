//! Installs what a machine lacks, and nothing that it has. Each thing is looked for first; each installation is
//! announced by one line on standard error that says what for. Knows where tools come from, not how they are used.

mod debian;
mod node;
mod python;
mod wasm;

pub use node::wasm_opt;
pub use python::interop;
pub use wasm::Toolchain;

use crate::arguments::Mode;
use crate::error::Error;
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

/// Where the Vulkan loader looks for drivers on Linux.
const VULKAN_DRIVERS: [&str; 2] = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/// Everything that any task needs.
///
/// # Errors
/// [`Error::Missing`] for what cannot be installed here.
pub fn everything(project: &Project) -> Result<(), Error> {
    for_web(project, Mode::Release)?;
    vulkan();
    journeys(project)?;
    eprintln!("xtask: everything is there");
    Ok(())
}

/// What a web build needs; the answer compiles to wasm.
///
/// # Errors
/// [`Error::Missing`] for what cannot be installed here.
pub fn for_web(project: &Project, mode: Mode) -> Result<Toolchain, Error> {
    let toolchain = wasm::toolchain()?;
    if mode == Mode::Release {
        node::install_wasm_opt(project)?;
    }
    Ok(toolchain)
}

/// A Vulkan driver for the native GPU tests. Where there is none and none can be installed, those tests show as ignored.
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

/// What the journeys in a browser need: Node, their npm packages, and the browser that is the answer.
///
/// # Errors
/// [`Error::Missing`] for what cannot be installed here.
pub fn journeys(project: &Project) -> Result<PathBuf, Error> {
    node::install_journeys(project)?;
    thai_letters();
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

/// A font for pictures of the page in Thai. Without one they show boxes, and nothing fails.
fn thai_letters() {
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
