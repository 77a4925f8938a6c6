//! The bundled sentences with one hidden word each.

use crate::state::FilledClozes;
use protocol::Cloze;
use std::sync::LazyLock;

/// Guesses for each hidden word; it is found where one of them fits.
pub const GUESSES: usize = 5;

/// The sentences and the words that fit.
pub fn bundled_clozes() -> &'static [Cloze] {
    static CLOZES: LazyLock<Vec<Cloze>> =
        LazyLock::new(|| Cloze::read(include_str!("../../public/bundle/cloze.txt")));
    &CLOZES
}

/// How many hidden words are among the guesses.
pub fn found(filled: &FilledClozes) -> usize {
    let is_found = |(cloze, guesses): &(&Cloze, &Vec<protocol::Candidate>)| {
        cloze.is_found(guesses.iter().map(|guess| guess.token.as_str()))
    };
    bundled_clozes()
        .iter()
        .zip(&filled.guesses)
        .filter(is_found)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Candidate;

    #[test]
    fn a_word_is_found_among_all_guesses() {
        let guess = |token: &str| Candidate {
            token: token.into(),
            score: 0.1,
        };
        let guesses = vec![vec![guess("port"), guess("city")], vec![guess("rose")]];
        assert_eq!(
            found(&FilledClozes {
                step: None,
                guesses
            }),
            1
        );
        assert_eq!(found(&FilledClozes::default()), 0);
    }
}
