//! Parses the command line of `xtask` into a [`Task`]. Starts no program and reads no file.

use crate::check::Part;
use crate::error::Error;
use crate::mode::Mode;
use std::path::PathBuf;

/// Text printed by `cargo xtask help`.
pub const USAGE: &str = "\
cargo xtask serve [--port 8080] [--debug]   install what is missing, build the page and the engine, serve dist/
cargo xtask build [--debug]                 the same without serving: a static site in dist/
cargo xtask test [PART...]                  every check, or only: format tidy lint native web browser
cargo xtask tidy                            only the rules of structure and names
cargo xtask soak [--minutes 60]             generated inputs for all that reads files and messages
cargo xtask chaos [--kills 50] [--native]   kill and disturb runs, and compare what they resume to
cargo xtask bench [--rounds 3] [--jax]      measure the speed beside other programs, write docs/benchmarks.md
cargo xtask interop                         tests against Hugging Face transformers
cargo xtask setup                           only install what is missing

--native      disturb runs of the command line only
--jax         install JAX from PyPI and measure it too
--debug       build fast instead of small: no wasm-opt, no size limits
--no-build    serve what is there
--dir PATH    with --no-build: serve that folder instead of dist/
--port 0      any free port";

/// Default port of the page.
const DEFAULT_PORT: u16 = 8080;

/// Default duration of `soak` in minutes.
const DEFAULT_SOAK_MINUTES: u64 = 60;

/// Default number of random kills of `chaos`, and of repetitions of each journey.
const DEFAULT_KILLS: u64 = 50;

/// Default and maximum number of rounds of `bench`.
const DEFAULT_ROUNDS: u64 = 3;
const MAX_ROUNDS: u64 = 100;

/// Maximum number of random kills.
const MAX_KILLS: u64 = 10_000;

/// One day; a larger number is most likely a typing error.
const MAX_SOAK_MINUTES: u64 = 24 * 60;

/// A task given on the command line.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Print the usage.
    Help,
    /// Install missing tools.
    Setup,
    /// Build `dist/`.
    Build {
        /// Build mode.
        mode: Mode,
    },
    /// Build `dist/` and serve it.
    Serve {
        /// TCP port; 0 selects a free one.
        port: u16,
        /// Build mode; `None` serves the existing site.
        mode: Option<Mode>,
        /// Folder to serve instead of `dist/`.
        site: Option<PathBuf>,
    },
    /// Run the tests against Hugging Face transformers.
    Interop,
    /// Run the property tests with generated inputs.
    Soak {
        /// Duration in minutes.
        minutes: u64,
    },
    /// Kill and disturb runs, and compare what they resume to.
    Chaos {
        /// Number of random kills on the command line, and of repetitions of each journey.
        kills: u64,
        /// Whether runs in the browser are disturbed too.
        browser: bool,
    },
    /// Measure the engine beside other programs.
    Bench {
        /// Number of measurements of each program.
        rounds: u64,
        /// Whether JAX is measured too.
        jax: bool,
    },
    /// Check structure, names and prose.
    Tidy,
    /// Run checks.
    Test {
        /// Parts to run, in their fixed order.
        parts: Vec<Part>,
    },
}

/// Parses the arguments after `cargo xtask`.
///
/// # Errors
/// Returns [`Error::Usage`], which names the offending argument.
pub fn parse(words: impl Iterator<Item = String>) -> Result<Task, Error> {
    let words: Vec<String> = words.collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        return Ok(Task::Help);
    }
    let mut words = words.into_iter();
    let task = words.next().unwrap_or_else(|| "help".into());
    match task.as_str() {
        "help" => Ok(Task::Help),
        "setup" => expect_end(words, Task::Setup),
        "interop" => expect_end(words, Task::Interop),
        "tidy" => expect_end(words, Task::Tidy),
        "build" => parse_build(words),
        "serve" => parse_serve(words),
        "soak" => parse_soak(words),
        "chaos" => parse_chaos(words),
        "bench" => parse_bench(words),
        "test" => parse_test(words),
        other => Err(usage(format!("there is no task \"{other}\""))),
    }
}

fn parse_build(words: impl Iterator<Item = String>) -> Result<Task, Error> {
    let mut mode = Mode::Release;
    for word in words {
        match word.as_str() {
            "--debug" => mode = Mode::Debug,
            other => return Err(unknown(other)),
        }
    }
    Ok(Task::Build { mode })
}

fn parse_serve(mut words: impl Iterator<Item = String>) -> Result<Task, Error> {
    let (mut port, mut mode, mut site) = (DEFAULT_PORT, Some(Mode::Release), None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--debug" => mode = mode.and(Some(Mode::Debug)),
            "--no-build" => mode = None,
            "--port" => port = parse_port(words.next())?,
            "--dir" => {
                site = Some(
                    words
                        .next()
                        .map(PathBuf::from)
                        .ok_or_else(|| usage("--dir needs a folder"))?,
                )
            }
            other => return Err(unknown(other)),
        }
    }
    if site.is_some() && mode.is_some() {
        return Err(usage("--dir serves a folder as it is: add --no-build"));
    }
    Ok(Task::Serve { port, mode, site })
}

