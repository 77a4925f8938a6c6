//! Sentences with one hidden word each, by which a model can be watched as it learns.

/// A sentence with the words that fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloze {
    /// With `[MASK]` in place of the hidden word.
    pub text: String,
    /// Words that fit.
    pub fitting: Vec<String>,
}

impl Cloze {
    /// Reads lines of a text, a tab, and the words that fit with blanks between them.
    pub fn read(lines: &str) -> Vec<Self> {
        let one = |line: &str| {
            let (text, fitting) = line.split_once('\t')?;
            Some(Self {
                text: text.into(),
                fitting: fitting.split_whitespace().map(String::from).collect(),
            })
        };
        lines.lines().filter_map(one).collect()
    }

    /// Whether one of these guesses fits.
    pub fn is_found<'a>(&self, mut guesses: impl Iterator<Item = &'a str>) -> bool {
        guesses.any(|guess| self.fitting.iter().any(|word| word == guess))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_sentences_hide_one_word_each() {
        let clozes = Cloze::read(include_str!("../../../public/bundle/cloze.txt"));
        assert_eq!(clozes.len(), 10);
        for cloze in &clozes {
            assert_eq!(cloze.text.matches("[MASK]").count(), 1, "{cloze:?}");
            let is_told = |word: &String| cloze.text.split_whitespace().any(|other| other == word);
            assert!(
                !cloze.fitting.is_empty() && !cloze.fitting.iter().any(is_told),
                "{cloze:?}"
            );
        }
        assert!(
            clozes[0].is_found(["port", "city"].into_iter())
                && !clozes[0].is_found(["port"].into_iter())
        );
    }
}
