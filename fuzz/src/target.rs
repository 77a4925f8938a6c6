//! A fuzz target: a strategy that generates inputs, and a property that holds for each of them.

use crate::budget::Budget;
use crate::limits::{Outcome, take_peak};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestRunner};
use std::cell::Cell;
use std::time::Instant;

/// Maximum time to shrink a failing input, in milliseconds.
const MAX_SHRINK_MS: u32 = 30_000;

/// Tests `property` on inputs of `strategy` until the budget is spent: `cases` inputs, unless the
/// environment sets a time. Prints `fuzz: NAME COUNT inputs ..`, which `cargo xtask soak` adds up.
///
/// # Panics
/// If `property` fails or panics, with the smallest input that makes it fail. Its seed is added to
/// `regressions/NAME.txt` in the crate's folder.
pub fn check<S: Strategy>(
    name: &'static str,
    cases: u32,
    strategy: &S,
    property: impl Fn(S::Value) -> Outcome,
) {
    let budget = Budget::of(cases);
    let config = Config {
        cases: budget.cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            format!("regressions/{name}.txt").leak(),
        ))),
        max_shrink_time: MAX_SHRINK_MS,
        ..Config::default()
    };
    let (start, inputs) = (Instant::now(), Cell::new(0_u64));
    take_peak();
    for seed in budget.seed.. {
        let mut runner = TestRunner::new(Config {
            rng_seed: RngSeed::Fixed(seed),
            ..config.clone()
        });
        let result = runner.run(strategy, |input| {
            inputs.set(inputs.get() + 1);
            property(input)
        });
        if let Err(error) = result {
            panic!("{name}: {error}\nseed {seed}, input {}", inputs.get());
        }
        if budget.time.is_none_or(|time| start.elapsed() >= time) {
            break;
        }
    }
    let (peak_bytes, slowest) = take_peak();
    println!(
        "fuzz: {name} {} inputs in {:.1} s, at most {} KiB and {} ms each",
        inputs.get(),
        start.elapsed().as_secs_f64(),
        peak_bytes >> 10,
        slowest.as_millis()
    );
}
