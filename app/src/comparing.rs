//! Parses the two text fields of the comparison form. Pure.

use crate::order;
use crate::tr;
use protocol::CompareConfig;

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

#[cfg(test)]
mod tests {
    use super::*;

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
