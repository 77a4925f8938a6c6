//! `cargo xtask chaos`: kills runs, on the command line and in the browser, at random moments and at
//! single system calls, makes system calls fail, resumes, and compares the result with that of an
//! undisturbed run. Writes the figures to `docs/reliability.md`.

mod faults;
mod journeys;
mod kills;
mod lab;
mod table;

use crate::error::Error;
use crate::program::Program;
use crate::project::Project;
use crate::setup;
use lab::{Lab, Phase};
use table::Table;

/// Runs everything, with `kills` random kills on the command line and as many in the browser. The
/// site must be built if `browser` is set.
///
/// # Errors
/// Returns an error if a tool is missing, or if a run was lost or differs.
pub fn run(project: &Project, kills: u64, browser: bool) -> Result<(), Error> {
    setup::strace()?;
    Program::cargo(project.root())
        .args(["build", "--release", "--locked"])
        .run()?;
    let lab = Lab::new(project)?;
    let mut table = Table::default();
    for phase in [Phase::Pretrain, Phase::Finetune] {
        table.add(kills::at_random(&lab, phase, kills.div_ceil(2))?);
    }
    table.add(faults::kills(&lab)?);
    table.add(faults::errors(&lab)?);
    if browser {
        for row in journeys::run(project, kills)? {
            table.add(row);
        }
    }
    table.write(project)?;
    println!("{table}");
    table.verdict()
}
