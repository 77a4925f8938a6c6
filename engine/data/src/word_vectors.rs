//! Reads word vectors in word2vec's text format into rows of an embedding table. The first line may
//! hold `count dim`, as in Tencent AI Lab's files; every other line is a word and its numbers,
//! separated by spaces. Lines are given one at a time and only the vectors of known words are
//! stored: a file of many gigabytes takes no more memory than the table. Files in other formats are
//! recognised by their first bytes.

use crate::error::DataError;
use crate::tokenizer::Tokenizer;
use protocol::{Message, phrase};
use std::collections::BTreeMap;

/// Maximum characters of the first line that are stored for messages.
const SHOWN_CHARS: usize = 200;
/// Maximum leading lines without a vector before a file is refused.
const MAX_FOREIGN_LINES: u64 = 100;
/// Maximum words that one vector may stand for, such as names and addresses in GloVe's files.
const MAX_WORDS: usize = 4;
/// Description of a file in no known format.
const NO_VECTORS: &str = phrase!("not a list of words and numbers");
/// First bytes, in any case, of files that are given in place of vectors.
const FORMATS: [(&[u8], &str); 10] = [
    (b"<!doctype html", phrase!("an HTML page")),
    (b"<html", phrase!("an HTML page")),
    (b"<?xml", "XML"),
    (b"version https://git-lfs", phrase!("a Git LFS pointer")),
    (b"\xba\x16\x4f\x2f", phrase!("a binary fastText model")),
    (b"\x93numpy", phrase!("a NumPy array")),
    (b"\x89hdf", phrase!("an HDF5 file")),
    (b"pk\x03\x04", phrase!("a ZIP archive")),
    (b"\x80\x02", phrase!("a Python pickle")),
    (b"\x80\x04", phrase!("a Python pickle")),
];

/// Collects the vectors of the words of one vocabulary.
#[derive(Clone, Debug)]
pub struct WordVectors<'a> {
    tokenizer: &'a Tokenizer,
    width: usize,
    rows: BTreeMap<u32, Vec<f32>>,
    line: u64,
    /// Whether a line has determined the width, and it is the required one.
    has_width: bool,
    /// First line that is not blank.
    first: Option<String>,
    /// Number of lines with another number of values than the first, or with a value that is not a
    /// number.
    ragged: u64,
    first_ragged: u64,
}

/// Result of reading a file of vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoundVectors {
    /// Vectors by token id.
    pub rows: BTreeMap<u32, Vec<f32>>,
    /// Number of vocabulary words that the file lacks.
    pub missing: u64,
    /// Number of skipped lines, and the line number of the first.
    pub ragged: Option<(u64, u64)>,
}

impl<'a> WordVectors<'a> {
    /// Creates a collector of vectors of `width` numbers for the words of `tokenizer`.
    pub fn new(tokenizer: &'a Tokenizer, width: usize) -> Self {
        let (has_width, first) = (false, None);
        Self {
            tokenizer,
            width,
            rows: BTreeMap::new(),
            line: 0,
            has_width,
            first,
            ragged: 0,
            first_ragged: 0,
        }
    }

    /// Reads the next line.
    ///
    /// # Errors
    /// Returns an error if the file's vectors have another width, according to its header or first
    /// vector, or it holds something else.
    pub fn take(&mut self, line: &[u8]) -> Result<(), DataError> {
        self.line += 1;
        let text = String::from_utf8_lossy(line);
        let text = text.trim_start_matches('\u{feff}').trim_end();
        if text.is_empty() {
            return Ok(());
        }
        if self.first.is_none() {
            self.first = Some(text.chars().take(SHOWN_CHARS).collect());
            if let Some(kind) = format_of(line) {
                return Err(self.not_word_vectors(kind));
            }
            if let Some(width) = header(text) {
                return self.check_width(width);
            }
        }
        if !self.has_width {
            match numbers_of(text) {
                Some(width) => self.check_width(width)?,
                None if line.contains(&0) => return Err(self.not_word_vectors("binary")),
                None if self.line > MAX_FOREIGN_LINES => {
                    return Err(self.not_word_vectors(NO_VECTORS));
                }
                None => {}
            }
        }
        match self.row(text) {
            Some((word, values)) => self.insert(word, values),
            None => {
                // The rest of a binary file after its header is not text.
                if self.rows.is_empty() && line.contains(&0) {
                    return Err(self.not_word_vectors("binary"));
                }
                self.ragged += 1;
                self.first_ragged = if self.ragged == 1 {
                    self.line
                } else {
                    self.first_ragged
                };
            }
        }
        Ok(())
    }

