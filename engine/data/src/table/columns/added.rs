//! The columns that `predict` adds to a table.

/// Names of the added columns.
pub const ADDED: [&str; 4] = ["label", "score", "confidence", "unsure"];
/// Prefix of added columns whose name the table already has.
pub const PREFIX: &str = "predicted_";

/// Returns which of the [`ADDED`] columns has this name, with or without the prefix and the number
/// that it gets if the table already has the name.
pub fn added_column(name: &str) -> Option<usize> {
    let bare = name.strip_prefix(PREFIX).map_or(name, |name| {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let numbered = name.rsplit_once('_');
        numbered
            .filter(|(_, number)| is_number(number))
            .map_or(name, |(name, _)| name)
    });
    ADDED.iter().position(|added| *added == bare)
}
