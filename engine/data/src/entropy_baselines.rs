//! Entropy baselines: losses that need no model, with which the loss of a masked language model or
//! classifier is compared. All values are in nats; `ln` comes from `libm`, so that they are the
//! same on every platform.

use crate::examples::Tokens;
use crate::labels::ProblemType;
use crate::tokenizer::Specials;
use std::collections::HashMap;

/// Baseline losses of predictors that know next to nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyBaselines {
    /// Loss of a uniform prediction: `ln V` over the vocabulary, `ln C` over `C` exclusive labels,
    /// `C ln 2` over `C` independent labels.
    pub uniform: f64,
    /// Unigram entropy: loss of predicting each token (among those that masking may choose) or
    /// label by its frequency.
    pub unigram: f64,
    /// Held-out loss of a bigram model, which predicts each token from the one before. `None` for
    /// labels, and for a corpus with fewer than two distinct tokens.
    pub bigram: Option<f64>,
}

impl EntropyBaselines {
    /// Computes the baselines of masked language modelling on `tokens`, given the number of
    /// occurrences of each vocabulary id. Special tokens are never predicted and do not count.
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

    /// Computes the baselines of a classifier with `classes` labels, given the label ids of each
    /// document. The loss of a document is the sum over its sigmoids, or that of its softmax.
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

/// Computes the held-out loss of a bigram model, which is fitted on every other segment of the
/// corpus and evaluated on the segments between. The plain bigram entropy would be the loss of
/// having memorised the corpus. Rare bigrams back off to unigrams by interpolated Witten-Bell
/// smoothing (Chen & Goodman 1998, section 2.4). Of a large corpus, segments spread evenly over it
/// are used, [`MAX_TOKENS`] in all.
fn bigram(tokens: &Tokens, specials: &Specials, counts: &[u64]) -> Option<f64> {
    let total = counts.iter().sum::<u64>() as f64;
    let distinct = counts.iter().filter(|&&count| count > 0).count() as f64;
    if distinct < 2.0 {
        return None;
    }
    let mut pairs: HashMap<(u32, u32), u32> = HashMap::new();
    // For each token: the number of tokens that follow it, and of distinct ones among them.
    let mut after = vec![[0_u32; 2]; counts.len()];
    for segment in segments(tokens, 0) {
        for pair in segment
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
    for segment in segments(tokens, SEGMENT_TOKENS) {
        for pair in segment
            .windows(2)
            .filter(|pair| !specials.contains(pair[1]))
        {
            let [follows, different] = after[pair[0] as usize].map(f64::from);
            let unigram = (counts[pair[1] as usize] as f64 + 1.0) / (total + distinct);
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

/// Returns every other segment, starting at `first`, each with the token that follows it.
fn segments(tokens: &Tokens, first: usize) -> impl Iterator<Item = Vec<u32>> {
    let stride = tokens.len().div_ceil(MAX_TOKENS).max(1);
    (first..tokens.len())
        .step_by(2 * SEGMENT_TOKENS * stride)
        .map(|start| {
            let mut segment = Vec::with_capacity(SEGMENT_TOKENS + 1);
            tokens.read(
                start..tokens.len().min(start + SEGMENT_TOKENS + 1),
                &mut segment,
            );
            segment
        })
}

/// Maximum tokens that the bigram baseline is computed from; more would change its third digit.
const MAX_TOKENS: usize = 8 << 20;

/// Number of tokens per segment.
const SEGMENT_TOKENS: usize = 512;

/// Returns `-sum p ln p` of the distribution estimated by `counts`; 0 if they are all 0.
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

    fn baselines_of(tokens: &[u32], vocab_size: usize) -> EntropyBaselines {
        let mut counts = vec![0; vocab_size];
        tokens.iter().for_each(|&id| counts[id as usize] += 1);
        EntropyBaselines::of(
            &Tokens::in_memory(std::iter::once(tokens.to_vec()), vocab_size),
            &counts,
            &SPECIALS,
        )
    }

    fn check(tokens: &[u32], vocab_size: usize, uniform: f64, unigram: f64) {
        let baselines = baselines_of(tokens, vocab_size);
        // Rounding of a handful of additions.
        const TOLERANCE: f64 = 1e-12;
        assert!(
            (baselines.uniform - uniform).abs() < TOLERANCE,
            "{baselines:?}"
        );
        assert!(
            (baselines.unigram - unigram).abs() < TOLERANCE,
            "{baselines:?}"
        );
    }

    #[test]
    fn baselines_of_known_distributions() {
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
    fn informative_neighbours_lower_the_bigram_baseline() {
        // Each token has one successor, so only the smoothing contributes to the loss.
        let cycle: Vec<u32> = (0..8192).map(|i| 5 + i % 64).collect();
        let loss = baselines_of(&cycle, 80).bigram.expect("two kinds");
        assert!(loss < 0.1, "{loss}");
        // Independent tokens: the previous token is uninformative, and the estimate must not be
        // lower.
        let rng = &mut crate::random::generator(1, crate::random::Purpose::Preview, 0, 0);
        let noise: Vec<u32> = (0..20_000)
            .map(|_| 5 + crate::random::below(rng, 64) as u32)
            .collect();
        let baselines = baselines_of(&noise, 80);
        assert!(
            baselines.bigram.expect("two kinds") > baselines.unigram - 0.01,
            "{baselines:?}"
        );
        assert_eq!(baselines_of(&[5, 5, 5], 6).bigram, None);
    }

    #[test]
    fn label_baselines_match_the_loss() {
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
