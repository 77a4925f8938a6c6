//! Analysis of attention heads: entropy and pattern of a head, and which of its query-key lines to
//! draw. Pure.
//!
//! The patterns follow Clark et al. 2019 ("What Does BERT Look At?", section 3): attention to the
//! token itself, the previous token, the next token, the special tokens, or broadly to all tokens.
//! A head of a small model rarely concentrates on one neighbour, so windows of three tokens before
//! and three after are patterns, too.

use crate::order;
use crate::state::{AttentionMap, probability};
use crate::tr;
use crate::wording::figure;

/// What a head mostly attends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The query token itself.
    Itself,
    /// The previous token.
    Before,
    /// The next token.
    After,
    /// The three tokens before.
    ThreeBefore,
    /// The three tokens after.
    ThreeAfter,
    /// `[CLS]` and `[SEP]`.
    Special,
    /// All tokens, roughly uniformly.
    Broad,
    /// None of these.
    Other,
}

impl Pattern {
    /// Returns the pattern in a word or two, translated.
    pub fn word(self) -> String {
        match self {
            Self::Itself => tr!("itself"),
            Self::Before => tr!("before"),
            Self::After => tr!("after"),
            Self::ThreeBefore => tr!("3 before"),
            Self::ThreeAfter => tr!("3 after"),
            Self::Special => tr!("special"),
            Self::Broad => tr!("broad"),
            Self::Other => tr!("mixed"),
        }
    }

    /// Returns the pattern as a translated clause, for screen readers.
    pub fn words(self) -> String {
        match self {
            Self::Itself => tr!("looks mostly at the token itself"),
            Self::Before => tr!("looks mostly at the token before"),
            Self::After => tr!("looks mostly at the token after"),
            Self::ThreeBefore => tr!("looks mostly at the three tokens before"),
            Self::ThreeAfter => tr!("looks mostly at the three tokens after"),
            Self::Special => tr!("looks mostly at [CLS] and [SEP]"),
            Self::Broad => tr!("looks broadly over all tokens"),
            Self::Other => tr!("follows no simple pattern"),
        }
    }
}

/// Minimum mean share of attention for a single-token or special-token pattern.
const MOSTLY: f64 = 0.4;

/// Number of adjacent tokens that form a window pattern.
const WINDOW: usize = 3;

/// Minimum mean share of attention for a window pattern.
const MOSTLY_WINDOW: f64 = 0.5;

/// Minimum entropy of a broad head, as a fraction of the maximum, ln T.
const BROADLY: f64 = 0.85;

/// Entropy and pattern of a head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traits {
    /// Mean entropy of its rows in nats, at most ln T.
    pub entropy: f64,
    /// What it mostly attends to.
    pub pattern: Pattern,
}

