//! Losses that need no model: what a masked-LM loss, or a classifier's, is measured against. In nats. `ln` comes from `libm`, so that the
//! figures are the same on every platform.

use super::labels::ProblemType;
use super::tokenizer::Specials;

/// Two losses of knowing next to nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floors {
    /// Of guessing uniformly: over the vocabulary `ln V`, over `C` labels `ln C`, whether each of them fits `C ln 2`.
    pub uniform: f64,
    /// Of knowing only how frequent each token is (the entropy of the tokens that masking may choose) or each label.
    pub unigram: f64,
}

impl Floors {
    /// Floors for `tokens` over a vocabulary of `vocab_size`. Special tokens are never guessed and do not count.
    pub fn of(tokens: &[u32], specials: &Specials, vocab_size: usize) -> Self {
        let mut counts = count(tokens, vocab_size);
        specials.all().iter().for_each(|&id| counts[id as usize] = 0);
        Self { uniform: libm::log(vocab_size as f64), unigram: entropy(&counts) }
    }

    /// Floors for classifying documents with these label rows, of `classes`: the loss of a document is the sum over its
    /// sigmoids, or that of its one softmax.
    pub fn of_labels<'a>(documents: impl Iterator<Item = &'a [usize]>, classes: usize, problem: ProblemType) -> Self {
        let (mut counts, mut n) = (vec![0; classes], 0);
        for labels in documents {
            n += 1;
            labels.iter().for_each(|&label| counts[label] += 1);
        }
        match problem {
            ProblemType::SingleLabelClassification => {
                Self { uniform: libm::log(classes as f64), unigram: entropy(&counts) }
            }
            ProblemType::MultiLabelClassification => Self {
                uniform: classes as f64 * std::f64::consts::LN_2,
                unigram: counts.iter().map(|&count| entropy(&[count, n - count])).sum(),
            },
        }
    }
}

/// How often each row occurs in `tokens`.
///
/// # Panics
/// When a token is not below `vocab_size`.
pub fn count(tokens: &[u32], vocab_size: usize) -> Vec<u64> {
    let mut counts = vec![0; vocab_size];
    tokens.iter().for_each(|&id| counts[id as usize] += 1);
    counts
}

/// `-sum p ln p` of the distribution that `counts` estimate; 0 without any.
fn entropy(counts: &[u64]) -> f64 {
    let total = counts.iter().sum::<u64>() as f64;
    let term = |&count: &u64| -(count as f64 / total) * libm::log(count as f64 / total);
    counts.iter().filter(|&&count| count > 0).map(term).sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIALS: Specials = Specials { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };

    fn check(tokens: &[u32], vocab_size: usize, uniform: f64, unigram: f64) {
        let floors = Floors::of(tokens, &SPECIALS, vocab_size);
        // Rounding of a handful of additions.
        const TOLERANCE: f64 = 1e-12;
        assert!((floors.uniform - uniform).abs() < TOLERANCE, "{floors:?}");
        assert!((floors.unigram - unigram).abs() < TOLERANCE, "{floors:?}");
    }

    #[test]
    fn floors_of_known_distributions() {
        check(&[5, 6, 7, 8], 9, 9_f64.ln(), 4_f64.ln());
        check(&[5, 5, 5, 6, 3, 3, 0, 1], 8, 8_f64.ln(), 4_f64.ln() - 0.75 * 3_f64.ln());
        check(&[5, 5, 5], 6, 6_f64.ln(), 0.0);
        check(&[2, 3], 6, 6_f64.ln(), 0.0);
    }

    #[test]
    fn floors_of_labels_follow_the_loss() {
        let documents: [&[usize]; 4] = [&[0], &[0, 1], &[0], &[]];
        let multi = Floors::of_labels(documents.into_iter(), 2, ProblemType::MultiLabelClassification);
        let h = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
        assert!((multi.uniform - 2.0 * 2_f64.ln()).abs() < 1e-12 && (multi.unigram - 2.0 * h(0.25)).abs() < 1e-12);
        let single = Floors::of_labels([&[0_usize][..], &[1]].into_iter(), 3, ProblemType::SingleLabelClassification);
        assert!((single.uniform - 3_f64.ln()).abs() < 1e-12 && (single.unigram - 2_f64.ln()).abs() < 1e-12);
    }
}
