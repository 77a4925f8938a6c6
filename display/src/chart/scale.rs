//! Maps values to pixels on one axis and places its ticks.

use crate::tr;
use crate::wording::grouped;

/// Mapping from values to pixels on one axis, linear or logarithmic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    domain: (f64, f64),
    range: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    /// Creates a linear scale from `domain` (values) to `range` (pixels). To avoid a division by
    /// zero, an empty domain is extended to include 0, the lower bound of scores and steps, or to 0
    /// to 1 if it is 0 itself.
    pub fn new(domain: (f64, f64), range: (f64, f64)) -> Self {
        let (low, high) = domain;
        let domain = match low {
            _ if high > low => domain,
            0.0 => (0.0, 1.0),
            constant => (constant.min(0.0), constant.max(0.0)),
        };
        Self {
            domain,
            range,
            logarithmic: false,
        }
    }

    /// Returns the same scale with logarithmic spacing. A domain that starts at or below 0 starts
    /// at `MIN_SHARE` of its upper end instead.
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

    /// Returns the pixel position of a value.
    pub fn at(&self, value: f64) -> f64 {
        let (low, high) = self.domain;
        let share = match self.logarithmic {
            true => (value.max(low * MIN_SHARE) / low).ln() / (high / low).ln(),
            false => (value - low) / (high - low),
        };
        self.range.0 + share * (self.range.1 - self.range.0)
    }

    /// Returns the value at a pixel position, clamped to the domain.
    pub fn value(&self, pixel: f64) -> f64 {
        let (low, high) = self.domain;
        let share = ((pixel - self.range.0) / (self.range.1 - self.range.0)).clamp(0.0, 1.0);
        if self.logarithmic {
            low * (high / low).powf(share)
        } else {
            low + share * (high - low)
        }
    }

    /// Returns the lowest and the highest value of the axis.
    pub fn domain(&self) -> (f64, f64) {
        self.domain
    }

    /// Returns `about` tick positions at round values within the domain.
    pub fn ticks(&self, about: usize) -> Vec<f64> {
        let (low, high) = self.domain;
        // A narrow range of a logarithmic axis is nearly linear.
        if self.logarithmic && high / low > 4.0 {
            decades((low, high), about)
        } else {
            ticks(self.domain, about)
        }
    }
}

/// Lower end of a logarithmic axis whose domain starts at 0, as a fraction of its upper end.
const MIN_SHARE: f64 = 1e-5;

/// Returns ticks at 1, 2 and 5 times powers of ten, or at powers of ten only if the former are more
/// than twice `about`.
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

/// Smallest tick spacing accepted, as a fraction of the requested one: slightly too many ticks are
/// preferred to a spacing up to twice as wide.
const MIN_SPACING_RATIO: f64 = 0.7;

/// Returns about `about` round values within `low..=high`, spaced by 1, 2 or 5 times a power of
/// ten.
pub fn ticks((low, high): (f64, f64), about: usize) -> Vec<f64> {
    if !low.is_finite() || !high.is_finite() || high <= low {
        return vec![];
    }
    let rough = (high - low) / about.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let spacing = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|s| *s >= rough * MIN_SPACING_RATIO);
    let spacing = spacing.unwrap_or(10.0 * power);
    let first = (low / spacing).ceil() as i64;
    let last = (high / spacing + 1e-9).floor() as i64;
    (first..=last).map(|index| index as f64 * spacing).collect()
}

/// Formats the tick labels of an axis, with as many digits as needed to keep neighbours distinct.
pub fn tick_labels(ticks: &[f64]) -> Vec<String> {
    let labels = |digits| {
        ticks
            .iter()
            .map(|tick| label(*tick, digits))
            .collect::<Vec<_>>()
    };
    // Neighbouring ticks differ, so more digits eventually make their labels distinct.
    let are_distinct = |labels: &Vec<String>| labels.windows(2).all(|pair| pair[0] != pair[1]);
    (DIGITS..=MAX_DIGITS)
        .map(labels)
        .find(are_distinct)
        .unwrap_or_else(|| labels(MAX_DIGITS))
}

/// Formats a number with up to three significant digits: `0.25`, `12`, `0.0015`, `50k`, `2.5e-4`.
pub fn tick_label(value: f64) -> String {
    label(value, DIGITS)
}

const DIGITS: usize = 3;
/// Maximum number of significant digits and of decimals in a tick label.
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
    // Only values below 10,000 reach this point: separate the thousands as everywhere else.
    let (integer, rest) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    match integer.parse() {
        Ok(integer) if integer >= 1000 => grouped(integer) + rest,
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
    fn ticks_are_round_values_within_the_domain() {
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
        for (constant, domain) in [(1.0, (0.0, 1.0)), (0.0, (0.0, 1.0)), (-4.0, (-4.0, 0.0))] {
            let scale = Scale::new((constant, constant), (0.0, 100.0));
            assert_eq!(scale.domain(), domain);
            assert!(scale.at(constant).is_finite() && scale.logarithmic().at(constant).is_finite());
        }
    }
}
