//! The unit of a corpus.

/// One document: a line of text or a row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Text without labels.
    pub text: String,
    /// Second text of a pair.
    pub second: Option<String>,
    /// Labels without the `__label__` prefix, deduplicated, in order of appearance.
    pub labels: Vec<String>,
    /// Index of its file in the corpus, from 0.
    pub file: u32,
    /// Line number in that file, from 1.
    pub line: u64,
    /// Index of its block of lines; blank lines and file ends separate blocks.
    pub block: u64,
}

impl Document {
    /// Iterates over its one or two texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.text.as_str()).chain(self.second.as_deref())
    }

    /// Returns the input text of a classifier: the texts of a pair are joined by a tab.
    pub fn joined(&self) -> String {
        self.texts().collect::<Vec<_>>().join("\t")
    }
}
