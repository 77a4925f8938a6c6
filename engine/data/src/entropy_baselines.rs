//! Losses that need no model: what a masked-LM loss, or a classifier's, is measured against. In nats. `ln` comes from `libm`, so that the
//! figures are the same on every platform.

use crate::examples::Tokens;
use crate::labels::ProblemType;
use crate::tokenizer::Specials;
use std::collections::HashMap;

/// Losses of knowing next to nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyBaselines {
    /// Of guessing uniformly: over the vocabulary `ln V`, over `C` labels `ln C`, whether each of them fits `C ln 2`.
    pub uniform: f64,
    /// Of knowing only how frequent each token is (the entropy of the tokens that masking may choose) or each label.
    pub unigram: f64,
    /// Of knowing how often each token follows the one before: what neighbours alone tell. `None` for labels, and for a
    /// corpus of one kind of token.
    pub bigram: Option<f64>,
}

impl EntropyBaselines {
    /// EntropyBaselines for `tokens`, of which each row of the vocabulary occurs as often as `counts` tells. Special tokens are
    /// never guessed and do not count.
    pub fn of(tokens: &Tokens, counts: &[u64], specials: &Specials) -> Self {
        let mut counts = counts.to_vec();
        specials
            .all()
            .iter()
            .for_each(|&id| counts[id as usize] = 0);
        let unigram = entropy(&counts);
        Self {
            uniform: libm::log(counts.len() as f64),
            unigram,
            bigram: bigram(tokens, specials, &counts),
        }
    }

    /// EntropyBaselines for classifying documents with these label rows, of `classes`: the loss of a document is the sum over its
    /// sigmoids, or that of its one softmax.
    pub fn of_labels<'a>(
        documents: impl Iterator<Item = &'a [usize]>,
        classes: usize,
        problem: ProblemType,
    ) -> Self {
        let (mut counts, mut n) = (vec![0; classes], 0);
        for labels in documents {
            n += 1;
            labels.iter().for_each(|&label| counts[label] += 1);
        }
        match problem {
            ProblemType::SingleLabelClassification => Self {
                uniform: libm::log(classes as f64),
                unigram: entropy(&counts),
                bigram: None,
            },
            ProblemType::MultiLabelClassification => Self {
                uniform: classes as f64 * std::f64::consts::LN_2,
                unigram: counts
                    .iter()
                    .map(|&count| entropy(&[count, n - count]))
                    .sum(),
                bigram: None,
            },
        }
    }
}

/// Loss of a bigram model on text that it has not seen: it learns from every other stretch of the corpus and is measured
/// on the ones between. A plain entropy of bigrams would be that of having learned the corpus by heart. Where a bigram is
/// rare, its estimate leans on the unigram's: interpolated Witten-Bell (Chen & Goodman 1998, 2.4). Of a large corpus it
/// looks at stretches from everywhere, [`MAX_TOKENS`] in all.
fn bigram(tokens: &Tokens, specials: &Specials, counts: &[u64]) -> Option<f64> {
    let total = counts.iter().sum::<u64>() as f64;
    let kinds = counts.iter().filter(|&&count| count > 0).count() as f64;
    if kinds < 2.0 {
        return None;
    }
    let mut pairs: HashMap<(u32, u32), u32> = HashMap::new();
    // After each token: how many tokens, and of how many kinds.
    let mut after = vec![[0_u32; 2]; counts.len()];
    for stretch in stretches(tokens, 0) {
        for pair in stretch
            .windows(2)
            .filter(|pair| !specials.contains(pair[1]))
        {
            let seen = pairs.entry((pair[0], pair[1])).or_insert(0);
            after[pair[0] as usize][1] += u32::from(*seen == 0);
            after[pair[0] as usize][0] += 1;
            *seen += 1;
        }
    }
    let (mut loss, mut n) = (0.0, 0.0);
    for stretch in stretches(tokens, STRETCH) {
        for pair in stretch
            .windows(2)
            .filter(|pair| !specials.contains(pair[1]))
        {
            let [follows, different] = after[pair[0] as usize].map(f64::from);
            let unigram = (counts[pair[1] as usize] as f64 + 1.0) / (total + kinds);
            let seen = f64::from(pairs.get(&(pair[0], pair[1])).copied().unwrap_or(0));
            let p = if follows > 0.0 {
                (seen + different * unigram) / (follows + different)
            } else {
                unigram
            };
            loss -= libm::log(p);
            n += 1.0;
        }
    }
    (n > 0.0).then(|| loss / n)
}

