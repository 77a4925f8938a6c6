//! The command line of `xtask`: words in, a [`Task`] out. Starts nothing and reads no file.

use crate::check::Part;
use crate::error::Error;
use std::path::PathBuf;

/// What `cargo xtask help` prints.
pub const USAGE: &str = "\
cargo xtask serve [--port 8080] [--debug]   install what is missing, build the page and the engine, serve dist/
cargo xtask build [--debug]                 the same without serving: a static site in dist/
cargo xtask test [PART...]                  every check, or only: format lint native web browser
cargo xtask soak [--minutes 60]             generated inputs for all that reads files and messages
cargo xtask interop                         tests against Hugging Face transformers
cargo xtask setup                           only install what is missing

--debug       build fast instead of small: no wasm-opt, no size limits
--no-build    serve what is there
--dir PATH    with --no-build: serve that folder instead of dist/
--port 0      any free port";

/// Port of the page where none is named.
const DEFAULT_PORT: u16 = 8080;

/// How long inputs are generated where nothing is said.
const DEFAULT_SOAK_MINUTES: u64 = 60;

/// A day; more is a slip of the keyboard.
const MAX_SOAK_MINUTES: u64 = 24 * 60;

/// What a person asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Task {
    /// Print the usage.
    Help,
    /// Install what is missing.
    Setup,
    /// Make `dist/`.
    Build {
        /// How much work to put into size.
        mode: Mode,
    },
    /// Make `dist/` and serve it.
    Serve {
        /// 0 takes any free port.
        port: u16,
        /// `None` serves what is there.
        mode: Option<Mode>,
        /// Another folder than `dist/`.
        site: Option<PathBuf>,
    },
    /// Run the tests against Hugging Face transformers.
    Interop,
    /// Try generated inputs.
    Soak {
        /// For how long.
        minutes: u64,
    },
    /// Run checks.
    Test {
        /// Which, in their fixed order.
        parts: Vec<Part>,
    },
}

/// How the web binaries are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Small and fast to run.
    Release,
    /// Fast to build.
    Debug,
}

/// Reads the words after `cargo xtask`.
///
/// # Errors
/// [`Error::Usage`] names the word that is not understood.
pub fn parse(words: impl Iterator<Item = String>) -> Result<Task, Error> {
    let words: Vec<String> = words.collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        return Ok(Task::Help);
    }
    let mut words = words.into_iter();
    let task = words.next().unwrap_or_else(|| "help".into());
    match task.as_str() {
        "help" => Ok(Task::Help),
        "setup" => done(words, Task::Setup),
        "interop" => done(words, Task::Interop),
        "build" => parse_build(words),
        "serve" => parse_serve(words),
        "soak" => parse_soak(words),
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
            "--minutes" => minutes = parse_minutes(words.next())?,
            other => return Err(unknown(other)),
        }
    }
    Ok(Task::Soak { minutes })
}

fn parse_minutes(word: Option<String>) -> Result<u64, Error> {
    let word = word.ok_or_else(|| usage("--minutes needs a number"))?;
    let minutes = word
        .parse()
        .ok()
        .filter(|minutes| (1..=MAX_SOAK_MINUTES).contains(minutes));
    minutes.ok_or_else(|| {
        usage(format!(
            "--minutes takes a number from 1 to {MAX_SOAK_MINUTES}, not \"{word}\""
        ))
    })
}

fn parse_test(words: impl Iterator<Item = String>) -> Result<Task, Error> {
    let mut asked = Vec::new();
    for word in words {
        asked.push(
            Part::named(&word)
                .ok_or_else(|| usage(format!("there is no part \"{word}\" of the tests")))?,
        );
    }
    let parts = Part::ALL
        .into_iter()
        .filter(|part| asked.is_empty() || asked.contains(part))
        .collect();
    Ok(Task::Test { parts })
}

fn done(mut words: impl Iterator<Item = String>, task: Task) -> Result<Task, Error> {
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
    fn the_documented_lines_are_understood() {
        let serve = |port, mode| Task::Serve {
            port,
            mode,
            site: None,
        };
        check("", Task::Help);
        check("setup", Task::Setup);
        check("interop", Task::Interop);
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
    fn a_line_with_a_mistake_is_refused() {
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
        ] {
            let words = line.split_whitespace().map(String::from);
            let error = parse(words).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
