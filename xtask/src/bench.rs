//! `cargo xtask bench`: measures the engine beside jax-js, TensorFlow.js and, on request, JAX, all on
//! the same weights and batches. `tests/bench` measures and writes `docs/benchmarks.md`.

use crate::error::Error;
use crate::mode::Mode;
use crate::program::Program;
use crate::project::Project;
use crate::{setup, web};

/// Measures each program `rounds` times, JAX only if `jax` is set.
///
/// # Errors
/// Returns an error if a tool is missing, or if a program's losses differ from the engine's.
pub fn run(project: &Project, rounds: u64, jax: bool) -> Result<(), Error> {
    let chromium = setup::journeys(project)?;
    setup::browser_peers(project)?;
    let python = jax.then(|| setup::jax(project)).transpose()?;
    Program::cargo(project.root())
        .args(["build", "--release", "--locked"])
        .run()?;
    web::build(project, Mode::Release)?;
    let bench = Program::new("node")
        .args(["bench.mjs", &rounds.to_string()])
        .dir(&project.bench())
        .env("CHROMIUM", chromium)
        .env("CLOZELAB_DIST", project.dist())
        .env("CLOZELAB_BIN", project.clozelab());
    match python {
        Some(python) => bench.env("CLOZELAB_JAX", python).run(),
        None => bench.run(),
    }
}
