//! Build modes of the page.

/// Build mode of the web binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Optimised for size and speed.
    Release,
    /// Fast to build.
    Debug,
}
