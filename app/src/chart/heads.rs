//! What an attention head does, in figures and in a word, and which of its lines are worth drawing. Pure.
//!
//! Patterns as in Clark et al. 2019 ("What Does BERT ViewState At?", section 3): the token itself, the one before, the one
//! after, the special tokens, or broadly over all. A head of a small model rarely settles on one neighbour: the three
//! tokens before and the three after are patterns, too.

use crate::order;
use crate::state::{AttentionMap, probability};
use crate::tr;
use crate::wording::figure;

/// What a head mostly looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The token itself.
    Itself,
    /// The token before.
    Before,
    /// The token after.
    After,
    /// The three tokens before.
    ThreeBefore,
    /// The three tokens after.
    ThreeAfter,
    /// `[CLS]` and `[SEP]`.
    Special,
    /// Everything, more or less evenly.
    Broad,
    /// Something else.
    Other,
}

impl Pattern {
    /// In one word.
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

    /// In a few words, for whoever does not see the picture.
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

/// A share of attention from which a pattern has the word.
const MOSTLY: f64 = 0.4;

/// Tokens in a row that make a pattern where no single one does.
const WINDOW: usize = 3;

/// A share of attention from which these tokens are the pattern.
const MOSTLY_WINDOW: f64 = 0.5;

/// A share of the greatest possible entropy from which a head looks broadly.
const BROADLY: f64 = 0.85;

/// A head in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traits {
    /// Mean entropy of its rows, in nats; ln T is the most.
    pub entropy: f64,
    /// What it mostly looks at.
    pub pattern: Pattern,
}

/// Measures one head of a map.
pub fn traits(map: &AttentionMap, layer: usize, head: usize) -> Traits {
    let t = map.tokens.len();
    let special: Vec<usize> = (0..t)
        .filter(|&place| is_special(&map.tokens[place]))
        .collect();
    // A map of a large model has millions of bytes: logarithms are looked up.
    let p: [f64; 256] = std::array::from_fn(|byte| probability(byte as u8));
    let p_ln_p = p.map(|p| if p > 0.0 { p * p.ln() } else { 0.0 });
    let (mut entropy, mut shares) = (0.0, [0.0; 6]);
    for (query, row) in map.head(layer, head).chunks(t).enumerate() {
        let sum: f64 = row.iter().map(|&byte| p[usize::from(byte)]).sum();
        if sum <= 0.0 {
            continue;
        }
        // Of a row that is made to sum to 1.
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
        // The ends have no full window on one side.
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
    // Nor do they have a neighbour on that side.
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
    // In a short text, three tokens are already a large share.
    let is_window = window.0 >= MOSTLY_WINDOW.max(2.0 * WINDOW as f64 / t as f64);
    let pattern = match single {
        _ if t > 1 && entropy > BROADLY * (t as f64).ln() => Pattern::Broad,
        (share, pattern) if share >= MOSTLY => pattern,
        _ if is_window => window.1,
        _ => Pattern::Other,
    };
    Traits { entropy, pattern }
}

/// A head as a square of at most `side` pixels: each shows the greatest byte of those that fall into it.
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

/// The share of attention that is painted as strongly as can be, of a head over `t` tokens: the strongest, or three even
/// shares where all are weaker, so that what looks everywhere stays pale.
pub fn full_colour(bytes: &[u8], t: usize) -> f64 {
    let strongest = probability(bytes.iter().copied().max().unwrap_or(0));
    strongest.max(EVEN_SHARES / t.max(1) as f64).min(1.0)
}

/// How strongly each byte of a head over `t` tokens is painted, from nothing to [`full_colour`].
pub fn opacities(bytes: &[u8], t: usize) -> Vec<u8> {
    let full = full_colour(bytes, t);
    let painted: [u8; 256] = std::array::from_fn(|byte| {
        let share = (probability(byte as u8) / full).min(1.0);
        (share.powf(CONTRAST) * 255.0).round() as u8
    });
    bytes
        .iter()
        .map(|&byte| painted[usize::from(byte)])
        .collect()
}

/// Below 1, weak looks are still seen beside one that takes nearly all.
const CONTRAST: f64 = 0.75;

/// Even shares that make up the full colour at least.
const EVEN_SHARES: f64 = 3.0;

/// Whether a token is one of BERT's marks rather than text.
pub fn is_special(token: &str) -> bool {
    matches!(token, "[CLS]" | "[SEP]")
}

/// The probabilities of a row of bytes, made to sum to 1 again.
pub fn normalised(row: &[u8]) -> Vec<f64> {
    let values: Vec<f64> = row.iter().map(|&byte| probability(byte)).collect();
    let sum: f64 = values.iter().sum();
    if sum > 0.0 {
        values.into_iter().map(|value| value / sum).collect()
    } else {
        values
    }
}

/// A line from a query to a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Index of the query among the shown tokens.
    pub query: usize,
    /// Index of the key among the shown tokens.
    pub key: usize,
    /// Probability.
    pub weight: f64,
}

