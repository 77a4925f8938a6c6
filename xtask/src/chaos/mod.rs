//! `cargo xtask chaos`: kills runs, on the command line and in the browser, at random moments and at
//! single system calls, makes system calls fail, resumes, and compares the result with that of an
//! undisturbed run. Writes the figures to `docs/reliability.md`.

mod faults;
mod fixture;
mod journeys;
mod kills;
mod table;

use crate::error::Error;
use crate::mode::Mode;
use crate::program::Program;
use crate::project::Project;
use crate::{setup, web};
use fixture::{Fixture, Phase};
use table::Table;

/// Runs everything, with `kills` random kills on the command line and, if `browser` is set, as many
/// repetitions of each journey.
///
/// # Errors
/// Returns an error if a tool is missing, or if a run was lost or differs.
pub fn run(project: &Project, kills: u64, browser: bool) -> Result<(), Error> {
    setup::strace()?;
    Program::cargo(project.root())
        .args(["build", "--release", "--locked"])
        .run()?;
    let fixture = Fixture::new(project)?;
    let mut table = Table::default();
    for phase in [Phase::Pretrain, Phase::Finetune] {
        table.add(kills::at_random(&fixture, phase, kills.div_ceil(2))?);
    }
    table.add(faults::kills(&fixture)?);
    table.add(faults::errors(&fixture)?);
    if browser {
        web::build(project, Mode::Release)?;
        for row in journeys::run(project, kills)? {
            table.add(row);
        }
    }
    table.write(project)?;
    println!("{table}");
    table.verdict()
}
