//! Codes of warnings and failures that a host treats apart.

/// The code of a question that was stopped before it was answered.
pub const STOPPED: &str = "stopped";

/// Whether a warning of this code tells of nothing amiss: what a run took over, and which of its values it keeps.
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
