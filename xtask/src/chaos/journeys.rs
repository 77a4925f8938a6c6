//! Disturbances in the browser: the journeys that kill it and crash its GPU process, repeated.

use super::table::Row;
use crate::error::Error;
use crate::project::Project;
use crate::{check, setup};

/// A journey: its file, the beginning of its name, and what it does.
const JOURNEYS: [(&str, &str, &str); 3] = [
    (
        "resume.test.mjs",
        "a run whose browser is killed",
        "browser killed at a random moment, pre-training",
    ),
    (
        "resume.test.mjs",
        "a classifier whose browser is killed",
        "browser killed at a random moment, fine-tuning",
    ),
    (
        "webgpu.test.mjs",
        "a run survives two crashes of the GPU process",
        "GPU process crashed twice: resumed on the GPU, then on the CPU",
    ),
];

/// Repeats each journey `times` times.
///
/// # Errors
/// Returns an error if the tools of the journeys are missing.
pub fn run(project: &Project, times: u64) -> Result<Vec<Row>, Error> {
    let chromium = setup::journeys(project)?;
    let mut rows = Vec::new();
    for (file, name, what) in JOURNEYS {
        let only = format!("--test-name-pattern={name}");
        let mut row = Row::new(what.into());
        for _ in 0..times {
            let journey = check::journey(project, &chromium, &[&only, file])?
                .env("CLOZELAB_RANDOM_KILLS", "1");
            let mut has_passed = false;
            let ended = journey.lines(|line| has_passed |= line == "# pass 1")?;
            row.add(1, has_passed && ended.is_ok());
            eprintln!("xtask: {row}");
        }
        rows.push(row);
    }
    Ok(rows)
}
