//! `cargo xtask serve | build | test | soak | interop | setup`: everything between a bare machine and a working page. It installs what is
//! missing, builds the wasm binaries, weighs and serves them, and runs every check. It knows the tools around the
//! product and nothing of what the product computes.
//!
//! Standard output carries results only (the address of the page, the count of tests); all progress is on standard error.

mod arguments;
mod check;
mod error;
mod program;
mod project;
mod serve;
mod setup;
mod soak;
mod web;

use arguments::{Mode, Task};
use error::Error;
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
        Task::Test { parts } => check::run(&project, &parts),
    }
}

/// Takes the port before the long build, so that a port in use is said at once.
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