    /// Returns the vectors found.
    ///
    /// # Errors
    /// Returns an error if no line holds a vector.
    pub fn finish(self) -> Result<FoundVectors, DataError> {
        if !self.has_width && self.first.is_some() {
            return Err(self.not_word_vectors(NO_VECTORS));
        }
        if self.line <= self.ragged + 1 && self.rows.is_empty() {
            return Err(DataError::NoWordVectors);
        }
        let text_tokens = (0..self.tokenizer.len() as u32)
            .filter(|&id| self.tokenizer.is_text(id))
            .count() as u64;
        let missing = text_tokens - self.rows.len() as u64;
        let ragged = (self.ragged > 0).then_some((self.ragged, self.first_ragged));
        Ok(FoundVectors {
            rows: self.rows,
            missing,
            ragged,
        })
    }

    fn check_width(&mut self, found: usize) -> Result<(), DataError> {
        self.has_width = found == self.width;
        if self.has_width {
            Ok(())
        } else {
            Err(DataError::WordVectorWidth {
                found,
                needed: self.width,
            })
        }
    }

    fn not_word_vectors(&self, kind: &'static str) -> DataError {
        DataError::NotWordVectors {
            kind: Message::phrase(kind),
            first: self.first.clone().unwrap_or_default(),
        }
    }

    /// Splits a line into its word and numbers. A word may contain spaces; the numbers come last.
    fn row<'t>(&self, text: &'t str) -> Option<(&'t str, Vec<f32>)> {
        let (mut word, mut values) = (text, Vec::with_capacity(self.width));
        for _ in 0..self.width {
            let (rest, value) = word.trim_end().rsplit_once([' ', '\t'])?;
            values.push(
                value
                    .parse::<f32>()
                    .ok()
                    .filter(|value| value.is_finite())?,
            );
            word = rest;
        }
        values.reverse();
        // A line with too many numbers would have a word that ends in numbers.
        let word = word.trim();
        let numbers = word
            .split([' ', '\t'])
            .skip(1)
            .any(|field| field.parse::<f32>().is_ok());
        (!word.is_empty() && !numbers).then_some((word, values))
    }

    /// Stores the vector of a known word. The first one counts: files are sorted by frequency.
    fn insert(&mut self, word: &str, values: Vec<f32>) {
        let lowered = (!self.tokenizer.is_cased()).then(|| word.to_lowercase());
        let id = self.tokenizer.id(lowered.as_deref().unwrap_or(word));
        if let Some(id) = id.filter(|&id| self.tokenizer.is_text(id)) {
            self.rows.entry(id).or_insert(values);
        }
    }
}

/// Returns the width given by a first line of two whole numbers.
fn header(text: &str) -> Option<usize> {
    let mut fields = text.split_whitespace();
    let (count, width) = (fields.next()?, fields.next()?);
    (fields.next().is_none() && count.parse::<u64>().is_ok()).then(|| width.parse().ok())?
}

/// Returns how many numbers follow the word, or few words, of a line.
fn numbers_of(text: &str) -> Option<usize> {
    let fields: Vec<&str> = text
        .split([' ', '\t'])
        .filter(|field| !field.is_empty())
        .collect();
    let numbers = fields
        .iter()
        .rev()
        .take_while(|field| field.parse::<f32>().is_ok())
        .count();
    // The word itself may be a number.
    let numbers = numbers.min(fields.len() - 1);
    (numbers > 0 && fields.len() - numbers <= MAX_WORDS && (numbers > 1 || fields.len() == 2))
        .then_some(numbers)
}

