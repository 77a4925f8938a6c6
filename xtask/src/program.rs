//! Runs external programs. Their output goes to standard error, their failure is an [`Error`], and
//! they do not inherit the variables that `cargo run` set for this program.

use crate::error::Error;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Polling interval while waiting for a program with a time limit.
const POLL: Duration = Duration::from_millis(100);

/// Variables that `cargo run` sets; a nested cargo would take them for the user's own.
const SET_BY_CARGO_RUN: [&str; 7] = [
    "CARGO",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "RUST_RECURSION_COUNT",
];

/// A program that is about to run.
pub struct Program {
    command: Command,
}

impl Program {
    /// Creates a program from a path, or from a name to look up in `PATH`.
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

    /// Returns the cargo that runs this program, with the workspace as its working directory.
    pub fn cargo(root: &Path) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::new(cargo).dir(root)
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Removes all environment variables whose names satisfy the predicate.
    pub fn without_env(mut self, named: impl Fn(&str) -> bool) -> Self {
        for (key, _) in std::env::vars_os().filter(|(key, _)| named(&key.to_string_lossy())) {
            self.command.env_remove(key);
        }
        self
    }

    /// Sets the working directory.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Inherits standard input, for a program that may ask for a password.
    pub fn with_stdin(mut self) -> Self {
        self.command.stdin(Stdio::inherit());
        self
    }

    /// Runs the program to completion; its output goes to standard error.
    ///
    /// # Errors
    /// Returns an error if the program cannot be started or exits with a status other than 0.
    pub fn run(mut self) -> Result<(), Error> {
        self.command.stdout(Stdio::from(std::io::stderr()));
        let status = self
            .command
            .status()
            .map_err(|error| self.not_started(&error))?;
        self.expect_success(status)
    }

    /// Runs the program to completion and calls `each` for every line of its standard output. The
    /// inner result is that of the program.
    ///
    /// # Errors
    /// Returns an error if the program cannot be started.
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

    /// Returns the program's standard output, trimmed; `None` if the program is missing or fails.
    /// Standard error is discarded.
    pub fn answer(mut self) -> Option<String> {
        let output = self.command.stderr(Stdio::null()).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    }

    /// Runs the program without output for at most `limit`; returns whether it exited with 0 in
    /// that time.
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
        // An error means that the program has just exited on its own.
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    fn expect_success(&self, status: ExitStatus) -> Result<(), Error> {
        if status.success() {
            return Ok(());
        }
        Err(Error::Failed {
            line: self.command_line(),
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
            line: self.command_line(),
            end: format!("could not be started: {error}"),
        }
    }

    fn command_line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Returns the path of a program on `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|dir| dir.join(&file))
        .find(|path| path.is_file())
}

/// Removes cargo's own entries from the library path: another rustc must not load this one's
/// libraries.
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
    let remaining: Vec<_> = std::env::split_paths(&value)
        .filter(|path| !from_cargo(path))
        .collect();
    match std::env::join_paths(&remaining) {
        Ok(joined) if !joined.is_empty() => command.env(KEY, joined),
        _ => command.env_remove(KEY),
    };
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn exit_status_is_reported() {
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
    fn lines_of_a_failing_program_are_read() {
        let mut seen = Vec::new();
        let end = Program::new("sh")
            .args(["-c", "echo one; echo two; exit 3"])
            .lines(|line| seen.push(line.to_string()));
        assert_eq!(seen, ["one", "two"]);
        assert!(end.expect("it starts").is_err());
    }

    #[test]
    fn time_limit_kills_the_program() {
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
