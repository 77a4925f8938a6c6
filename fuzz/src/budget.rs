//! How many inputs a target gets: a fixed number from a fixed seed, so that every run of the tests is the same; or, when a
//! person asks for it, as many as fit into a time, from another seed each time.

use proptest::test_runner::{Config, RngSeed};
use std::time::{Duration, SystemTime};

/// Seconds for each target, instead of a fixed number of inputs.
const SECS: &str = "CLOZELAB_FUZZ_SECS";
/// The number of inputs, as all users of proptest set it.
const CASES: &str = "PROPTEST_CASES";

/// The seed of the tests, unless proptest's own `PROPTEST_RNG_SEED` names another one.
const FIXED_SEED: u64 = 1;

/// Without optimisation each input takes ten times as long, and there are a tenth of them.
const DEBUG_SHARE: u32 = 10;

/// Inputs between two looks at the clock.
const CASES_PER_ROUND: u32 = 200;

/// What a target may spend.
pub struct Budget {
    /// Inputs of one round.
    pub cases: u32,
    /// How long rounds follow each other; `None`: there is one.
    pub time: Option<Duration>,
    /// Where chance begins.
    pub seed: u64,
}

impl Budget {
    /// As the environment says; otherwise `cases` inputs.
    pub fn of(cases: u32) -> Self {
        let secs = std::env::var(SECS)
            .ok()
            .and_then(|secs| secs.trim().parse().ok());
        let time = secs.map(Duration::from_secs_f64);
        let from_environment = Config::default();
        let cases = match time {
            Some(_) => CASES_PER_ROUND.min(cases),
            None if std::env::var_os(CASES).is_some() => from_environment.cases,
            None if cfg!(debug_assertions) => cases / DEBUG_SHARE,
            None => cases,
        };
        let seed = match (from_environment.rng_seed, time) {
            (RngSeed::Fixed(seed), _) => seed,
            (RngSeed::Random, Some(_)) => now(),
            (RngSeed::Random, None) => FIXED_SEED,
        };
        Self { cases, time, seed }
    }
}

/// A number that no earlier run had.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(FIXED_SEED, |time| time.as_nanos() as u64)
}
