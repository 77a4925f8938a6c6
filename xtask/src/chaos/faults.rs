//! Faults at single system calls, by strace: a run is killed at each of its calls in turn, or the
//! call fails. strace counts the calls of each thread, so a fault occurs in the first thread with
//! that many calls.

use super::fixture::{Fixture, LIMIT_SECS, Phase};
use super::table::Row;
use crate::error::Error;
use std::process::{ExitStatus, Output};

/// The calls at which a run is killed.
const KILLED_AT: [&str; 8] = [
    "openat",
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "unlinkat",
    "mkdir",
];

/// The calls that fail. A failing `openat` would keep libraries from loading.
const FAILING: [&str; 6] = ["write", "fsync", "fdatasync", "rename", "unlink", "mkdir"];

/// The errors that they fail with.
const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

/// Maximum number of calls of one name.
const MAX_CALLS: usize = 400;

/// Exit code of a panic, and what it prints.
const PANIC: i32 = 101;
const PANICKED: &str = "panicked at";

/// Number of the signal that kills a run.
#[cfg(unix)]
const SIGKILL: i32 = 9;

/// Exit code of a run that can be resumed.
const INTERRUPTED: i32 = 130;

/// Kills a run at each system call in turn, and resumes it.
///
/// # Errors
/// Returns an error if strace cannot be started, or a resumed run fails.
pub fn kills(fixture: &Fixture) -> Result<Row, Error> {
    let mut row = Row::new("killed at each system call in turn, pre-training".into());
    prepare(fixture)?;
    for call in KILLED_AT {
        for place in 1..=MAX_CALLS {
            let output = disturbed(fixture, call, &format!("signal=SIGKILL:when={place}"))?;
            if output.status.success() {
                break;
            }
            if !was_killed(output.status) {
                return Err(not_traced(&output));
            }
            row.add(1, fixture.resumes_to("whole", Phase::Short, "disturbed"));
        }
        eprintln!("xtask: {row} (up to {call})");
    }
    Ok(row)
}

/// Returns whether the run was killed by SIGKILL; timeout and strace pass that on, or report it.
#[cfg(unix)]
fn was_killed(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(SIGKILL) || status.code() == Some(128 + SIGKILL)
}

#[cfg(not(unix))]
fn was_killed(_status: ExitStatus) -> bool {
    false
}

fn not_traced(output: &Output) -> Error {
    Error::Failed {
        line: "strace".into(),
        end: format!(
            "did not kill the run ({}): {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// Makes each system call fail in turn. The run may end with an error message, but never with a
/// panic, and resumes.
///
/// # Errors
/// Returns an error if strace cannot be started, or a resumed run fails.
pub fn errors(fixture: &Fixture) -> Result<Row, Error> {
    let mut row = Row::new("a system call fails (EIO, ENOSPC), each in turn, pre-training".into());
    prepare(fixture)?;
    for (call, error) in FAILING
        .iter()
        .flat_map(|call| ERRORS.map(|error| (call, error)))
    {
        for place in 1..=MAX_CALLS {
            let output = disturbed(fixture, call, &format!("error={error}:when={place}"))?;
            let trace = fixture.path("trace");
            let log = std::fs::read_to_string(&trace).map_err(Error::file("read", &trace))?;
            if !log.contains("(INJECTED)") {
                break;
            }
            let message = String::from_utf8_lossy(&output.stderr);
            let says_why = output.status.success() || message.contains("error: ");
            let code = output.status.code();
            let is_panic = message.contains(PANICKED)
                || code.is_none_or(|code| code == PANIC || code >= 128 && code != INTERRUPTED);
            let resumes = fixture.resumes_to("whole", Phase::Short, "disturbed");
            let is_survived = says_why && !is_panic && resumes;
            if !is_survived {
                eprintln!("xtask: {call} {place} with {error}: {message}");
            }
            row.add(1, is_survived);
        }
        eprintln!("xtask: {row} (up to {call})");
    }
    Ok(row)
}

fn prepare(fixture: &Fixture) -> Result<(), Error> {
    fixture.remove("whole")?;
    fixture.finish(Phase::Short, "whole").map(drop)
}

/// Starts a run under strace, which injects a fault at calls of this name.
fn disturbed(fixture: &Fixture, call: &str, fault: &str) -> Result<Output, Error> {
    fixture.remove("disturbed")?;
    fixture.remove("trace")?;
    let tracer = [
        "timeout".into(),
        LIMIT_SECS.into(),
        "strace".into(),
        "-f".into(),
        "-qq".into(),
        "-o".into(),
        "trace".into(),
        "-e".into(),
        format!("trace={call}"),
        "-e".into(),
        format!("inject={call}:{fault}"),
    ];
    fixture
        .command(Phase::Short, "disturbed", &tracer)
        .output()
        .map_err(Error::file("run strace in", &fixture.path("")))
}
