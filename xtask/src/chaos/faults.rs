//! Faults at single system calls, by strace: a run is killed at each of its calls in turn, or the
//! call fails.

use super::lab::{Lab, Phase};
use super::table::Row;
use crate::error::Error;
use std::process::Output;

/// The calls at which a run is killed.
const KILLED_AT: [&str; 7] = [
    "openat",
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "mkdir",
];

/// The calls that fail. A failing `openat` would keep libraries from loading.
const FAILING: [&str; 5] = ["write", "fsync", "rename", "unlink", "mkdir"];

/// The errors that they fail with.
const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

/// Maximum number of calls of one name.
const MAX_CALLS: usize = 400;

/// Exit code of a panic.
const PANIC: i32 = 101;

/// Kills a run at each system call in turn, and resumes it.
///
/// # Errors
/// Returns an error if strace cannot be started, or a resumed run fails.
pub fn kills(lab: &Lab) -> Result<Row, Error> {
    let mut row = Row::new("killed at each system call in turn, pre-training".into());
    prepare(lab)?;
    for call in KILLED_AT {
        for place in 1..=MAX_CALLS {
            let output = disturbed(lab, call, &format!("signal=SIGKILL:when={place}"))?;
            if output.status.success() {
                break;
            }
            lab.finish(Phase::Short, "disturbed")?;
            row.add(1, lab.are_equal("whole", "disturbed"));
        }
        eprintln!("xtask: {row} (up to {call})");
    }
    Ok(row)
}

/// Makes each system call fail in turn. The run may end with an error message, but never with a
/// panic, and resumes.
///
/// # Errors
/// Returns an error if strace cannot be started, or a resumed run fails.
pub fn errors(lab: &Lab) -> Result<Row, Error> {
    let mut row = Row::new("a system call fails (EIO, ENOSPC), each in turn, pre-training".into());
    prepare(lab)?;
    for (call, error) in FAILING
        .iter()
        .flat_map(|call| ERRORS.map(|error| (call, error)))
    {
        for place in 1..=MAX_CALLS {
            let output = disturbed(lab, call, &format!("error={error}:when={place}"))?;
            let log = std::fs::read_to_string(lab.path("trace")).unwrap_or_default();
            if !log.contains("(INJECTED)") {
                break;
            }
            let message = String::from_utf8_lossy(&output.stderr);
            let says_why = output.status.success() || message.contains("error: ");
            let is_panic = output.status.code().is_none_or(|code| code == PANIC);
            lab.finish(Phase::Short, "disturbed")?;
            let is_kept = says_why && !is_panic && lab.are_equal("whole", "disturbed");
            if !is_kept {
                eprintln!("xtask: {call} {place} with {error}: {message}");
            }
            row.add(1, is_kept);
        }
        eprintln!("xtask: {row} (up to {call})");
    }
    Ok(row)
}

fn prepare(lab: &Lab) -> Result<(), Error> {
    lab.remove("whole")?;
    lab.finish(Phase::Short, "whole").map(drop)
}

/// Starts a run under strace, which injects a fault at calls of this name.
fn disturbed(lab: &Lab, call: &str, fault: &str) -> Result<Output, Error> {
    lab.remove("disturbed")?;
    let tracer = [
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
    lab.command(Phase::Short, "disturbed", &tracer)
        .output()
        .map_err(Error::file("run strace in", &lab.path("")))
}
