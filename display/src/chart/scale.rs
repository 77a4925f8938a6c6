//! Values to pixels on one axis, and where its ticks stand.

use crate::tr;
use crate::wording::grouped;

/// A mapping of one axis, straight or logarithmic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    /// Maps `domain` to `range`. An empty domain is widened, so that nothing is divided by zero: to 0, which no F1 is below
    /// and no step before, or from 0 to 1.
    pub fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        let (low, high) = domain;
        let domain = match low {
            _ if high > low => domain,
            0.0 => (0.0, 1.0),
            always => (always.min(0.0), always.max(0.0)),
        };
        Self {
            domain,
            range,
            logarithmic: false,
        }
    }

    /// The same, logarithmic; a domain that is not above 0 begins at a hundred-thousandth of its end.
    pub fn logarithmic(self) -> Self {
        let (low, high) = self.domain;
        let high = if high > 0.0 { high } else { 1.0 };
        let low = if low > 0.0 { low } else { high * MIN_SHARE };
        Self {
            domain: (low, high),
            logarithmic: true,
            ..self
        }
    }

    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        let (low, high) = self.domain;
        let share = match self.logarithmic {
            true => (value.max(low * MIN_SHARE) / low).ln() / (high / low).ln(),
            false => (value - low) / (high - low),
        };
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// The value of a pixel, within the domain.
    pub fn value(&self, pixel: f64) -> f64 {
        let (low, high) = self.domain;
        let share = ((pixel - self.range.0) / (self.range.1 - self.range.0)).clamp(0.0, 1.0);
        if self.logarithmic {
            low * (high / low).powf(share)
        } else {
            low + share * (high - low)
        }
    }

    /// What is mapped.
    pub fn domain(&self) -> (f64, f64) {
        self.domain
    }

    /// Ticks at round values within the domain.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        let (low, high) = self.domain;
        // A narrow stretch of a logarithmic axis is nearly straight.
        if self.logarithmic && high / low > 4.0 {
            decades((low, high), about)
        } else {
            ticks(self.domain, about)
        }
    }
}

/// Where a logarithmic axis begins that should begin at 0, as a share of its end.
const MIN_SHARE: f64 = 1e-5;

/// 1, 2 and 5 times powers of ten, or powers of ten alone where those are enough.
fn decades((low, high): (f64, f64), about: usize) -> Vec<f64> {
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let all = |factors: &[f64]| {
        let values = powers
            .clone()
            .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)));
        values
            .filter(|value| (low..=high).contains(value))
            .collect::<Vec<_>>()
    };
    let fine = all(&[1.0, 2.0, 5.0]);
    if fine.len() <= 2 * about {
        fine
    } else {
        all(&[1.0])
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
    let spacing = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|s| *s >= rough * DENSER);
    let spacing = spacing.unwrap_or(10.0 * power);
    let first = (low / spacing).ceil() as i64;
    let last = (high / spacing + 1e-9).floor() as i64;
    (first..=last).map(|index| index as f64 * spacing).collect()
}

/// The labels of an axis: each in as many digits as tell it from the others.
pub fn tick_labels(ticks: &[f64]) -> Vec<String> {
    let labels = |digits| {
        ticks
            .iter()
            .map(|tick| label(*tick, digits))
            .collect::<Vec<_>>()
    };
    // Neighbours differ, so of two that read alike a further digit tells one from the other.
    let tells = |labels: &Vec<String>| labels.windows(2).all(|pair| pair[0] != pair[1]);
    (DIGITS..=MAX_DIGITS)
        .map(labels)
        .find(tells)
        .unwrap_or_else(|| labels(MAX_DIGITS))
}

/// A number in about three digits that mean something: `0.25`, `12`, `0.0015`, `50k`, `2.5e-4`.
pub fn tick_label(value: f64) -> String {
    label(value, DIGITS)
}

const DIGITS: usize = 3;
/// Steps of an axis are counted exactly up to here.
const MAX_DIGITS: usize = 9;

