//! Values to pixels on one axis, and where its ticks stand.

/// A straight mapping of one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
}

impl Scale {
    /// Maps `domain` to `range`; an empty domain is widened so that nothing is divided by zero.
    pub fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        let (low, high) = domain;
        let high = if high > low { high } else { low + 1.0 };
        Self { domain: (low, high), range }
    }

    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        let share = (value - self.domain.0) / (self.domain.1 - self.domain.0);
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// Ticks at round values within the domain.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        ticks(self.domain, about)
    }
}

/// A spacing may be this much closer than asked for, rather than up to twice as wide.
const DENSER: f64 = 0.7;

/// Round values (1, 2 or 5 times a power of ten apart) within `low..=high`, `about` many.
pub fn ticks((low, high): (f64, f64), about: usize) -> Vec<f64> {
    if !low.is_finite() || !high.is_finite() || high <= low {
        return vec![];
    }
    let rough = (high - low) / about.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let spacing = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|s| *s >= rough * DENSER);
    let spacing = spacing.unwrap_or(10.0 * power);
    let first = (low / spacing).ceil() as i64;
    let last = (high / spacing + 1e-9).floor() as i64;
    (first..=last).map(|index| index as f64 * spacing).collect()
}

/// A tick in the fewest digits that tell it from its neighbours: `0.25`, `12`, `50k`.
pub fn tick_label(value: f64) -> String {
    let thousands = value / 1000.0;
    if value.abs() >= 10_000.0 {
        return format!("{}k", trimmed(thousands));
    }
    trimmed(value)
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_stand_at_round_values_inside_the_domain() {
        let cases: [((f64, f64), usize, &str); 6] = [
            ((0.0, 10.0), 5, "0 2 4 6 8 10"),
            ((3.1, 9.2), 6, "4 5 6 7 8 9"),
            ((0.0, 1.0), 4, "0 0.2 0.4 0.6 0.8 1"),
            ((0.0, 100_000.0), 5, "0 20k 40k 60k 80k 100k"),
            ((0.0, 3.0), 6, "0 0.5 1 1.5 2 2.5 3"),
            ((2.0, 2.0), 5, ""),
        ];
        for (domain, about, expected) in cases {
            let labels: Vec<String> = ticks(domain, about).into_iter().map(tick_label).collect();
            assert_eq!(labels.join(" "), expected, "{domain:?}");
        }
        assert_eq!(ticks((f64::NAN, 1.0), 5), Vec::<f64>::new());
    }

    #[test]
    fn an_empty_domain_still_maps() {
        let scale = Scale::new((4.0, 4.0), (0.0, 100.0));
        assert_eq!(scale.at(4.0), 0.0);
        assert!(scale.at(4.5).is_finite());
    }
}
