//! `cargo xtask soak`: the property tests of whatever reads untrusted data, for as long as a person has time, with other
//! inputs each time. The product is built with checks of arithmetic.

mod tried;

use crate::error::Error;
use crate::program::Program;
use crate::project::Project;
use std::time::{Duration, Instant};
use tried::Tried;

/// Seconds for each target in one round: the tests run in rounds, since it is theirs to say how many targets there are.
const SECS_PER_ROUND: u64 = 20;

/// The crates with modules named `properties`.
const CRATES: [&str; 2] = ["clozelab-data", "clozelab-protocol"];

/// Tries inputs for about so many minutes, and prints how many there were of each target.
///
/// # Errors
/// When a property does not hold, with the input above.
pub fn run(project: &Project, minutes: u64) -> Result<(), Error> {
    let time = Duration::from_secs(minutes * 60);
    let mut tried = Tried::default();
    tests(project, &["--no-run"], SECS_PER_ROUND).run()?;
    let begin = Instant::now();
    let mut result = Ok(());
    while result.is_ok() && begin.elapsed() < time {
        let left = (time - begin.elapsed()).as_secs().max(1);
        let round = tests(
            project,
            &["properties::", "--", "--nocapture"],
            SECS_PER_ROUND.min(left),
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