/// For each of the queries, the strongest keys that together reach `mass` of its attention (Hoover et al. 2020, exBERT),
/// among the tokens at `shown`. At most `most` lines: the strongest.
pub fn lines(
    head: &[u8],
    t: usize,
    shown: &[usize],
    queries: &[usize],
    mass: f64,
    most: usize,
) -> Vec<Line> {
    let mut out = Vec::new();
    for &query in queries {
        let row = normalised(&head[shown[query] * t..][..t]);
        let mut keys: Vec<(usize, f64)> = shown
            .iter()
            .enumerate()
            .map(|(key, &place)| (key, row[place]))
            .collect();
        order::sort_by(&mut keys, |key| -key.1);
        let whole: f64 = keys.iter().map(|(_, weight)| weight).sum();
        let mut reached = 0.0;
        for (key, weight) in keys {
            if weight <= 0.0 || reached >= mass * whole {
                break;
            }
            reached += weight;
            out.push(Line { query, key, weight });
        }
    }
    order::sort_by(&mut out, |line| line.weight);
    out.split_off(out.len().saturating_sub(most))
}

/// What one token looks at, in words: `pot 41 %, used 20 %`.
pub fn looks_at(
    map: &AttentionMap,
    (layer, head): (usize, usize),
    query: usize,
    shown: &[usize],
) -> String {
    const NAMED: usize = 4;
    let t = map.tokens.len();
    let Some(&place) = shown.get(query) else {
        return String::new();
    };
    let row = normalised(&map.head(layer, head)[place * t..][..t]);
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
        token = map.name_of(place),
        named
    )
}

/// The places of the tokens to show.
pub fn shown(map: &AttentionMap, hide_special: bool) -> Vec<usize> {
    (0..map.tokens.len())
        .filter(|&place| !hide_special || !is_special(&map.tokens[place]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One head of four tokens with these rows of probabilities.
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
    fn patterns_are_told_apart() {
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
    fn several_neighbours_are_a_pattern_where_none_stands_out() {
        let t = 12;
        // Each token looks at those `offsets` away from it, with the rest spread evenly.
        let pattern = |offsets: [isize; 3]| {
            let share = |query: usize, key: usize| {
                let near = offsets.contains(&(key as isize - query as isize));
                if near {
                    0.25_f64
                } else {
                    0.25 / (t - 3) as f64
                }
            };
            let byte = |place: usize| (share(place / t, place % t).sqrt() * 255.0).round() as u8;
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
    fn a_head_is_painted_beside_its_strongest_look_and_an_even_one_stays_pale() {
        let even = map([EVEN; 4]);
        assert_eq!(full_colour(even.head(0, 0), 4), 0.75);
        assert!(
            opacities(even.head(0, 0), 4)
                .iter()
                .all(|&byte| (110..=114).contains(&byte))
        );
        // Of 64 tokens a share of a tenth stands out, though its byte is a third of the most.
        let mut head = vec![(0.01_f64.sqrt() * 255.0) as u8; 64 * 64];
        head[7] = (0.1_f64.sqrt() * 255.0) as u8;
        let painted = opacities(&head, 64);
        assert!(
            painted[7] == 255 && (40..=50).contains(&painted[8]),
            "{} and {}",
            painted[7],
            painted[8]
        );
        assert_eq!(full_colour(&[255], 1), 1.0, "no share is larger than all");
    }

    #[test]
    fn a_thumbnail_loses_no_peak() {
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
    fn hidden_marks_are_neither_drawn_nor_named() {
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