/// Recognises a file by its first bytes, if it is in a format commonly given in place of vectors.
fn format_of(line: &[u8]) -> Option<&'static str> {
    let line = line
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(line)
        .trim_ascii_start();
    let begins =
        |start: &[u8]| line.len() >= start.len() && line[..start.len()].eq_ignore_ascii_case(start);
    let is_json = matches!(line, [b'{', rest @ ..] | [b'[', rest @ ..]
        if matches!(rest.trim_ascii_start(), [] | [b'"' | b'{' | b'[', ..]));
    let known = FORMATS
        .iter()
        .find(|(start, _)| begins(start))
        .map(|(_, kind)| *kind);
    known.or(is_json.then_some("JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::TokenizerKind;

    fn read(text: &str, width: usize) -> Result<FoundVectors, DataError> {
        let corpus = ["the store the store new york"; 3];
        let tokenizer = Tokenizer::learn(TokenizerKind::Word, false, 32, &mut corpus.into_iter())
            .expect("text");
        let mut vectors = WordVectors::new(&tokenizer, width);
        text.split('\n')
            .try_for_each(|line| vectors.take(line.as_bytes()))?;
        let mut found = vectors.finish()?;
        // Uses word indices instead of token ids, which depend on the order of the vocabulary.
        found.rows = std::mem::take(&mut found.rows)
            .into_iter()
            .map(|(id, row)| {
                (
                    ["the", "store", "new", "york"]
                        .iter()
                        .position(|w| *w == tokenizer.token(id))
                        .expect("a word") as u32,
                    row,
                )
            })
            .collect();
        Ok(found)
    }

    #[test]
    fn known_words_get_their_vectors() {
        let expected = FoundVectors {
            rows: BTreeMap::from([(0, vec![1.0, -2.5]), (1, vec![0.5, 3e-2])]),
            missing: 2,
            ragged: None,
        };
        for text in [
            "4 2\nThe 1 -2.5\nstore 0.5 3e-2\nthe 9 9\nunknown 7 7\n",
            "the 1 -2.5\r\nstore\t0.5\t3e-2 \n",
        ] {
            assert_eq!(read(text, 2).expect("vectors"), expected, "{text}");
        }
    }

    #[test]
    fn ragged_lines_are_skipped_and_counted() {
        let text =
            "9 2\nthe 1 2\nstore 1\nnew 1 2 3\nyork 1 x\nnew 1 NaN\nnew york 5 5\n 1 2\nyork 4 4";
        let found = read(text, 2).expect("vectors");
        assert_eq!(
            found.rows,
            BTreeMap::from([(0, vec![1.0, 2.0]), (3, vec![4.0, 4.0])])
        );
        assert_eq!(found.ragged, Some((5, 3)));
    }

    #[test]
    fn another_width_is_refused() {
        for text in ["1 200\nthe 1", "the 1 2 3"] {
            assert_eq!(
                read(text, 2).expect_err("refused").code(),
                "word-vector-width"
            );
        }
        for text in ["", "4 2", "4 2\nthe 1\nstore x y"] {
            assert_eq!(
                read(text, 2).expect_err("refused").code(),
                "no-word-vectors"
            );
        }
    }

    #[test]
    fn other_formats_are_refused_with_their_first_line() {
        for (text, kind, first) in [
            (
                "\n<!DOCTYPE html>\n<html>",
                "an HTML page",
                "<!DOCTYPE html>",
            ),
            ("  <HTML lang=\"en\">", "an HTML page", "<HTML lang"),
            ("{\"the\": [0.1, 0.2]}", "JSON", "{\\\"the\\\""),
            ("[\n0.5,\n0.25]", "JSON", "\"[\""),
            (
                "version https://git-lfs.github.com/spec/v1\noid sha256:0",
                "a Git LFS pointer",
                "version https",
            ),
            ("PK\u{3}\u{4}\0\0", "a ZIP archive", "PK\\u{3}"),
            ("2 2\nthe \0\u{1}\0\u{2}store", "binary", "2 2"),
            (
                "It rained on the pier all day.\nNobody came.",
                NO_VECTORS,
                "It rained",
            ),
            ("the,0.1,0.2\nstore,0.3,0.4", NO_VECTORS, "the,0.1,0.2"),
            ("the", NO_VECTORS, "the"),
        ] {
            let error = read(text, 2).expect_err("refused");
            assert_eq!(error.code(), "not-word-vectors", "{text}");
            let sentence = error.to_string();
            assert!(
                sentence.contains(&format!("is {kind}; its first line begins")),
                "{sentence}"
            );
            assert!(sentence.contains(first), "{sentence}");
        }
        let long = "no vector here\n".repeat(1000) + "the 1 2";
        assert_eq!(
            read(&long, 2).expect_err("refused").code(),
            "not-word-vectors"
        );
    }

    #[test]
    fn a_title_or_an_odd_first_word_is_accepted() {
        for text in [
            "word a b\nthe 1 2",
            "\nthe 1 2",
            ". . . 5 5\nthe 1 2",
            "1999 5 5\nthe 1 2",
            "[ 5 5\nthe 1 2",
        ] {
            assert_eq!(
                read(text, 2).expect("vectors").rows,
                BTreeMap::from([(0, vec![1.0, 2.0])]),
                "{text}"
            );
        }
    }
}
