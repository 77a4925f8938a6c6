//! `cargo xtask serve | build | test | tidy | soak | chaos | bench | interop | setup`: build, test and
//! development tasks. Installs missing tools, builds the wasm binaries, checks their sizes, serves them, and
//! runs all checks. It knows the tools around the product but none of the product's code.
//!
//! Results (the address of the page, the count of tests) go to standard output; progress goes to
//! standard error.

mod arguments;
mod bench;
mod chaos;
mod check;
mod error;
mod mode;
mod over_budget;
mod program;
mod project;
mod serve;
mod setup;
mod soak;
mod tidy;
mod web;

use arguments::Task;
use error::Error;
use mode::Mode;
use project::Project;
use std::process::ExitCode;

fn main() -> ExitCode {
    match arguments::parse(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(task: Task) -> Result<(), Error> {
    let project = Project::find()?;
    match task {
        Task::Help => {
            println!("{}", arguments::USAGE);
            Ok(())
        }
        Task::Setup => setup::everything(&project),
        Task::Build { mode } => web::build(&project, mode),
        Task::Serve { port, mode, site } => serve_page(&project, port, mode, site),
        Task::Interop => check::interop(&project),
        Task::Soak { minutes } => soak::run(&project, minutes),
        Task::Chaos { kills, browser } => chaos::run(&project, kills, browser),
        Task::Bench { rounds, jax } => bench::run(&project, rounds, jax),
        Task::Tidy => tidy::check(&project),
        Task::Test { parts } => check::run(&project, &parts),
    }
}

/// Binds the port before the long build, so that a port in use is reported at once.
fn serve_page(
    project: &Project,
    port: u16,
    mode: Option<Mode>,
    site: Option<std::path::PathBuf>,
) -> Result<(), Error> {
    let listener = serve::listen(port)?;
    if let Some(mode) = mode {
        web::build(project, mode)?;
    }
    serve::forever(listener, site.unwrap_or_else(|| project.dist()))
}
