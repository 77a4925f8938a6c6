//! What a linear model on n-grams reaches: the bar that a neural one has to pass to be worth its time. TF-IDF of word
//! 1- and 2-grams (1- to 3-grams of characters where a script has no spaces), one linear classifier per label.
//!
//! Pure Rust on plain numbers, like `data`: no tensor, no device, no clock. Sources: sublinear TF-IDF with smoothed idf
//! as in scikit-learn's `TfidfVectorizer`; L2-regularised squared-hinge SVM by dual coordinate descent (Hsieh et al.
//! 2008, algorithm 1), which is what LIBLINEAR and so `LinearSVC` compute.

use crate::data::Document;
use crate::data::random::{Purpose, generator, permutation};
use std::collections::HashMap;

/// Passes over the documents at most, for each label.
const MOST_PASSES: u64 = 60;
/// A label is learned when no projected gradient of a pass is larger: LIBLINEAR's default for this solver.
const TOLERANCE: f32 = 0.1;
/// Cost of an error against the size of the weights, `C`: scikit-learn's default.
const COST: f32 = 1.0;
/// A sigmoid of this many times the margin stands for a probability: thresholds between 0.05 and 0.95 then lie between
/// margins of -1.5 and 1.5.
const MARGIN_SCALE: f64 = 2.0;

/// One row: ascending features with their weights, of length 1 (Euclid).
type Row = Vec<(u32, f32)>;

/// Linear classifiers, one per label.
#[derive(Clone, Debug)]
pub struct Linear {
    features: HashMap<String, u32>,
    idf: Vec<f32>,
    longest: usize,
    /// Per label: its weights and, last, its bias.
    weights: Vec<Vec<f32>>,
}

impl Linear {
    /// Learns `classes` labels from documents and their label rows; `seed` draws the order of the coordinates.
    pub fn learn(documents: &[&Document], truth: &[Vec<usize>], classes: usize, seed: u64) -> Self {
        let longest = if mostly_unspaced(documents) { 3 } else { 2 };
        let mut features: HashMap<String, u32> = HashMap::new();
        let mut frequencies: Vec<u32> = Vec::new();
        let counted: Vec<Vec<(u32, u32)>> = documents
            .iter()
            .map(|document| {
                let grams = count(ngrams(document, longest), &mut |gram| {
                    let next = features.len() as u32;
                    Some(*features.entry(gram).or_insert(next))
                });
                frequencies.resize(features.len(), 0);
                grams.iter().for_each(|(feature, _)| frequencies[*feature as usize] += 1);
                grams
            })
            .collect();
        let n = documents.len() as f32;
        let idf: Vec<f32> = frequencies.iter().map(|&df| ((1.0 + n) / (1.0 + df as f32)).ln() + 1.0).collect();
        let rows: Vec<Row> = counted.into_iter().map(|grams| weighted(grams, &idf)).collect();
        let learn = |label: usize| svm(&rows, truth, label, features.len(), seed);
        let weights = (0..classes).map(learn).collect();
        Self { features, idf, longest, weights }
    }

    /// Distinct n-grams that it knows.
    pub fn features(&self) -> usize {
        self.idf.len()
    }

    /// A number between 0 and 1 per label, higher for likelier; 0.5 is the boundary that training drew.
    pub fn scores(&self, document: &Document) -> Vec<f64> {
        let grams = count(ngrams(document, self.longest), &mut |gram| self.features.get(&gram).copied());
        let row = weighted(grams, &self.idf);
        let score = |weights: &Vec<f32>| 1.0 / (1.0 + (-MARGIN_SCALE * f64::from(margin(weights, &row))).exp());
        self.weights.iter().map(score).collect()
    }
}

/// Whether most characters belong to scripts that are written without spaces.
fn mostly_unspaced(documents: &[&Document]) -> bool {
    let (mut unspaced, mut all) = (0_u64, 0_u64);
    for c in documents.iter().flat_map(|document| document.texts()).flat_map(str::chars) {
        all += u64::from(c.is_alphanumeric());
        unspaced += u64::from(is_unspaced(c));
    }
    2 * unspaced > all
}

/// Han, kana, Thai, Lao, Khmer and Burmese letters.
fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x3040..=0x30FF
        | 0x3400..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// Lower-cased words and single letters of unspaced scripts, joined to n-grams of up to `longest`. The two texts of a
