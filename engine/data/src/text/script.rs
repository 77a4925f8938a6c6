//! Recognises scripts that are written without spaces between words.

use crate::document::Document;

/// Returns whether `c` is a Han, kana, Thai, Lao, Khmer or Burmese character.
pub fn is_unspaced(c: char) -> bool {
    is_alphabet_unspaced(c)
        || matches!(u32::from(c), 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Returns whether `c` belongs to one of these scripts other than Han, whose characters are nearly
/// words by themselves.
fn is_alphabet_unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF)
}

/// Minimum share of letters from such scripts other than Han for words to span several letters;
/// Japanese text has twice as many kana.
const MIN_ALPHABET_SHARE: f64 = 0.2;

/// Counts of letters, and of those in scripts written without spaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unspaced {
    all: u64,
    unspaced: u64,
    /// Number of unspaced letters other than Han.
    of_alphabets: u64,
}

impl Unspaced {
    /// Counts the letters of `documents`.
    pub fn of<'a>(documents: impl Iterator<Item = &'a Document>) -> Self {
        let mut counts = Self::default();
        documents
            .flat_map(Document::texts)
            .for_each(|text| counts.take(text));
        counts
    }

    /// Counts one more text.
    pub fn take(&mut self, text: &str) {
        for c in text.chars() {
            // Vowel signs and tone marks of Thai and related scripts are counted as letters.
            let is_unspaced = is_unspaced(c);
            self.all += u64::from(is_unspaced || c.is_alphanumeric());
            self.unspaced += u64::from(is_unspaced);
            self.of_alphabets += u64::from(is_alphabet_unspaced(c));
        }
    }

    /// Adds the counts of other texts.
    pub fn join(&mut self, other: Self) {
        self.all += other.all;
        self.unspaced += other.unspaced;
        self.of_alphabets += other.of_alphabets;
    }

    /// Returns whether most letters are in scripts written without spaces.
    pub fn is_most(self) -> bool {
        2 * self.unspaced > self.all
    }

    /// Returns whether words span several letters without spaces between them: most letters are in
    /// scripts written without spaces, and not in Chinese, where a character is a word or nearly
    /// one.
    pub fn hides_words(self) -> bool {
        self.is_most() && self.of_alphabets as f64 >= MIN_ALPHABET_SHARE * self.all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_distinguished() {
        for (text, expected) in [
            ("the red boat", (false, false)),
            ("这条船停在码头旁边", (true, false)),
            ("改ページは最後に出現します", (true, true)),
            ("เรือสีแดงจอดอยู่ใกล้ท่าน้ำ", (true, true)),
            ("ໂຮງຮຽນ ມະຫາວິທະຍາໄລ", (true, true)),
            ("បង្ហាញស្លាយ", (true, true)),
            ("the word เรือ is Thai for a boat", (false, false)),
            ("배가 부두에 있다", (false, false)),
        ] {
            let mut counts = Unspaced::default();
            counts.take(text);
            assert_eq!((counts.is_most(), counts.hides_words()), expected, "{text}");
        }
    }
}
