//! Run directories that are removed, renamed or replaced during a run, and locks that are not
//! regular files: two runs never write to one directory, and trained weights are saved beside it.

use crate::lab::{Lab, finish, tiny, wait_for_step};

/// Long enough to be interrupted in progress.
const PRETRAIN: &str =
    "pretrain --corpus text.txt train.txt --valid valid.txt --steps 600 --checkpoint-every 70";

#[test]
fn run_with_a_renamed_directory_ends_and_resumes_from_the_rescue_copy() {
    let lab = Lab::new();
    lab.tiny(&format!("{PRETRAIN} --out whole")).ok();
    lab.write("run-rescue/letter.txt", "not ours");
    let mut child = lab
        .command(&tiny(&format!("{PRETRAIN} --out run")))
        .spawn()
        .expect("starts");
    wait_for_step(&lab, "run", 50, &mut child);
    std::fs::rename(lab.path("run"), lab.path("moved")).expect("writable");
    let done = finish(child);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(
        done.stderr
            .contains("error: run was removed, renamed or replaced"),
        "{}",
        done.stderr
    );
    assert!(
        done.stderr
            .contains("clozelab pretrain --resume --out run-rescue-2"),
        "{}",
        done.stderr
    );
    assert!(!lab.path("run").exists(), "the directory was made again");
    lab.run("inspect run-rescue-2").ok();
    lab.run_of(&[
        "fill-mask",
        "--model",
        "run-rescue-2",
        "a [MASK]",
        "--device",
        "cpu",
    ])
    .ok();
    lab.run("pretrain --out run-rescue-2 --resume").ok();
    for name in ["model.safetensors", "config.json", "vocab.txt"] {
        lab.same_file(&format!("whole/{name}"), &format!("run-rescue-2/{name}"));
    }
}

#[test]
fn runs_never_overwrite_their_replacement() {
    let lab = Lab::new();
    let other = "pretrain --corpus text.txt --steps 20 --lr 0.01";
    lab.tiny(&format!("{other} --out alone")).ok();
    let mut child = lab
        .command(&tiny(&format!("{PRETRAIN} --out run")))
        .spawn()
        .expect("starts");
    wait_for_step(&lab, "run", 10, &mut child);
    std::fs::rename(lab.path("run"), lab.path("gone")).expect("writable");
    std::fs::remove_dir_all(lab.path("gone")).expect("writable");
    lab.tiny(&format!("{other} --out run")).ok();
    let done = finish(child);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("run-rescue"), "{}", done.stderr);
    for name in ["model.safetensors", "run.json"] {
        lab.same_file(&format!("alone/{name}"), &format!("run/{name}"));
    }
    lab.run("inspect run").ok();
}

#[cfg(unix)]
#[test]
fn lock_that_is_not_a_regular_file_is_refused() {
    let lab = Lab::new();
    for name in ["pipe", "link"] {
        std::fs::create_dir(lab.path(name)).expect("writable");
    }
    let made = std::process::Command::new("mkfifo")
        .arg(lab.path("pipe/.lock"))
        .status()
        .expect("mkfifo is there");
    assert!(made.success());
    std::os::unix::fs::symlink(lab.path("outside"), lab.path("link/.lock")).expect("writable");
    for name in ["pipe", "link"] {
        let done = lab.tiny(&format!(
            "pretrain --corpus text.txt --out {name} --steps 3"
        ));
        assert!(
            done.refused().stderr.contains("not a regular file"),
            "{}",
            done.stderr
        );
    }
    assert!(
        !lab.path("outside").exists(),
        "a file was made behind the link"
    );
}
