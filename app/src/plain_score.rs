//! A score in plain words. Pure.

use crate::tr;
use crate::wording::documents;

/// Number of standard deviations that a 95 % interval reaches to either side.
const Z: f64 = 1.96;

/// Says for how many of 100 documents the most probable label is correct, from the share of correct
/// ones among `n` documents.
pub fn plain_score(share: f64, n: u64) -> Option<String> {
    if n == 0 {
        return None;
    }
    let of_hundred = |share: f64| (100.0 * share).round() as u64;
    let [low, high] = wilson(share, n as f64).map(of_hundred);
    Some(tr!(
        "The first label is correct for about {right} of 100 such documents (95 % interval {low} to {high}, measured on {documents}).",
        right = of_hundred(share),
        low,
        high,
        documents = documents(n)
    ))
}

/// Returns the 95 % score interval of a share among `n` (Wilson 1927).
fn wilson(share: f64, n: f64) -> [f64; 2] {
    let centre = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    [(centre - half) / scale, (centre + half) / scale]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ends are the shares from which the observed one is `Z` standard deviations away.
    #[test]
    fn the_interval_ends_where_the_deviation_is_z() {
        for (right, n) in [(25.0, 29.0), (10.0, 10.0), (0.0, 3.0), (500.0, 1000.0)] {
            let share = right / n;
            let [low, high] = wilson(share, n);
            assert!(low <= share && share <= high, "{low} {share} {high}");
            for end in [low, high] {
                let (left, right) = ((end - share).powi(2), Z * Z * end * (1.0 - end) / n);
                assert!((left - right).abs() < 1e-12, "{left} {right}");
            }
        }
    }

    #[test]
    fn a_score_is_a_sentence() {
        assert_eq!(
            plain_score(25.0 / 29.0, 29).as_deref(),
            Some(
                "The first label is correct for about 86 of 100 such documents (95 % interval 69 to 95, measured on 29 documents)."
            )
        );
        assert_eq!(plain_score(0.5, 0), None);
    }
}
