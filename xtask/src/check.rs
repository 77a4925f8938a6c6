//! `cargo xtask test`: runs all checks in a fixed order, the quick ones first. Each part prints a
//! heading and its duration to standard error; the first part that fails ends the run. The count of
//! all tests is the only line on standard output.

mod tally;

use crate::error::Error;
use crate::mode::Mode;
use crate::program::Program;
use crate::project::Project;
use crate::{setup, tidy, web};
use std::path::Path;
use std::time::Instant;
use tally::Tally;

/// The product and this program are built separately: built together, cargo would unify the
/// features of their dependencies and compile the shared ones a second time. The product is built
/// with the features of a plain `cargo build`.
const SELECTIONS: [&[&str]; 2] = [
    &["--workspace", "--exclude", "xtask"],
    &["--package", "xtask"],
];

/// Parts of the paths of the tests that need a graphics adapter.
const ADAPTER_TESTS: [&str; 3] = ["on_an_adapter", "gpu_engine", "kernel_launches"];

/// A part of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// rustfmt.
    Format,
    /// Structure, names and prose.
    Tidy,
    /// clippy, for the native target and for the page's.
    Lint,
    /// All tests that run natively.
    Native,
    /// The site builds and stays within its size limits.
    Web,
    /// Journeys in a real browser.
    Browser,
}

impl Part {
    /// All parts, in the order in which they run.
    pub const ALL: [Self; 6] = [
        Self::Format,
        Self::Tidy,
        Self::Lint,
        Self::Native,
        Self::Web,
        Self::Browser,
    ];

    /// Returns the part with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Tidy => "tidy",
            Self::Lint => "lint",
            Self::Native => "native",
            Self::Web => "web",
            Self::Browser => "browser",
        }
    }

    fn run(self, project: &Project, tally: &mut Tally) -> Result<(), Error> {
        match self {
            Self::Format => Program::cargo(project.root())
                .args(["fmt", "--all", "--check"])
                .run(),
            Self::Tidy => tidy::check(project),
            Self::Lint => lint(project),
            Self::Native => native(project, tally),
            Self::Web => web::build(project, Mode::Release),
            Self::Browser => browser(project, tally),
        }
    }
}

/// Runs the parts and prints the count of their tests.
///
/// # Errors
/// Returns the error of the first part that fails.
pub fn run(project: &Project, parts: &[Part]) -> Result<(), Error> {
    let mut tally = Tally::default();
    let result = parts
        .iter()
        .try_for_each(|part| timed(part.name(), || part.run(project, &mut tally)));
    if tally.is_some() {
        println!("{tally}");
    }
    result
}

/// Tests every kind of run directory against Hugging Face transformers. Not a part of [`run`],
/// since it needs torch.
///
/// # Errors
/// Returns an error if the packages cannot be installed or a test fails.
pub fn interop(project: &Project) -> Result<(), Error> {
    let python = setup::interop(project)?;
    Program::cargo(project.root())
        .args(["build", "--release", "--locked"])
        .run()?;
    let tests = Program::new(python).args([
        "-m",
        "unittest",
        "discover",
        "--verbose",
        "--start-directory",
        ".",
    ]);
    tests
        .dir(&project.interop())
        .env("CLOZELAB_BIN", project.clozelab())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .run()
}

fn timed(name: &str, work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    let begin = Instant::now();
    eprintln!("\n== {name}");
    let result = work();
    let verdict = if result.is_ok() { "passed" } else { "failed" };
    eprintln!(
        "== {name} {verdict} in {:.0} s",
        begin.elapsed().as_secs_f64()
    );
    result
}

/// `--release` shares build scripts and procedural macros with the builds that follow.
fn lint(project: &Project) -> Result<(), Error> {
    for selection in SELECTIONS {
        let clippy = Program::cargo(project.root()).args([
            "clippy",
            "--release",
            "--locked",
            "--all-targets",
        ]);
        clippy
            .args(selection)
            .args(["--", "-D", "warnings"])
            .run()?;
    }
    let toolchain = setup::for_web(project, Mode::Debug)?;
    if toolchain.lints() {
        return web::lint(project, toolchain);
    }
    eprintln!("xtask: the page is not linted: clippy for its target comes with rustup only");
    Ok(())
}

/// Tests that need a graphics driver are ignored by a plain `cargo test`; here they run too.
fn native(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    setup::vulkan();
    let cargo = |task: &str| Program::cargo(project.root()).args([task, "--release", "--locked"]);
    let mut ends = Vec::new();
    for selection in SELECTIONS {
        let tests = cargo("test").args(["--no-fail-fast"]).args(selection);
        ends.push(tests.lines(|line| tally.read_cargo(line))?);
    }
    let tests = cargo("test").args(["--no-fail-fast"]).args(SELECTIONS[0]);
    let on_adapter = tests
        .args(["--tests", "--", "--ignored"])
        .args(ADAPTER_TESTS);
    ends.push(on_adapter.lines(|line| tally.read_cargo(line))?);
    ends.into_iter().collect()
}

/// Browser journeys run one file at a time, since each measures times on the whole machine.
fn browser(project: &Project, tally: &mut Tally) -> Result<(), Error> {
    let chromium = setup::journeys(project)?;
    for file in files_in(&project.journeys(), ".test.mjs")? {
        let node = journey(project, &chromium, &[&file])?;
        node.lines(|line| tally.read_node(line))??;
    }
    Ok(())
}

/// Returns the program that runs journeys: `words` are options and a file. It writes TAP to standard
/// output.
///
/// # Errors
/// Returns an error if this program has no path.
pub fn journey(project: &Project, chromium: &Path, words: &[&str]) -> Result<Program, Error> {
    let xtask = std::env::current_exe().map_err(Error::file("find", project.target()))?;
    let screenshots = project.target().join("screenshots");
    let node = Program::new("node")
        .args([
            "--test",
            "--test-reporter=spec",
            "--test-reporter-destination=stderr",
        ])
        .args(["--test-reporter=tap", "--test-reporter-destination=stdout"])
        .args(words)
        .dir(&project.journeys())
        .env("CHROMIUM", chromium)
        .env("CLOZELAB_XTASK", &xtask)
        .env("CLOZELAB_DIST", project.dist())
        .env("CLOZELAB_BIN", project.clozelab())
        .env("CLOZELAB_SCREENSHOTS", &screenshots);
    Ok(node)
}

/// Returns the names of the files in a folder that end in `ending`, sorted.
fn files_in(folder: &Path, ending: &str) -> Result<Vec<String>, Error> {
    let entries = std::fs::read_dir(folder).map_err(Error::file("read", folder))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    Ok(names)
}
