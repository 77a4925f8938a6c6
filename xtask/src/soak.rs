//! `cargo xtask soak`: runs the property tests of all code that reads untrusted data for a given
//! time, with different inputs each time. The product is built with overflow checks.

mod tried;

use crate::error::Error;
use crate::program::Program;
use crate::project::Project;
use std::time::{Duration, Instant};
use tried::Tried;

/// Seconds per target and round. The tests run in rounds, since only they know the number of
/// targets.
const SECS_PER_ROUND: u64 = 20;

/// Crates with modules named `properties`.
const CRATES: [&str; 2] = ["clozelab-data", "clozelab-protocol"];

/// Runs the property tests for about `minutes`, and prints the number of inputs per target.
///
/// # Errors
/// Returns an error if a property does not hold; the input is printed before it.
pub fn run(project: &Project, minutes: u64) -> Result<(), Error> {
    let time = Duration::from_secs(minutes * 60);
    let mut tried = Tried::default();
    tests(project, &["--no-run"], SECS_PER_ROUND).run()?;
    let begin = Instant::now();
    let mut result = Ok(());
    while result.is_ok() && begin.elapsed() < time {
        let remaining = (time - begin.elapsed()).as_secs().max(1);
        let round = tests(
            project,
            &["properties::", "--", "--nocapture"],
            SECS_PER_ROUND.min(remaining),
        );
        result = round.lines(|line| tried.read(line))?;
    }
    println!("{tried}");
    result
}

fn tests(project: &Project, args: &[&str], secs: u64) -> Program {
    let cargo =
        Program::cargo(project.root()).args(["test", "--profile", "fuzz", "--locked", "--lib"]);
    let crates = CRATES.iter().flat_map(|name| ["--package", name]);
    cargo
        .args(crates)
        .args(args)
        .env("CLOZELAB_FUZZ_SECS", secs.to_string())
}
