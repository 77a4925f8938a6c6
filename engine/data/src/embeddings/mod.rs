//! Word vectors learned from the training text: tokens -> co-occurrence counts -> positive
//! pointwise mutual information (PPMI) -> truncated singular value decomposition. They initialise
//! the embeddings of a new model and represent documents for the linear classifier.
//!
//! "You shall know a word by the company it keeps" (Firth 1957); the method is that of Levy,
//! Goldberg & Dagan 2015 ("Improving Distributional Similarity with Lessons Learned from Word
//! Embeddings"). Counts are integers and every sum has a fixed order, so that the vectors do not
//! depend on the number of threads.

mod cooccurrence;
mod factorize;

use super::examples::Tokens;
use super::tokenizer::Specials;
use cooccurrence::Counter;
use factorize::{SparseRows, factorize};

/// Maximum width of the vectors: the time of the decomposition grows with the square of its
/// columns. In wider embeddings, the remaining columns keep their random initialisation.
pub const MAX_RANK: usize = 256;

/// Exponent that smooths the context distribution (Levy et al. 2015, section 3.2).
const CONTEXT_SMOOTHING: f64 = 0.75;

/// One unit vector per token of a vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct WordEmbeddings {
    /// Width of the vectors, `D`.
    pub width: usize,
    /// Vectors `[V, D]`, row-major; zeros for a token without neighbours.
    pub values: Vec<f32>,
}

impl WordEmbeddings {
    /// Learns vectors of `width` numbers (at most [`MAX_RANK`] of them nonzero) from encoded
    /// documents over a vocabulary of `vocab_size`. Returns `None` if no two tokens occur together
    /// more often than by chance, as in text without two different neighbouring tokens.
    pub fn learn(
        tokens: &Tokens,
        specials: &Specials,
        vocab_size: usize,
        width: usize,
        seed: u64,
    ) -> Option<Self> {
        let mut counter = Counter::new(vocab_size);
        counter.count_documents(tokens, specials);
        let matrix = ppmi(&counter.finish(), vocab_size);
        if matrix.is_zero() {
            return None;
        }
        let rank = width.min(MAX_RANK).min(matrix.used_rows());
        let left = factorize(&matrix, rank, seed); // [V, rank]
        let mut values = vec![0.0; vocab_size * width];
        for (row, left) in values.chunks_mut(width).zip(left.chunks(rank)) {
            let norm = left.iter().map(|x| x * x).sum::<f32>().sqrt();
            if norm > f32::MIN_POSITIVE {
                row.iter_mut()
                    .zip(left)
                    .for_each(|(value, x)| *value = x / norm);
            }
        }
        Some(Self { width, values })
    }

    /// Returns the vector of a token, `[D]`.
    pub fn row(&self, token: u32) -> &[f32] {
        &self.values[token as usize * self.width..][..self.width]
    }

    /// Returns whether a token has a vector.
    pub fn has(&self, token: u32) -> bool {
        self.row(token).iter().any(|x| *x != 0.0)
    }
}

