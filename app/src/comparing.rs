//! Parses the text fields of the comparison form, and compares the outcome with what the user
//! expected. Pure.

use crate::order;
use crate::tr;
use crate::wording::signed;
use protocol::{CompareConfig, Comparison};

/// Parses the number of seeds and the label fractions; the engine checks the rest.
///
/// # Errors
/// Returns an error if `seeds` is not an integer from 1 to 20, or `shares` is not a comma-separated
/// list of fractions.
pub fn asked_for(seeds: &str, shares: &str) -> Result<CompareConfig, String> {
    let seeds = seeds
        .trim()
        .parse()
        .ok()
        .filter(|seeds| (1..=20).contains(seeds));
    let parse_share = |text: &str| {
        text.trim()
            .parse::<f64>()
            .ok()
            .filter(|share| *share > 0.0 && *share <= 1.0)
    };
    let shares: Option<Vec<f64>> = shares.split(',').map(parse_share).collect();
    match (seeds, shares) {
        (None, _) => Err(tr!("Seeds must be a whole number from 1 to 20.")),
        (_, None) => Err(tr!(
            "Shares must be numbers above 0 and up to 1, with commas."
        )),
        (Some(seeds), Some(mut label_fractions)) => {
            order::sort_by(&mut label_fractions, |share| *share);
            label_fractions.dedup();
            Ok(CompareConfig {
                seeds,
                label_fractions,
                lrs: vec![],
            })
        }
    }
}

/// Returns the difference that pre-training makes at the largest share of the labels, in points of
/// micro F1.
pub fn gain(comparison: &Comparison) -> Option<f64> {
    let point = comparison.points.last()?;
    Some(100.0 * (point.pretrained.micro_f1.mean - point.scratch.micro_f1.mean))
}

/// Compares the gain in points with the guessed one. Returns `None` if `expected` is not a number.
pub fn expectation(expected: &str, gain: f64) -> Option<String> {
    let expected: f64 = expected
        .trim()
        .replace('−', "-")
        .replace(',', ".")
        .parse()
        .ok()
        .filter(|expected: &f64| expected.is_finite())?;
    Some(tr!(
        "You guessed {expected} points of micro F1; the difference was {gain}.",
        expected = signed(expected, 1),
        gain = signed(gain, 1)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_compared_with_the_gain() {
        assert_eq!(
            expectation(" −2,5", 5.04).as_deref(),
            Some("You guessed −2.5 points of micro F1; the difference was +5.0.")
        );
        for none in ["", "much", "nan"] {
            assert_eq!(expectation(none, 5.0), None, "{none}");
        }
    }

    #[test]
    fn fields_are_parsed_or_refused() {
        let compare = asked_for(" 2", "0.1, 1").expect("sound");
        assert_eq!(
            (compare.min_runs(), compare.seeds, compare.label_fractions),
            (20, 2, vec![0.1, 1.0])
        );
        assert_eq!(
            asked_for("1", "1, 0.5, 1").expect("sound").label_fractions,
            [0.5, 1.0],
            "a share is compared once"
        );
        for (seeds, shares) in [
            ("0", "1"),
            ("x", "1"),
            ("3", ""),
            ("3", "0"),
            ("3", "1.5"),
            ("3", "0.1,,1"),
        ] {
            assert!(asked_for(seeds, shares).is_err(), "{seeds} {shares}");
        }
    }
}
