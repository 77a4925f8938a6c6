//! Running other programs: their output goes to standard error, their failure is an [`Error`], and they do not inherit
//! what `cargo run` set for this one.

use crate::error::Error;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a program with a time limit is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Variables that cargo sets for the program it runs; a second cargo would take them for the person's own wishes.
const SET_BY_CARGO_RUN: [&str; 7] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "RUST_RECURSION_COUNT",
];

/// A program about to run.
pub struct Program {
    command: Command,
}

impl Program {
    /// Names the program: a path, or a name to look for in `PATH`.
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name);
        command.stdin(Stdio::null());
        for (key, _) in std::env::vars_os() {
            let text = key.to_string_lossy();
            if SET_BY_CARGO_RUN.contains(&text.as_ref()) || text.starts_with("CARGO_PKG_") {
                command.env_remove(&key);
            }
        }
        restore_library_path(&mut command);
        Self { command }
    }

    /// The cargo that runs this program, in the workspace.
    pub fn cargo(root: &Path) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo).dir(root)
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Removes every variable whose name passes.
    pub fn without_env(mut self, named: impl Fn(&str) -> bool) -> Self {
        for (key, _) in std::env::vars_os().filter(|(key, _)| named(&key.to_string_lossy())) {
            self.command.env_remove(key);
        }
        self
    }

    /// Runs in this folder.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Keeps standard input, for a program that may ask for a password.
    pub fn with_stdin(mut self) -> Self {
        self.command.stdin(Stdio::inherit());
        self
    }

    /// Runs it to its end; all it prints goes to standard error.
    ///
    /// # Errors
    /// When it cannot be started or does not end with 0.
    pub fn run(mut self) -> Result<(), Error> {
        self.command.stdout(Stdio::from(std::io::stderr()));
        let status = self
            .command
            .status()
            .map_err(|error| self.not_started(&error))?;
        self.expect_success(status)
    }

    /// Runs it to its end and hands each line of its standard output to `each`, which says whether it failed later.
    ///
    /// # Errors
    /// When it cannot be started; its exit status is the answer.
    pub fn lines(mut self, mut each: impl FnMut(&str)) -> Result<Result<(), Error>, Error> {
        self.command.stdout(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let output = child.stdout.take().expect("standard output is piped");
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            each(&String::from_utf8_lossy(&line));
        }
        let status = child.wait().map_err(|error| self.not_started(&error))?;
        Ok(self.expect_success(status))
    }

    /// What it prints on standard output, trimmed; `None` where it is absent or fails. Its complaints are dropped.
    pub fn answer(mut self) -> Option<String> {
        let output = self.command.stderr(Stdio::null()).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    }

    /// Runs it quietly for at most `limit`; true where it ended with 0 in that time.
    pub fn succeeds_within(mut self, limit: Duration) -> bool {
        let Ok(mut child) = self
            .command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
        else {
            return false;
        };
        let begin = Instant::now();
        while begin.elapsed() < limit {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => std::thread::sleep(POLL),
                Err(_) => break,
            }
        }
        // An error here means that it has just ended by itself, which comes to the same.
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    fn expect_success(&self, status: ExitStatus) -> Result<(), Error> {
        if status.success() {
            return Ok(());
        }
        Err(Error::Failed {
            line: self.shown(),
            end: format!("failed ({status})"),
        })
    }

    fn not_started(&self, error: &std::io::Error) -> Error {
        let name = self.command.get_program().to_string_lossy().into_owned();
        if error.kind() == ErrorKind::NotFound {
            return Error::Missing {
                what: name,
                hint: "install it, or put it on PATH".into(),
            };
        }
        Error::Failed {
            line: self.shown(),
            end: format!("could not be started: {error}"),
        }
    }

    fn shown(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Where a program lies on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(&file))
        .find(|path| path.is_file())
}

/// Takes cargo's own entries out of the library path: another rustc must not load this one's libraries.
fn restore_library_path(command: &mut Command) {
    const KEY: &str = if cfg!(target_os = "macos") {
        "DYLD_FALLBACK_LIBRARY_PATH"
    } else {
        "LD_LIBRARY_PATH"
    };
    let Some(value) = std::env::var_os(KEY) else {
        return;
    };
    let toolchains = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let build = std::env::current_exe()
        .ok()
        .and_then(|path| path.parent().map(Path::to_path_buf));
    let from_cargo = |path: &PathBuf| {
        [&toolchains, &build]
            .into_iter()
            .flatten()
            .any(|dir| path.starts_with(dir))
    };
    let kept: Vec<_> = std::env::split_paths(&value)
        .filter(|path| !from_cargo(path))
        .collect();
    match std::env::join_paths(&kept) {
        Ok(joined) if !joined.is_empty() => command.env(KEY, joined),
        _ => command.env_remove(KEY),
    };
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_reported_as_it_was() {
        assert!(Program::new("true").run().is_ok());
        assert!(matches!(
            Program::new("false").run(),
            Err(Error::Failed { .. })
        ));
        assert!(matches!(
            Program::new("no-such-program").run(),
            Err(Error::Missing { .. })
        ));
        assert_eq!(
            Program::new("echo").args(["a", "b"]).answer().as_deref(),
            Some("a b")
        );
        assert_eq!(Program::new("false").answer(), None);
    }

    #[test]
    fn lines_arrive_even_from_a_program_that_fails() {
        let mut seen = Vec::new();
        let end = Program::new("sh")
            .args(["-c", "echo one; echo two; exit 3"])
            .lines(|line| seen.push(line.to_string()));
        assert_eq!(seen, ["one", "two"]);
        assert!(end.expect("it starts").is_err());
    }

    #[test]
    fn a_time_limit_ends_a_program() {
        let begin = Instant::now();
        assert!(
            !Program::new("sleep")
                .args(["30"])
                .succeeds_within(Duration::from_millis(300))
        );
        assert!(begin.elapsed() < Duration::from_secs(10));
        assert!(Program::new("true").succeeds_within(Duration::from_secs(10)));
    }
}
