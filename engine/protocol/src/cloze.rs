//! Cloze sentences with one masked word each, used to watch a model's predictions during training.

/// A cloze sentence and its accepted answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloze {
    /// Sentence with `[MASK]` in place of the masked word.
    pub text: String,
    /// Accepted answers.
    pub fitting: Vec<String>,
}

impl Cloze {
    /// Parses lines of a sentence, a tab, and the accepted answers separated by spaces.
    pub fn read(lines: &str) -> Vec<Self> {
        let parse_line = |line: &str| {
            let (text, fitting) = line.split_once('\t')?;
            Some(Self {
                text: text.into(),
                fitting: fitting.split_whitespace().map(String::from).collect(),
            })
        };
        lines.lines().filter_map(parse_line).collect()
    }

    /// Returns whether one of the predictions is an accepted answer.
    pub fn is_found<'a>(&self, mut guesses: impl Iterator<Item = &'a str>) -> bool {
        guesses.any(|guess| self.fitting.iter().any(|word| word == guess))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_sentences_mask_one_word_each() {
        let clozes = Cloze::read(include_str!("../../../public/bundle/cloze.txt"));
        assert_eq!(clozes.len(), 10);
        for cloze in &clozes {
            assert_eq!(cloze.text.matches("[MASK]").count(), 1, "{cloze:?}");
            let is_in_text =
                |word: &String| cloze.text.split_whitespace().any(|other| other == word);
            assert!(
                !cloze.fitting.is_empty() && !cloze.fitting.iter().any(is_in_text),
                "{cloze:?}"
            );
        }
        assert!(
            clozes[0].is_found(["port", "city"].into_iter())
                && !clozes[0].is_found(["port"].into_iter())
        );
    }
}
