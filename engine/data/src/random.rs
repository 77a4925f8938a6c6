//! Reproducible random numbers: each use derives its own generator from (seed, purpose, two
//! numbers), so that no state needs saving and changing one use does not affect another. The
//! numbers are the same on every platform, 32-bit WebAssembly included: no `usize` is ever drawn,
//! and the only transcendental function comes from `libm`, not from the system.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// What a generator is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Order of the examples.
    Order,
    /// Choice and replacement of masked tokens.
    Mask,
    /// Initialisation of weights.
    Init,
    /// Dropout on the device.
    Dropout,
    /// Examples shown to the user, which must not depend on a run.
    Preview,
    /// Starting vectors of the matrix factorisation of word embeddings.
    Vectors,
    /// Bootstrap samples for confidence intervals.
    Bootstrap,
    /// Documents that are proposed for labelling by hand.
    Proposal,
}

impl Purpose {
    /// Returns the number used in the key. Never renumber: every seeded result would change.
    fn number(self) -> u64 {
        match self {
            Self::Order => 2,
            Self::Mask => 3,
            Self::Init => 4,
            Self::Dropout => 5,
            Self::Preview => 6,
            Self::Vectors => 7,
            Self::Bootstrap => 8,
            Self::Proposal => 9,
        }
    }
}

/// Returns the generator of one use. `a` and `b` are coordinates within that use, such as epoch and
/// example.
pub fn generator(seed: u64, purpose: Purpose, a: u64, b: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (place, number) in key.chunks_exact_mut(8).zip([seed, purpose.number(), a, b]) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// Draws uniformly from `[0, 1)`, in multiples of 2^-53.
pub fn unit_f64(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Draws uniformly from `0..n`, without bias. Source: Lemire 2019, algorithm 5.
///
/// # Panics
/// Panics if `n` is 0.
pub fn below(rng: &mut impl Rng, n: u64) -> u64 {
    assert!(n > 0, "below(0) has no answer");
    let rejected = n.wrapping_neg() % n;
    loop {
        let wide = u128::from(rng.next_u64()) * u128::from(n);
        if wide as u64 >= rejected {
            return (wide >> 64) as u64;
        }
    }
}

/// Draws a uniform permutation of `0..n`. Source: Durstenfeld 1964 (Fisher-Yates).
pub fn permutation(rng: &mut impl Rng, n: u32) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last as usize, below(rng, u64::from(last) + 1) as usize);
    }
    order
}

/// Draws two independent samples from N(0, 1), computed in `f64`. Source: Marsaglia and Bray 1964
/// (the polar method).
pub fn normal_f32(rng: &mut impl Rng) -> (f32, f32) {
    loop {
        let x = 2.0 * unit_f64(rng) - 1.0;
        let y = 2.0 * unit_f64(rng) - 1.0;
        let square = x * x + y * y;
        if square > 0.0 && square < 1.0 {
            let scale = (-2.0 * libm::log(square) / square).sqrt();
            return ((x * scale) as f32, (y * scale) as f32);
        }
    }
}

/// Draws `n` samples from N(0, `std`²).
pub fn normals(rng: &mut impl Rng, n: usize, std: f32) -> Vec<f32> {
    let mut values = Vec::with_capacity(n + 1);
    while values.len() < n {
        let (x, y) = normal_f32(rng);
        values.extend([x * std, y * std]);
    }
    values.truncate(n);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_draws_match_golden_values() {
        let mut rng = generator(1, Purpose::Mask, 2, 3);
        assert_eq!([rng.next_u64(), rng.next_u64()], GOLDEN_WORDS);
        assert_eq!(
            permutation(&mut generator(1, Purpose::Order, 0, 0), 8),
            GOLDEN_ORDER
        );
        let (x, y) = normal_f32(&mut generator(1, Purpose::Init, 0, 0));
        assert_eq!([x.to_bits(), y.to_bits()], GOLDEN_NORMALS);
    }

    /// Computed by an independent ChaCha8 implementation in Python.
    const GOLDEN_WORDS: [u64; 2] = [7_100_975_674_232_274_879, 9_251_429_015_614_869_756];
    const GOLDEN_ORDER: [u32; 8] = [4, 5, 3, 0, 6, 7, 1, 2];
    const GOLDEN_NORMALS: [u32; 2] = [0x3f074b78, 0x3f89003d];

    #[test]
    fn each_coordinate_yields_another_generator() {
        let first = |seed, purpose, a, b| generator(seed, purpose, a, b).next_u64();
        let draws = [
            first(1, Purpose::Mask, 0, 0),
            first(2, Purpose::Mask, 0, 0),
            first(1, Purpose::Order, 0, 0),
            first(1, Purpose::Mask, 1, 0),
            first(1, Purpose::Mask, 0, 1),
        ];
        for (i, draw) in draws.iter().enumerate() {
            assert!(!draws[..i].contains(draw));
        }
        assert_eq!(first(1, Purpose::Mask, 0, 0), draws[0]);
    }

    #[test]
    fn below_reaches_every_number_evenly() {
        let mut rng = generator(7, Purpose::Preview, 0, 0);
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[below(&mut rng, 6) as usize] += 1;
        }
        // Five standard deviations of a binomial(60,000, 1/6) are 456.
        assert!(
            counts.iter().all(|&count| count.abs_diff(10_000) < 456),
            "{counts:?}"
        );
        assert_eq!(below(&mut rng, 1), 0);
    }

    #[test]
    fn a_permutation_holds_each_index_once() {
        for n in [0, 1, 2, 1000] {
            let mut order = permutation(&mut generator(3, Purpose::Order, u64::from(n), 0), n);
            assert!(n < 1000 || order[..8] != [0, 1, 2, 3, 4, 5, 6, 7]);
            order.sort_unstable();
            assert_eq!(order, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn normals_have_mean_0_and_the_requested_deviation() {
        let values = normals(&mut generator(5, Purpose::Init, 0, 0), 100_001, 0.5);
        assert_eq!(values.len(), 100_001);
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / n;
        // Five standard errors: 0.5 * 5 / sqrt(n) and 0.25 * sqrt(2) * 5 / sqrt(n).
        assert!(mean.abs() < 0.008, "{mean}");
        assert!((variance - 0.25).abs() < 0.006, "{variance}");
    }
}
