//! A target: a strategy that makes inputs and a property that holds for each of them.

use crate::budget::Budget;
use crate::limits::{Outcome, take_peak};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed, TestRunner};
use std::cell::Cell;
use std::time::Instant;

/// A failing input is made smaller for at most so long, in milliseconds.
const MAX_SHRINK_MS: u32 = 30_000;

/// Tries inputs of `strategy` until the budget is spent: `cases` of them, unless the environment names a time. Prints
/// `fuzz: NAME COUNT inputs ..`, which `cargo xtask soak` adds up.
///
/// # Panics
/// When `property` fails or panics, with the smallest input that makes it fail. Its seed is added to
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
    let (begin, inputs) = (Instant::now(), Cell::new(0_u64));
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
        if budget.time.is_none_or(|time| begin.elapsed() >= time) {
            break;
        }
    }
    let (peak_bytes, slowest) = take_peak();
    println!(
        "fuzz: {name} {} inputs in {:.1} s, at most {} KiB and {} ms each",
        inputs.get(),
        begin.elapsed().as_secs_f64(),
        peak_bytes >> 10,
        slowest.as_millis()
    );
}
