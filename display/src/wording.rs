//! Formats numbers, sizes and durations for people, in the current language. Knows no settings, no
//! state and no markup.

use crate::tr;

/// Formats an integer with thousands separators: `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let separator = tr!("numbers" => ",");
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push_str(&separator);
        }
        out.push(digit);
    }
    out
}

/// Turns a message into a sentence: capitalises it and ends it with a full stop unless it ends
/// with `!` or `?`.
pub fn sentence(message: &str) -> String {
    let message = message.trim_end_matches(['.', '…', ' ']);
    let mut letters = message.chars();
    let capitalised: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect();
    if capitalised.ends_with(['!', '?', '！', '？']) {
        capitalised
    } else {
        tr!("{sentence}.", sentence = capitalised)
    }
}

/// Formats a count of documents: `1 document`, `2,000 documents`.
pub fn documents(number: u64) -> String {
    tr!(
        "{count} document" | "{count} documents" % number,
        count = grouped(number)
    )
}

/// Formats a count of labels: `1 label`, `2,000 labels`.
pub fn labels(number: u64) -> String {
    tr!(
        "{count} label" | "{count} labels" % number,
        count = grouped(number)
    )
}

/// Formats a count of lines: `1 line`, `2,000 lines`.
pub fn lines(number: u64) -> String {
    tr!(
        "{count} line" | "{count} lines" % number,
        count = grouped(number)
    )
}

/// Formats a count of parameters: `1 parameter`, `2,000 parameters`.
pub fn parameters(number: u64) -> String {
    tr!(
        "{count} parameter" | "{count} parameters" % number,
        count = grouped(number)
    )
}

/// Formats a count of steps: `1 step`, `2,000 steps`.
pub fn steps(number: u64) -> String {
    tr!(
        "{count} step" | "{count} steps" % number,
        count = grouped(number)
    )
}

/// Formats a count of tokens: `1 token`, `2,000 tokens`.
pub fn tokens(number: u64) -> String {
    tr!(
        "{count} token" | "{count} tokens" % number,
        count = grouped(number)
    )
}

/// Formats a size in bytes with decimal units: `735 kB`.
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 4] = ["B", "kB", "MB", "GB"];
    let mut value = size as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if unit == 0 || value >= 99.5 { 0 } else { 1 };
    format!("{} {}", figure(value, digits), UNITS[unit])
}

/// Formats a duration in seconds without false precision: `8 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration(secs: f64) -> String {
    if !secs.is_finite() || secs < 0.0 {
        return tr!("unknown");
    }
    let secs = secs.round() as u64;
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, s) => tr!("{s} s", s),
        (0, m, s) => tr!("{m} min {s} s", m, s),
        (h, m, _) => tr!("{h} h {m} min", h, m),
    }
}

/// Formats a value with a fixed number of decimals; NaN and infinities become "not a number".
pub fn figure(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return tr!("not a number");
    }
    format!("{value:.decimals$}").replace('.', &tr!("numbers" => "."))
}

/// Formats a difference with its sign and a fixed number of decimals.
pub fn signed(value: f64, decimals: usize) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{}", figure(value.abs(), decimals))
}

/// Formats a share between 0 and 1 as a percentage: `12.3 %`.
pub fn percent(share: f64) -> String {
    tr!("{share} %", share = figure(share * 100.0, 1))
}

/// Joins tokens into running text: merges `##` subwords with the preceding token and drops `[CLS]`
/// and `[SEP]`.
pub fn joined<'a>(tokens: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for token in tokens.filter(|token| !matches!(*token, "[CLS]" | "[SEP]")) {
        match token.strip_prefix("##") {
            Some(piece) if !piece.is_empty() => text.push_str(piece),
            _ if text.is_empty() => text.push_str(token),
            _ => {
                text.push(' ');
                text.push_str(token);
            }
        }
    }
    text
}

/// Formats a rate per second, rounded to three significant digits: `12,300`.
pub fn rate(per_sec: f64) -> String {
    if !per_sec.is_finite() || per_sec < 0.0 {
        return "–".into();
    }
    let magnitude = 10f64.powf((per_sec.max(1.0).log10().floor() - 2.0).max(0.0));
    grouped(((per_sec / magnitude).round() * magnitude) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subwords_are_merged_into_words() {
        let text = joined(["[CLS]", "a", "sauce", "##pan", ",", "##", "[SEP]"].into_iter());
        assert_eq!(text, "a saucepan , ##");
    }

    #[test]
    fn numbers_are_formatted_for_people() {
        let cases = [
            (grouped(0), "0"),
            (grouped(999), "999"),
            (grouped(1_234_567), "1,234,567"),
            (documents(1), "1 document"),
            (documents(2000), "2,000 documents"),
            (bytes(0), "0 B"),
            (bytes(734_971), "735 kB"),
            (bytes(999_600), "1.0 MB"),
            (bytes(2_500_000), "2.5 MB"),
            (duration(7.6), "8 s"),
            (duration(200.0), "3 min 20 s"),
            (duration(7500.0), "2 h 5 min"),
            (duration(f64::INFINITY), "unknown"),
            (figure(f64::NAN, 2), "not a number"),
            (figure(6.376, 1), "6.4"),
            (percent(0.1234), "12.3 %"),
            (rate(12_345.0), "12,300"),
            (rate(0.4), "0"),
            (rate(f64::NAN), "–"),
        ];
        for (got, expected) in cases {
            assert_eq!(got, expected);
        }
    }
}
