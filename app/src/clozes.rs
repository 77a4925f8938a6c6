//! The bundled cloze sentences with one masked word each.

use crate::state::FilledClozes;
use protocol::Cloze;
use std::sync::LazyLock;

/// Number of predictions per masked word; the word counts as found if one of them is accepted.
pub const PREDICTIONS: usize = 5;

/// Returns the bundled sentences and their accepted answers.
pub fn bundled_clozes() -> &'static [Cloze] {
    static CLOZES: LazyLock<Vec<Cloze>> =
        LazyLock::new(|| Cloze::read(include_str!("../../public/bundle/cloze.txt")));
    &CLOZES
}

/// Returns the number of masked words for which a prediction is accepted.
pub fn found(filled: &FilledClozes) -> usize {
    let is_found = |(cloze, guesses): &(&Cloze, &Vec<protocol::Candidate>)| {
        cloze.is_found(guesses.iter().map(|candidate| candidate.token.as_str()))
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
    fn any_of_the_predictions_may_match() {
        let candidate = |token: &str| Candidate {
            token: token.into(),
            score: 0.1,
        };
        let guesses = vec![
            vec![candidate("port"), candidate("city")],
            vec![candidate("rose")],
        ];
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