fn parse_port(word: Option<String>) -> Result<u16, Error> {
    let word = word.ok_or_else(|| usage("--port needs a number"))?;
    word.parse().map_err(|_| {
        usage(format!(
            "--port takes a number from 0 to 65535, not \"{word}\""
        ))
    })
}

fn parse_soak(mut words: impl Iterator<Item = String>) -> Result<Task, Error> {
    let mut minutes = DEFAULT_SOAK_MINUTES;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--minutes" => minutes = parse_count("--minutes", words.next(), MAX_SOAK_MINUTES)?,
            other => return Err(unknown(other)),
        }
    }
    Ok(Task::Soak { minutes })
}

fn parse_chaos(mut words: impl Iterator<Item = String>) -> Result<Task, Error> {
    let (mut kills, mut browser) = (DEFAULT_KILLS, true);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--kills" => kills = parse_count("--kills", words.next(), MAX_KILLS)?,
            "--native" => browser = false,
            other => return Err(unknown(other)),
        }
    }
    Ok(Task::Chaos { kills, browser })
}

fn parse_bench(mut words: impl Iterator<Item = String>) -> Result<Task, Error> {
    let (mut rounds, mut jax) = (DEFAULT_ROUNDS, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => rounds = parse_count("--rounds", words.next(), MAX_ROUNDS)?,
            "--jax" => jax = true,
            other => return Err(unknown(other)),
        }
    }
    Ok(Task::Bench { rounds, jax })
}

/// Parses a number from 1 to `max`.
fn parse_count(flag: &str, word: Option<String>, max: u64) -> Result<u64, Error> {
    let word = word.ok_or_else(|| usage(format!("{flag} needs a number")))?;
    let count = word.parse().ok().filter(|count| (1..=max).contains(count));
    count.ok_or_else(|| {
        usage(format!(
            "{flag} takes a number from 1 to {max}, not \"{word}\""
        ))
    })
}

fn parse_test(words: impl Iterator<Item = String>) -> Result<Task, Error> {
    let mut requested = Vec::new();
    for word in words {
        requested.push(
            Part::named(&word)
                .ok_or_else(|| usage(format!("there is no part \"{word}\" of the tests")))?,
        );
    }
    let parts = Part::ALL
        .into_iter()
        .filter(|part| requested.is_empty() || requested.contains(part))
        .collect();
    Ok(Task::Test { parts })
}

fn expect_end(mut words: impl Iterator<Item = String>, task: Task) -> Result<Task, Error> {
    words.next().map_or(Ok(task), |word| Err(unknown(&word)))
}

fn unknown(word: &str) -> Error {
    usage(format!("\"{word}\" is not understood here"))
}

fn usage(message: impl Into<String>) -> Error {
    Error::Usage {
        message: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Task) {
        let words = line.split_whitespace().map(String::from);
        assert_eq!(
            parse(words).unwrap_or_else(|error| panic!("{line}: {error}")),
            expected,
            "{line}"
        );
    }

    #[test]
    fn documented_command_lines_are_parsed() {
        let serve = |port, mode| Task::Serve {
            port,
            mode,
            site: None,
        };
        check("", Task::Help);
        check("setup", Task::Setup);
        check("interop", Task::Interop);
        check("tidy", Task::Tidy);
        check(
            "build",
            Task::Build {
                mode: Mode::Release,
            },
        );
        check("build --debug", Task::Build { mode: Mode::Debug });
        check("serve", serve(8080, Some(Mode::Release)));
        check("serve --port 9000 --debug", serve(9000, Some(Mode::Debug)));
        check("serve --no-build --debug --port 0", serve(0, None));
        check(
            "serve --no-build --dir a",
            Task::Serve {
                port: 8080,
                mode: None,
                site: Some("a".into()),
            },
        );
        check("soak", Task::Soak { minutes: 60 });
        check("soak --minutes 5", Task::Soak { minutes: 5 });
        let chaos = |kills, browser| Task::Chaos { kills, browser };
        check("chaos", chaos(50, true));
        check("chaos --kills 300 --native", chaos(300, false));
        let bench = |rounds, jax| Task::Bench { rounds, jax };
        check("bench", bench(3, false));
        check("bench --rounds 5 --jax", bench(5, true));
        check(
            "test",
            Task::Test {
                parts: Part::ALL.to_vec(),
            },
        );
        check(
            "test browser lint",
            Task::Test {
                parts: vec![Part::Lint, Part::Browser],
            },
        );
    }

    #[test]
    fn invalid_command_lines_are_refused() {
        for line in [
            "sevre",
            "serve 9000",
            "serve --port",
            "serve --port x",
            "serve --dir a",
            "test all",
            "setup now",
            "soak 5",
            "soak --minutes 0",
            "chaos --kills many",
            "bench --rounds 0",
        ] {
            let words = line.split_whitespace().map(String::from);
            let error = parse(words).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
