//! A full disk, on a file system of its own. Mounting one needs privileges, so these tests run on
//! demand: `cargo test -p clozelab --test it full_disk -- --ignored`.

use crate::lab::{Done, Lab, binary, finish, tiny};
use std::process::{Command, Stdio};

const PRETRAIN: &str =
    "pretrain --corpus text.txt train.txt --valid valid.txt --steps 400 --checkpoint-every 20";

/// Runs `words` with `--out disk/run` on a new file system of `size` bytes; the resulting run
/// directory is copied to `kept`.
fn run_on_disk(lab: &Lab, size: &str, words: &str) -> Done {
    std::fs::create_dir_all(lab.path("disk")).expect("writable");
    let script = "mount -t tmpfs -o size=\"$0\" none disk && { \"$@\"; code=$?; cp -r disk/run kept; exit $code; }";
    let mut command = Command::new("unshare");
    command
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            script,
            size,
        ])
        .arg(binary());
    command
        .args(tiny(&format!("{words} --out disk/run")).split_whitespace())
        .current_dir(lab.path(""));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    finish(command.spawn().expect("unshare is there"))
}

#[test]
#[ignore = "mounts a file system"]
fn run_finishes_if_its_model_fits() {
    let lab = Lab::new();
    lab.tiny(&format!("{PRETRAIN} --out whole")).ok();
    for size in ["400k", "600k", "800k"] {
        let done = run_on_disk(&lab, size, PRETRAIN).ok();
        lab.same_file("whole/model.safetensors", "kept/model.safetensors");
        let warnings = done
            .stderr
            .lines()
            .filter(|line| line.contains("was not saved"))
            .count();
        assert!(warnings <= 2, "{}", done.stderr);
        std::fs::remove_dir_all(lab.path("kept")).expect("there");
    }
}
