//! The number of inputs per target. By default it is fixed and starts from a fixed seed, so that
//! test runs are reproducible; on request, as many inputs as fit into a time are tried, from
//! another seed each time.

use proptest::test_runner::{Config, RngSeed};
use std::time::{Duration, SystemTime};

/// Environment variable: seconds per target, instead of a fixed number of inputs.
const SECS: &str = "CLOZELAB_FUZZ_SECS";
/// Environment variable: number of inputs, as in every use of proptest.
const CASES: &str = "PROPTEST_CASES";

/// Seed of the tests, unless proptest's own `PROPTEST_RNG_SEED` is set.
const FIXED_SEED: u64 = 1;

/// Divisor of the number of inputs in a build without optimisation, where each takes ten times as
/// long.
const DEBUG_SHARE: u32 = 10;

/// Number of inputs between two checks of the clock.
const CASES_PER_ROUND: u32 = 200;

/// The number of inputs and the time for a target.
pub struct Budget {
    /// Number of inputs per round.
    pub cases: u32,
    /// Time after which no further round starts; `None` means a single round.
    pub time: Option<Duration>,
    /// Seed of the random generator in the first round.
    pub seed: u64,
}

impl Budget {
    /// Reads the budget from the environment. The default is `cases` inputs, or a tenth of them
    /// without optimisation.
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
            (RngSeed::Random, Some(_)) => seed_from_clock(),
            (RngSeed::Random, None) => FIXED_SEED,
        };
        Self { cases, time, seed }
    }
}

/// Returns a seed that no earlier run used.
fn seed_from_clock() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(FIXED_SEED, |time| time.as_nanos() as u64)
}