/// Computes entropy and pattern of one head.
pub fn traits(map: &AttentionMap, layer: usize, head: usize) -> Traits {
    let t = map.tokens.len();
    let special: Vec<usize> = (0..t)
        .filter(|&position| is_special(&map.tokens[position]))
        .collect();
    // The map of a large model has millions of bytes: precompute the logarithms in a table.
    let p: [f64; 256] = std::array::from_fn(|byte| probability(byte as u8));
    let p_ln_p = p.map(|p| if p > 0.0 { p * p.ln() } else { 0.0 });
    let (mut entropy, mut shares) = (0.0, [0.0; 6]);
    for (query, row) in map.head(layer, head).chunks(t).enumerate() {
        let sum: f64 = row.iter().map(|&byte| p[usize::from(byte)]).sum();
        if sum <= 0.0 {
            continue;
        }
        // The entropy of the row after normalising it to sum to 1.
        entropy += sum.ln()
            - row
                .iter()
                .map(|&byte| p_ln_p[usize::from(byte)])
                .sum::<f64>()
                / sum;
        let at = |key: Option<usize>| {
            key.and_then(|key| row.get(key))
                .map_or(0.0, |&byte| p[usize::from(byte)] / sum)
        };
        shares[0] += at(Some(query));
        shares[1] += at(query.checked_sub(1));
        shares[2] += at(Some(query + 1));
        shares[3] += special.iter().map(|&key| at(Some(key))).sum::<f64>();
        // The first and last tokens have no full window on one side.
        if query >= WINDOW {
            shares[4] += (query - WINDOW..query)
                .map(|key| at(Some(key)))
                .sum::<f64>();
        }
        if query + WINDOW < t {
            shares[5] += (query + 1..=query + WINDOW)
                .map(|key| at(Some(key)))
                .sum::<f64>();
        }
    }
    entropy /= t as f64;
    // Average only over the rows that have such a neighbour or window.
    let (neighbours, windows) = (t.saturating_sub(1).max(1), t.saturating_sub(WINDOW).max(1));
    let mean = |kind: usize, rows: usize| shares[kind] / rows as f64;
    let kinds = [
        (mean(0, t), Pattern::Itself),
        (mean(1, neighbours), Pattern::Before),
        (mean(2, neighbours), Pattern::After),
        (mean(3, t), Pattern::Special),
    ];
    let single = kinds.into_iter().fold((0.0, Pattern::Other), |best, next| {
        if next.0 > best.0 { next } else { best }
    });
    let before = (mean(4, windows), Pattern::ThreeBefore);
    let after = (mean(5, windows), Pattern::ThreeAfter);
    let window = if after.0 > before.0 { after } else { before };
    // In a short text, three tokens make up a large share even of uniform attention.
    let is_window = window.0 >= MOSTLY_WINDOW.max(2.0 * WINDOW as f64 / t as f64);
    let pattern = match single {
        _ if t > 1 && entropy > BROADLY * (t as f64).ln() => Pattern::Broad,
        (share, pattern) if share >= MOSTLY => pattern,
        _ if is_window => window.1,
        _ => Pattern::Other,
    };
    Traits { entropy, pattern }
}

/// Reduces a head `[t, t]` to a square of at most `side` pixels by taking the maximum byte of each
/// pixel. Returns the side length and the pixels.
pub fn thumbnail(head: &[u8], t: usize, side: usize) -> (usize, Vec<u8>) {
    let side = side.min(t);
    let mut out = vec![0; side * side];
    let columns: Vec<usize> = (0..t).map(|key| key * side / t).collect();
    for (query, row) in head.chunks(t).enumerate() {
        let pixels = &mut out[query * side / t * side..][..side];
        for (&column, &byte) in columns.iter().zip(row) {
            pixels[column] = byte.max(pixels[column]);
        }
    }
    (side, out)
}

/// Returns the attention share of a head over `t` tokens that is painted at full opacity: the
/// largest share, but at least three times the uniform share, so that a uniform head stays pale.
pub fn full_colour(bytes: &[u8], t: usize) -> f64 {
    let strongest = probability(bytes.iter().copied().max().unwrap_or(0));
    strongest.max(MIN_UNIFORM_SHARES / t.max(1) as f64).min(1.0)
}

/// Returns the opacity, 0 to 255, of each byte of a head over `t` tokens; shares from
/// [`full_colour`] on are opaque.
pub fn opacities(bytes: &[u8], t: usize) -> Vec<u8> {
    let full = full_colour(bytes, t);
    let opacity: [u8; 256] = std::array::from_fn(|byte| {
        let share = (probability(byte as u8) / full).min(1.0);
        (share.powf(GAMMA) * 255.0).round() as u8
    });
    bytes
        .iter()
        .map(|&byte| opacity[usize::from(byte)])
        .collect()
}

/// Exponent from relative share to opacity. Below 1, weak attention stays visible beside a dominant
/// token.
const GAMMA: f64 = 0.75;

/// Minimum share painted at full opacity, in multiples of the uniform share.
const MIN_UNIFORM_SHARES: f64 = 3.0;

/// Returns whether a token is `[CLS]` or `[SEP]` rather than text.
pub fn is_special(token: &str) -> bool {
    matches!(token, "[CLS]" | "[SEP]")
}

