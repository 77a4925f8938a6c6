//! Kills at random moments.

use super::fixture::{Fixture, Phase};
use super::table::Row;
use crate::error::Error;
use std::time::Duration;

/// Kills runs of `phase`, `kills` times in all, each at a random moment, and resumes them. A run is
/// killed until it comes to its end.
///
/// # Errors
/// Returns an error if the program cannot be started, or a resumed run fails by itself.
pub fn at_random(fixture: &Fixture, phase: Phase, kills: u64) -> Result<Row, Error> {
    let name = phase.name();
    fixture.remove("whole")?;
    let duration = fixture.finish(phase, "whole")?;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut row = Row::new(format!("killed at a random moment, {name}"));
    // A run that ends before its first kill counts as one.
    while row.tried < kills {
        fixture.remove("killed")?;
        let mut killed = 0;
        while row.tried + killed < kills && is_killed(fixture, phase, duration, &mut random)? {
            killed += 1;
        }
        row.add(killed.max(1), fixture.resumes_to("whole", phase, "killed"));
        eprintln!("xtask: {row}");
    }
    Ok(row)
}

/// Starts or resumes the run and kills it after a part of the time that a whole run takes. Returns
/// whether it was still running.
fn is_killed(
    fixture: &Fixture,
    phase: Phase,
    duration: Duration,
    random: &mut Random,
) -> Result<bool, Error> {
    let path = fixture.path("killed");
    let mut child = fixture
        .command(phase, "killed", &[])
        .stderr(std::process::Stdio::null())
        .spawn()
        .map_err(Error::file("start", &path))?;
    std::thread::sleep(duration.mul_f64(random.share()));
    // An error means that the program has ended.
    let _ = child.kill();
    let status = child.wait().map_err(Error::file("wait for", &path))?;
    match status.code() {
        None => Ok(true),
        Some(0) => Ok(false),
        Some(code) => Err(Error::Failed {
            line: "a resumed run".into(),
            end: format!("failed with exit code {code}"),
        }),
    }
}

/// Marsaglia's xorshift64: the shares are the same each time.
struct Random(u64);

impl Random {
    /// Returns a number from 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
