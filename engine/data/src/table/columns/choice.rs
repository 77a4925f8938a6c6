//! The roles of the columns of a table.

/// The roles of the columns, as column indices.
#[derive(Debug, Default, PartialEq)]
pub struct Choice {
    /// Text columns: the two texts of a pair, or parts that are joined into one text.
    pub text: Vec<usize>,
    /// Whether the two texts form a pair.
    pub is_pair: bool,
    /// Label columns; empty if the table has none.
    pub labels: Vec<usize>,
    /// Column that says whether a row was accepted or rejected.
    pub decision: Option<usize>,
    /// Whether the text column was guessed from values.
    pub text_is_guessed: bool,
    /// Names of columns that the model was trained on and the table lacks.
    pub lacking: Vec<String>,
    /// Columns that look like labels, if no label column was chosen or requested.
    pub candidates: Vec<usize>,
}