/// Decodes a row of bytes into probabilities and normalises them to sum to 1.
pub fn normalised(row: &[u8]) -> Vec<f64> {
    let values: Vec<f64> = row.iter().map(|&byte| probability(byte)).collect();
    let sum: f64 = values.iter().sum();
    if sum > 0.0 {
        values.into_iter().map(|value| value / sum).collect()
    } else {
        values
    }
}

/// A line from a query token to a key token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Index of the query among the shown tokens.
    pub query: usize,
    /// Index of the key among the shown tokens.
    pub key: usize,
    /// Attention probability.
    pub weight: f64,
}

/// Returns, for each query, the strongest keys that together reach a fraction `mass` of its
/// attention to the tokens at the positions `shown` (Hoover et al. 2020, exBERT). The lines are in
/// ascending order of weight; of more than `max_lines` lines, only the strongest are returned.
pub fn lines(
    head: &[u8],
    t: usize,
    shown: &[usize],
    queries: &[usize],
    mass: f64,
    max_lines: usize,
) -> Vec<Line> {
    let mut out = Vec::new();
    for &query in queries {
        let row = normalised(&head[shown[query] * t..][..t]);
        let mut keys: Vec<(usize, f64)> = shown
            .iter()
            .enumerate()
            .map(|(key, &position)| (key, row[position]))
            .collect();
        order::sort_by(&mut keys, |key| -key.1);
        let total: f64 = keys.iter().map(|(_, weight)| weight).sum();
        let mut reached = 0.0;
        for (key, weight) in keys {
            if weight <= 0.0 || reached >= mass * total {
                break;
            }
            reached += weight;
            out.push(Line { query, key, weight });
        }
    }
    order::sort_by(&mut out, |line| line.weight);
    out.split_off(out.len().saturating_sub(max_lines))
}

/// Describes what one token attends to: `pot looks at used 41 %, small 20 %`.
pub fn looks_at(
    map: &AttentionMap,
    (layer, head): (usize, usize),
    query: usize,
    shown: &[usize],
) -> String {
    const NAMED: usize = 4;
    let t = map.tokens.len();
    let Some(&position) = shown.get(query) else {
        return String::new();
    };
    let row = normalised(&map.head(layer, head)[position * t..][..t]);
    let mut keys: Vec<usize> = shown.to_vec();
    order::sort_by(&mut keys, |&key| -row[key]);
    let one = |&key: &usize| {
        tr!(
            "{token} {share} %",
            token = map.name_of(key),
            share = figure(row[key] * 100.0, 0)
        )
    };
    let named = keys
        .iter()
        .take(NAMED)
        .map(one)
        .collect::<Vec<_>>()
        .join(", ");
    tr!(
        "{token} looks at {named}",
        token = map.name_of(position),
        named
    )
}

