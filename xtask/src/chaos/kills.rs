//! Kills at random moments.

use super::lab::{Lab, Phase};
use super::table::Row;
use crate::error::Error;
use std::time::Duration;

/// Kills runs of `phase`, `kills` times in all, each at a random moment, and resumes them. A run is
/// killed until it comes to its end.
///
/// # Errors
/// Returns an error if the program cannot be started, or a resumed run fails.
pub fn at_random(lab: &Lab, phase: Phase, kills: u64) -> Result<Row, Error> {
    let name = phase.name();
    lab.remove("whole")?;
    let duration = lab.finish(phase, "whole")?;
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut row = Row::new(format!("killed at a random moment, {name}"));
    while row.tried < kills {
        lab.remove("killed")?;
        let mut killed = 0;
        while row.tried + killed < kills && is_killed(lab, phase, duration, &mut random)? {
            killed += 1;
        }
        lab.finish(phase, "killed")?;
        row.add(killed, lab.are_equal("whole", "killed"));
        eprintln!("xtask: {row}");
    }
    Ok(row)
}

/// Starts or resumes the run and kills it after a part of the time that a whole run takes. Returns
/// whether it was still running.
fn is_killed(
    lab: &Lab,
    phase: Phase,
    duration: Duration,
    random: &mut Random,
) -> Result<bool, Error> {
    let path = lab.path("killed");
    let mut child = lab
        .command(phase, "killed", &[])
        .stderr(std::process::Stdio::null())
        .spawn()
        .map_err(Error::file("start", &path))?;
    std::thread::sleep(duration.mul_f64(random.share()));
    let ended = child.try_wait().map_err(Error::file("wait for", &path))?;
    // An error means that the program has just ended.
    let _ = child.kill();
    let _ = child.wait();
    Ok(ended.is_none())
}

/// Marsaglia's xorshift64: the moments are the same each time.
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
