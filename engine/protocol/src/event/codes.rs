//! Codes of warnings and failures that a host handles specially.

/// Code of the failure of a query that was stopped before it was answered.
pub const STOPPED: &str = "stopped";

/// Returns whether a warning with this code is purely informative, such as what a run restored or
/// which checkpoint is its best.
pub fn is_note(code: &str) -> bool {
    [
        "restored",
        "columns",
        "read-as-json",
        "read-as-table",
        "role-by-name",
        "folder-classes",
        "best-checkpoint",
        "word-vectors",
        "sampled-preview",
        "none-label",
        "next-network",
        "parts",
        "frozen",
        "cross-validation",
    ]
    .contains(&code)
}