fn label(value: f64, digits: usize) -> String {
    let thousands = value / 1000.0;
    if value.abs() >= 10_000.0 {
        return tr!("{thousands}k", thousands = trimmed(thousands, digits));
    }
    if value != 0.0 && value.abs() < 0.001 {
        let text = format!("{value:.*e}", digits - 1);
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", localised(digits));
    }
    let text = trimmed(value, digits);
    // Only what is below 10,000 is left here, so thousands are parted as everywhere else.
    let (whole, rest) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    match whole.parse() {
        Ok(whole) if whole >= 1000 => grouped(whole) + rest,
        _ => text,
    }
}

fn trimmed(value: f64, digits: usize) -> String {
    let before = if value == 0.0 {
        digits as i32
    } else {
        value.abs().log10().floor() as i32 + 1
    };
    let decimals = (digits as i32 - before).clamp(0, MAX_DIGITS as i32);
    localised(&format!("{value:.*}", decimals as usize))
}

fn localised(text: &str) -> String {
    let short = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    };
    short.replace('.', &tr!("numbers" => "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_stand_at_round_values_inside_the_domain() {
        let cases: [((f64, f64), usize, &str); 10] = [
            ((0.0, 10.0), 5, "0 2 4 6 8 10"),
            ((3.1, 9.2), 6, "4 5 6 7 8 9"),
            ((0.0, 1.0), 4, "0 0.2 0.4 0.6 0.8 1"),
            ((0.0, 100_000.0), 5, "0 20k 40k 60k 80k 100k"),
            ((100_000.0, 100_400.0), 2, "100k 100.2k 100.4k"),
            ((1000.0, 1001.0), 2, "1,000 1,000.5 1,001"),
            ((0.0, 3.0), 6, "0 0.5 1 1.5 2 2.5 3"),
            ((0.0, 0.002), 4, "0 5e-4 0.001 0.0015 0.002"),
            ((0.0, 0.001), 4, "0 2e-4 4e-4 6e-4 8e-4 0.001"),
            ((2.0, 2.0), 5, ""),
        ];
        for (domain, about, expected) in cases {
            let labels: Vec<String> = tick_labels(&ticks(domain, about));
            assert_eq!(labels.join(" "), expected, "{domain:?}");
        }
        assert_eq!(ticks((f64::NAN, 1.0), 5), Vec::<f64>::new());
    }

    #[test]
    fn a_logarithmic_axis_has_equal_decades_and_maps_back() {
        let scale = Scale::new((0.0, 1000.0), (0.0, 100.0)).logarithmic();
        assert!(
            (scale.at(1000.0) - scale.at(100.0) - (scale.at(100.0) - scale.at(10.0))).abs() < 1e-9
        );
        for scale in [scale, Scale::new((2.0, 9.0), (0.0, 100.0))] {
            for pixel in [0.0, 30.0, 100.0] {
                assert!((scale.at(scale.value(pixel)) - pixel).abs() < 1e-6);
            }
            assert_eq!(
                scale.value(-5.0),
                scale.domain().0,
                "outside, the end counts"
            );
        }
        assert!(scale.at(0.0).is_finite());
        assert_eq!(
            Scale::new((1.0, 300.0), (0.0, 1.0)).logarithmic().ticks(4),
            [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]
        );
        assert_eq!(
            Scale::new((4.0, 9.0), (0.0, 1.0)).logarithmic().ticks(5),
            [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
        );
        assert_eq!(tick_label(2e-4), "2e-4");
    }

    #[test]
    fn an_empty_domain_still_maps() {
        for (always, domain) in [(1.0, (0.0, 1.0)), (0.0, (0.0, 1.0)), (-4.0, (-4.0, 0.0))] {
            let scale = Scale::new((always, always), (0.0, 100.0));
            assert_eq!(scale.domain(), domain);
            assert!(scale.at(always).is_finite() && scale.logarithmic().at(always).is_finite());
        }
    }
}