/// Returns the positions of the tokens to show.
pub fn shown(map: &AttentionMap, hide_special: bool) -> Vec<usize> {
    (0..map.tokens.len())
        .filter(|&position| !hide_special || !is_special(&map.tokens[position]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a map of one head over four tokens with these rows of probabilities.
    fn map(rows: [[f64; 4]; 4]) -> AttentionMap {
        let bytes = rows
            .iter()
            .flatten()
            .map(|p| (p.sqrt() * 255.0).round() as u8)
            .collect();
        let tokens = ["[CLS]", "red", "fox", "[SEP]"].map(String::from).to_vec();
        AttentionMap::new(tokens, 1, 1, bytes).expect("fits")
    }

    const EVEN: [f64; 4] = [0.25; 4];

    #[test]
    fn patterns_are_distinguished() {
        let one = |key: usize| std::array::from_fn(|i| if i == key { 1.0 } else { 0.0 });
        for (rows, expected) in [
            ([one(0), one(1), one(2), one(3)], Pattern::Itself),
            ([EVEN, one(0), one(1), one(2)], Pattern::Before),
            ([one(1), one(2), one(3), EVEN], Pattern::After),
            ([one(3), one(0), one(0), one(0)], Pattern::Special),
            ([EVEN; 4], Pattern::Broad),
        ] {
            let traits = traits(&map(rows), 0, 0);
            assert_eq!(traits.pattern, expected, "{traits:?}");
        }
        assert!((traits(&map([EVEN; 4]), 0, 0).entropy - 4_f64.ln()).abs() < 0.01);
    }

    #[test]
    fn several_neighbours_form_a_pattern_if_none_dominates() {
        let t = 12;
        // Each token attends to those at `offsets` from it; the rest is spread uniformly.
        let pattern = |offsets: [isize; 3]| {
            let share = |query: usize, key: usize| {
                let near = offsets.contains(&(key as isize - query as isize));
                if near {
                    0.25_f64
                } else {
                    0.25 / (t - 3) as f64
                }
            };
            let byte = |index: usize| (share(index / t, index % t).sqrt() * 255.0).round() as u8;
            let tokens = vec!["word".to_string(); t];
            let map =
                AttentionMap::new(tokens, 1, 1, (0..t * t).map(byte).collect()).expect("fits");
            traits(&map, 0, 0).pattern
        };
        assert_eq!(pattern([1, 2, 3]), Pattern::ThreeAfter);
        assert_eq!(pattern([-1, -2, -3]), Pattern::ThreeBefore);
        assert_eq!(pattern([-5, 2, 6]), Pattern::Other);
    }

    #[test]
    fn opacity_is_relative_to_the_strongest_share_and_a_uniform_head_stays_pale() {
        let even = map([EVEN; 4]);
        assert_eq!(full_colour(even.head(0, 0), 4), 0.75);
        assert!(
            opacities(even.head(0, 0), 4)
                .iter()
                .all(|&byte| (110..=114).contains(&byte))
        );
        // Among 64 tokens a share of 0.1 stands out, although its byte is a third of the maximum.
        let mut head = vec![(0.01_f64.sqrt() * 255.0) as u8; 64 * 64];
        head[7] = (0.1_f64.sqrt() * 255.0) as u8;
        let opacity = opacities(&head, 64);
        assert!(
            opacity[7] == 255 && (40..=50).contains(&opacity[8]),
            "{} and {}",
            opacity[7],
            opacity[8]
        );
        assert_eq!(full_colour(&[255], 1), 1.0, "no share is larger than all");
    }

    #[test]
    fn a_thumbnail_preserves_peaks() {
        let mut head = vec![0; 100 * 100];
        head[37 * 100 + 81] = 200;
        let (side, pixels) = thumbnail(&head, 100, 48);
        assert_eq!(
            (
                side,
                pixels.len(),
                pixels.iter().filter(|&&pixel| pixel == 200).count()
            ),
            (48, 48 * 48, 1)
        );
        assert_eq!(thumbnail(&[1, 2, 3, 4], 2, 48), (2, vec![1, 2, 3, 4]));
    }

    #[test]
    fn lines_reach_the_mass_and_no_more() {
        let rows = map([[0.6, 0.3, 0.08, 0.02], EVEN, EVEN, EVEN]);
        let all = shown(&rows, false);
        let of_first = |mass| lines(rows.head(0, 0), 4, &all, &[0], mass, 100);
        assert_eq!(of_first(0.5).len(), 1);
        assert_eq!(
            of_first(0.7)
                .iter()
                .map(|line| line.key)
                .collect::<Vec<_>>(),
            [1, 0],
            "the strongest comes last"
        );
        assert_eq!(of_first(1.0).len(), 4);
        assert_eq!(
            lines(rows.head(0, 0), 4, &all, &[0, 1, 2, 3], 1.0, 3).len(),
            3
        );
    }

    #[test]
    fn hidden_special_tokens_are_neither_drawn_nor_named() {
        let rows = map([EVEN, [0.7, 0.1, 0.2, 0.0], EVEN, EVEN]);
        let words = shown(&rows, true);
        assert_eq!(words, [1, 2]);
        assert_eq!(
            looks_at(&rows, (0, 0), 0, &words),
            "red looks at fox 20 %, red 10 %"
        );
        assert!(
            lines(rows.head(0, 0), 4, &words, &[0], 1.0, 9)
                .iter()
                .all(|line| line.key < 2)
        );
    }
}