/// pair have n-grams of their own.
fn ngrams(document: &Document, longest: usize) -> Vec<String> {
    let mut grams = Vec::new();
    for (part, text) in document.texts().enumerate() {
        let mark = if part == 0 { "" } else { "\t" };
        let lowered = text.to_lowercase();
        let mut words: Vec<&str> = Vec::new();
        for word in lowered.split_whitespace() {
            let mut start = 0;
            for (at, c) in word.char_indices().filter(|(_, c)| is_unspaced(*c)) {
                words.extend((start < at).then(|| &word[start..at]));
                start = at + c.len_utf8();
                words.push(&word[at..start]);
            }
            words.extend((start < word.len()).then(|| &word[start..]));
        }
        for length in 1..=longest {
            grams.extend(words.windows(length).map(|words| format!("{mark}{}", words.join(" "))));
        }
    }
    grams
}

/// Known n-grams by feature, with how often they occur.
fn count(grams: Vec<String>, feature: &mut dyn FnMut(String) -> Option<u32>) -> Vec<(u32, u32)> {
    let mut ids: Vec<u32> = grams.into_iter().filter_map(feature).collect();
    ids.sort_unstable();
    ids.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect()
}

/// `(1 + ln count) idf`, scaled to length 1.
fn weighted(grams: Vec<(u32, u32)>, idf: &[f32]) -> Row {
    let mut row: Row =
        grams.into_iter().map(|(feature, n)| (feature, (1.0 + (n as f32).ln()) * idf[feature as usize])).collect();
    let length = row.iter().map(|(_, x)| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    row.iter_mut().for_each(|(_, x)| *x /= length);
    row
}

fn margin(weights: &[f32], row: &Row) -> f32 {
    let bias = weights.last().copied().unwrap_or(0.0);
    row.iter().map(|(feature, x)| weights[*feature as usize] * x).sum::<f32>() + bias
}

/// Dual coordinate descent for one label against all others. The bias is a feature that is always 1.
fn svm(rows: &[Row], truth: &[Vec<usize>], label: usize, features: usize, seed: u64) -> Vec<f32> {
    let mut weights = vec![0.0_f32; features + 1];
    let signs: Vec<f32> = truth.iter().map(|labels| if labels.contains(&label) { 1.0 } else { -1.0 }).collect();
    let diagonal = 1.0 / (2.0 * COST);
    let squares: Vec<f32> =
        rows.iter().map(|row| diagonal + 1.0 + row.iter().map(|(_, x)| x * x).sum::<f32>()).collect();
    let mut alphas = vec![0.0_f32; rows.len()];
    for pass in 0..MOST_PASSES {
        let order = permutation(&mut generator(seed, Purpose::Order, pass, label as u64), rows.len() as u32);
        let mut worst = 0.0_f32;
        for index in order.into_iter().map(|index| index as usize) {
            let gradient = signs[index] * margin(&weights, &rows[index]) - 1.0 + diagonal * alphas[index];
            let projected = if alphas[index] == 0.0 { gradient.min(0.0) } else { gradient };
            worst = worst.max(projected.abs());
            if projected.abs() < f32::EPSILON {
                continue;
            }
            let before = alphas[index];
            alphas[index] = (before - gradient / squares[index]).max(0.0);
            let step = (alphas[index] - before) * signs[index];
            rows[index].iter().for_each(|(feature, x)| weights[*feature as usize] += step * x);
            weights[features] += step;
        }
        if worst < TOLERANCE {
            break;
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document { text: text.into(), second: None, labels: Vec::new(), file: 0, line: 1, block: 0 }
    }

    #[test]
    fn ngrams_are_words_or_single_characters() {
        assert_eq!(ngrams(&document("The  cat the"), 2), ["the", "cat", "the", "the cat", "cat the"]);
        assert_eq!(ngrams(&document("山a水"), 3), ["山", "a", "水", "山 a", "a 水", "山 a 水"]);
        let pair = Document { second: Some("b".into()), ..document("a") };
        assert_eq!(ngrams(&pair, 2), ["a", "\tb"]);
    }

    #[test]
    fn labels_that_words_tell_are_learned() {
        let texts: Vec<Document> =
            (0..60).map(|i| document(["a cat purrs", "a dog barks", "rain falls"][i % 3])).collect();
        let texts: Vec<&Document> = texts.iter().collect();
        let truth: Vec<Vec<usize>> = (0..60).map(|i| [vec![0, 1], vec![0], vec![]][i % 3].clone()).collect();
        let linear = Linear::learn(&texts, &truth, 2, 1);
        for (text, expected) in [("the cat", [true, true]), ("my dog barks", [true, false]), ("more rain", [false; 2])]
        {
            let scores = linear.scores(&document(text));
            assert_eq!([scores[0] > 0.5, scores[1] > 0.5], expected, "{text} {scores:?}");
        }
        assert_eq!(linear.features(), 12);
        assert!(linear.scores(&document("unknown words only")).iter().all(|score| score.is_finite()));
    }
}