/// Computes the matrix `max(0, ln(p(w, c) / (p(w) p'(c))))` with the smoothed context distribution
/// `p'(c) ~ n(c)^0.75`, from the symmetric counts `(row, column, count)` with `row <= column`.
fn ppmi(pairs: &[(u32, u32, u64)], vocab_size: usize) -> SparseRows {
    let mut totals = vec![0_u64; vocab_size];
    for &(a, b, n) in pairs {
        totals[a as usize] += n;
        totals[b as usize] += n;
    }
    let smoothed: Vec<f64> = totals
        .iter()
        .map(|&n| libm::pow(n as f64, CONTEXT_SMOOTHING))
        .collect();
    let sum: f64 = smoothed.iter().sum();
    let value = |word: u32, context: u32, n: f64| {
        libm::log(n * sum / (totals[word as usize] as f64 * smoothed[context as usize])) as f32
    };
    SparseRows::new(vocab_size, || {
        pairs.iter().flat_map(|&(a, b, n)| {
            // A pair of equal tokens was seen from both of its positions.
            let n = if a == b { 2 * n } else { n } as f64;
            let mirrored = (a != b).then(|| (b, a, value(b, a, n)));
            [Some((a, b, value(a, b, n))), mirrored]
                .into_iter()
                .flatten()
                .filter(|(_, _, x)| *x > 0.0)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIALS: Specials = Specials {
        pad: 0,
        unk: 1,
        cls: 2,
        sep: 3,
        mask: 4,
    };

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// Two topics of four words each; words only occur next to words of the same topic.
    fn two_topics() -> Tokens {
        let document = |i: u32| {
            let first = 5 + 4 * (i % 2);
            let words = (0..6).map(|j| first + (i / 2 + j * (1 + i % 3)) % 4);
            words.chain([3]).collect::<Vec<u32>>()
        };
        Tokens::in_memory((0..400).map(document), 16)
    }

    #[test]
    fn words_of_one_topic_are_similar() {
        let vectors =
            WordEmbeddings::learn(&two_topics(), &SPECIALS, 16, 4, 1).expect("there are pairs");
        for (a, b) in [(5, 6), (5, 8), (9, 12)] {
            let other = if b < 9 { b + 4 } else { b - 4 };
            let [near, far] = [b, other].map(|b| cosine(vectors.row(a), vectors.row(b)));
            assert!(near > far + 0.3, "{a} {b}: {near} and {far}");
        }
        assert!(
            vectors.has(5) && !vectors.has(3) && !vectors.has(15),
            "specials and unseen tokens have none"
        );
    }

    #[test]
    fn vectors_are_reproducible_and_have_length_1() {
        let learn =
            || WordEmbeddings::learn(&two_topics(), &SPECIALS, 16, 4, 7).expect("there are pairs");
        let vectors = learn();
        assert_eq!(vectors, learn());
        assert!((5..13).all(|id| (cosine(vectors.row(id), vectors.row(id)) - 1.0).abs() < 1e-5));
    }

    #[test]
    fn a_vocabulary_smaller_than_the_width_leaves_zeros() {
        let vectors =
            WordEmbeddings::learn(&two_topics(), &SPECIALS, 16, 32, 1).expect("there are pairs");
        assert!(
            vectors.row(5)[8..].iter().all(|x| *x == 0.0)
                && vectors.row(5)[..8].iter().any(|x| *x != 0.0)
        );
    }

    #[test]
    fn text_without_pairs_has_no_vectors() {
        let alone = Tokens::in_memory((0..10).map(|_| vec![5, 3]), 16);
        assert_eq!(WordEmbeddings::learn(&alone, &SPECIALS, 16, 4, 1), None);
        let repeated = Tokens::in_memory((0..10).map(|_| vec![5, 5, 5, 3]), 16);
        assert_eq!(
            WordEmbeddings::learn(&repeated, &SPECIALS, 16, 4, 1),
            None,
            "one word has no company"
        );
    }

    #[test]
    fn ppmi_by_hand() {
        // Tokens 0 and 1 co-occur three times, 0 and 2 once.
        let matrix = ppmi(&[(0, 1, 3), (0, 2, 1)], 3);
        let smoothed = [4.0_f64, 3.0, 1.0].map(|n| n.powf(0.75));
        let sum: f64 = smoothed.iter().sum();
        let expected =
            |n: f64, word: f64, context: usize| (n * sum / (word * smoothed[context])).ln() as f32;
        let rows: Vec<Vec<(u32, f32)>> = (0..3).map(|row| matrix.row(row).collect()).collect();
        let close = |found: &[(u32, f32)], expected: &[(u32, f32)]| {
            let same = |(a, b): (&(u32, f32), &(u32, f32))| a.0 == b.0 && (a.1 - b.1).abs() < 1e-6;
            assert!(
                found.len() == expected.len() && found.iter().zip(expected).all(same),
                "{found:?} {expected:?}"
            );
        };
        close(
            &rows[0],
            &[(1, expected(3.0, 4.0, 1)), (2, expected(1.0, 4.0, 2))],
        );
        close(&rows[1], &[(0, expected(3.0, 3.0, 0))]);
        close(&rows[2], &[(0, expected(1.0, 1.0, 0))]);
    }
}