/// Every other stretch, from `first` on, with the token that follows it.
fn stretches(tokens: &Tokens, first: usize) -> impl Iterator<Item = Vec<u32>> {
    let every = tokens.len().div_ceil(MAX_TOKENS).max(1);
    (first..tokens.len())
        .step_by(2 * STRETCH * every)
        .map(|start| {
            let mut stretch = Vec::with_capacity(STRETCH + 1);
            tokens.read(start..tokens.len().min(start + STRETCH + 1), &mut stretch);
            stretch
        })
}

/// Tokens that a bigram floor is computed from at most: more change its third digit.
const MAX_TOKENS: usize = 8 << 20;

/// Tokens of a stretch that is learned from or measured on.
const STRETCH: usize = 512;

/// `-sum p ln p` of the distribution that `counts` estimate; 0 without any.
fn entropy(counts: &[u64]) -> f64 {
    let total = counts.iter().sum::<u64>() as f64;
    let term = |&count: &u64| -(count as f64 / total) * libm::log(count as f64 / total);
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(term)
        .sum::<f64>()
        .max(0.0)
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

    fn floors_of(tokens: &[u32], vocab_size: usize) -> EntropyBaselines {
        let mut counts = vec![0; vocab_size];
        tokens.iter().for_each(|&id| counts[id as usize] += 1);
        EntropyBaselines::of(
            &Tokens::held(std::iter::once(tokens.to_vec()), vocab_size),
            &counts,
            &SPECIALS,
        )
    }

    fn check(tokens: &[u32], vocab_size: usize, uniform: f64, unigram: f64) {
        let floors = floors_of(tokens, vocab_size);
        // Rounding of a handful of additions.
        const TOLERANCE: f64 = 1e-12;
        assert!((floors.uniform - uniform).abs() < TOLERANCE, "{floors:?}");
        assert!((floors.unigram - unigram).abs() < TOLERANCE, "{floors:?}");
    }

    #[test]
    fn floors_of_known_distributions() {
        check(&[5, 6, 7, 8], 9, 9_f64.ln(), 4_f64.ln());
        check(
            &[5, 5, 5, 6, 3, 3, 0, 1],
            8,
            8_f64.ln(),
            4_f64.ln() - 0.75 * 3_f64.ln(),
        );
        check(&[5, 5, 5], 6, 6_f64.ln(), 0.0);
        check(&[2, 3], 6, 6_f64.ln(), 0.0);
    }

    #[test]
    fn neighbours_that_tell_lower_the_floor() {
        // Each token has one successor: nothing is left to guess but where the estimate is smoothed.
        let cycle: Vec<u32> = (0..8192).map(|i| 5 + i % 64).collect();
        let told = floors_of(&cycle, 80).bigram.expect("two kinds");
        assert!(told < 0.1, "{told}");
        // Independent tokens: knowing the one before is worth nothing, and the estimate may not pretend otherwise.
        let rng = &mut crate::random::generator(1, crate::random::Purpose::Preview, 0, 0);
        let noise: Vec<u32> = (0..20_000)
            .map(|_| 5 + crate::random::below(rng, 64) as u32)
            .collect();
        let floors = floors_of(&noise, 80);
        assert!(
            floors.bigram.expect("two kinds") > floors.unigram - 0.01,
            "{floors:?}"
        );
        assert_eq!(floors_of(&[5, 5, 5], 6).bigram, None);
    }

    #[test]
    fn floors_of_labels_follow_the_loss() {
        let documents: [&[usize]; 4] = [&[0], &[0, 1], &[0], &[]];
        let multi = EntropyBaselines::of_labels(
            documents.into_iter(),
            2,
            ProblemType::MultiLabelClassification,
        );
        let h = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
        assert!(
            (multi.uniform - 2.0 * 2_f64.ln()).abs() < 1e-12
                && (multi.unigram - 2.0 * h(0.25)).abs() < 1e-12
        );
        let single = EntropyBaselines::of_labels(
            [&[0_usize][..], &[1]].into_iter(),
            3,
            ProblemType::SingleLabelClassification,
        );
        assert!(
            (single.uniform - 3_f64.ln()).abs() < 1e-12
                && (single.unigram - 2_f64.ln()).abs() < 1e-12
        );
    }
}
