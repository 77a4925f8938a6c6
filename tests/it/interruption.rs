//! Kills, signals and damage: a run resumes exactly, and two runs never write to the same
//! directory.

use crate::lab::{Done, Lab, finish, tiny, wait_for_step};
use protocol::Event;
use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::time::Duration;

/// Length of an interrupted run, with a checkpoint every 7 steps: kills hit before, between and
/// during them.
const STEPS: u64 = 60;
const PRETRAIN: &str =
    "pretrain --corpus text.txt train.txt --valid valid.txt --steps 60 --checkpoint-every 7";
const FINETUNE: &str =
    "finetune --train train.txt --valid valid.txt --test test.txt --steps 60 --checkpoint-every 7";

fn spawn(lab: &Lab, words: &str) -> Child {
    lab.command(&tiny(words)).spawn().expect("starts")
}

fn resume(lab: &Lab, words: &str, out: &str) -> Done {
    lab.tiny(&format!("{words} --out {out} --resume"))
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .status();
    assert!(
        sent.expect("kill is there").success(),
        "the process was gone before the signal"
    );
}

/// Returns the losses by step. The last report of a step counts, since a resumed run may repeat it.
fn losses(lab: &Lab, run: &str) -> BTreeMap<u64, (f64, f64)> {
    let step = |event: Event| match event {
        Event::Step {
            step,
            loss,
            grad_norm,
            ..
        } => Some((step, (loss, grad_norm))),
        _ => None,
    };
    lab.events(run).into_iter().filter_map(step).collect()
}

fn assert_same_run(lab: &Lab, a: &str, b: &str) {
    assert_eq!(losses(lab, a), losses(lab, b));
    for name in ["model.safetensors", "config.json", "vocab.txt"] {
        lab.same_file(&format!("{a}/{name}"), &format!("{b}/{name}"));
    }
}

/// Kills a run repeatedly, each time after more steps and a varying delay, then lets it finish.
fn kill_and_resume(lab: &Lab, words: &str, out: &str) -> u32 {
    let mut kills = 0;
    let mut child = spawn(lab, &format!("{words} --out {out}"));
    for (at, extra_ms) in [
        (0, 30),
        (0, 60),
        (50, 0),
        (130, 3),
        (220, 11),
        (300, 1),
        (410, 7),
        (550, 19),
    ] {
        wait_for_step(lab, out, at, &mut child);
        std::thread::sleep(Duration::from_millis(extra_ms));
        kills += u32::from(
            child
                .try_wait()
                .expect("a child can be waited for")
                .is_none(),
        );
        child.kill().expect("a child can be killed");
        finish(child);
        // A run leaves nothing to resume before its first file; it is then started as the first
        // time.
        let has_started = lab.path(format!("{out}/run.json")).exists();
        child = spawn(
            lab,
            &format!(
                "{words} --out {out}{}",
                if has_started { " --resume" } else { "" }
            ),
        );
    }
    finish(child).ok();
    kills
}

#[test]
fn killed_pre_training_resumes_bit_for_bit() {
    let lab = Lab::new();
    // Long enough to be killed in progress on a fast machine.
    let words =
        "pretrain --corpus text.txt train.txt --valid valid.txt --steps 600 --checkpoint-every 70";
    lab.tiny(&format!("{words} --out whole")).ok();
    assert!(kill_and_resume(&lab, words, "killed") >= 4);
    assert_same_run(&lab, "whole", "killed");
    assert!(
        lab.tree()
            .into_keys()
            .all(|path| !path.to_string_lossy().contains(".tmp-")),
        "left-overs were swept"
    );
}

#[test]
fn killed_fine_tuning_resumes_bit_for_bit() {
    let lab = Lab::new();
    lab.tiny("pretrain --corpus text.txt --out pretrained --steps 5")
        .ok();
    let words = format!("{FINETUNE} --from pretrained");
    lab.tiny(&format!("{words} --out whole")).ok();
    let mut child = spawn(&lab, &format!("{words} --out killed"));
    wait_for_step(&lab, "killed", 20, &mut child);
    child.kill().expect("a child can be killed");
    finish(child);
    lab.tiny("pretrain --corpus text.txt --out other --steps 5 --lr 0.01")
        .ok();
    let done = resume(&lab, &format!("{FINETUNE} --from other"), "killed");
    assert!(
        done.refused().stderr.contains("other is not the model"),
        "{}",
        done.stderr
    );
    // The flag may be repeated.
    resume(&lab, &words, "killed").ok();
    assert_same_run(&lab, "whole", "killed");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_a_checkpoint_and_exits_130() {
    let lab = Lab::new();
    lab.tiny(&format!("{PRETRAIN} --out whole")).ok();
    for name in ["INT", "TERM"] {
        let out = format!("stopped-{name}");
        let mut child = spawn(&lab, &format!("{PRETRAIN} --out {out}"));
        wait_for_step(&lab, &out, 3, &mut child);
        signal(&child, name);
        let done = finish(child);
        assert_eq!(done.code, Some(130), "{}", done.stderr);
        let step = match lab.events(&out).last() {
            Some(Event::Finished {
                step,
                stopped: true,
                ..
            }) => *step,
            other => panic!("{other:?}"),
        };
        assert!(
            step < STEPS
                && lab
                    .path(format!("{out}/checkpoints/step-{step}/manifest.json"))
                    .is_file()
        );
        lab.run(&format!("inspect {out}")).ok();
        resume(&lab, PRETRAIN, &out).ok();
        assert_same_run(&lab, "whole", &out);
    }
}

#[cfg(unix)]
#[test]
fn second_ctrl_c_ends_at_once_without_damage() {
    let lab = Lab::new();
    let mut child = spawn(&lab, &format!("{PRETRAIN} --out run"));
    wait_for_step(&lab, "run", 8, &mut child);
    signal(&child, "INT");
    // The first signal may already have ended it; then the second has no target.
    let _ = Command::new("kill")
        .arg("-INT")
        .arg(child.id().to_string())
        .status();
    assert_eq!(finish(child).code, Some(130));
    resume(&lab, PRETRAIN, "run").ok();
}

#[test]
fn a_resumed_run_needs_no_flags_but_out() {
    let lab = Lab::new();
    lab.tiny(&format!("{PRETRAIN} --out whole")).ok();
    let mut child = spawn(&lab, &format!("{PRETRAIN} --out killed"));
    wait_for_step(&lab, "killed", 20, &mut child);
    child.kill().expect("a child can be killed");
    finish(child);
    lab.run("pretrain --out killed --resume").ok();
    assert_same_run(&lab, "whole", "killed");
    let before = lab.tree();
    let again = lab.run("pretrain --out killed --resume").ok();
    assert!(
        again.stderr.contains("already finished"),
        "{}",
        again.stderr
    );
    assert!(lab.tree() == before, "something on disk changed");
}

#[test]
fn damaged_checkpoint_is_reported_and_the_previous_one_is_used() {
    let lab = Lab::new();
    lab.tiny(&format!("{PRETRAIN} --out whole")).ok();
    let mut child = spawn(&lab, &format!("{PRETRAIN} --out hurt"));
    wait_for_step(&lab, "hurt", 30, &mut child);
    child.kill().expect("a child can be killed");
    finish(child);
    let mut checkpoints: Vec<u64> = std::fs::read_dir(lab.path("hurt/checkpoints"))
        .expect("there are checkpoints")
        .filter_map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .to_string_lossy()
                .strip_prefix("step-")?
                .parse()
                .ok()
        })
        .collect();
    checkpoints.sort_unstable();
    let [.., before, newest] = checkpoints[..] else {
        panic!("{checkpoints:?}")
    };
    let name = format!("hurt/checkpoints/step-{newest}/model.safetensors");
    let mut weights = lab.read(&name);
    let middle = weights.len() / 2;
    weights[middle] ^= 1;
    lab.write(&name, weights);
    let done = resume(&lab, PRETRAIN, "hurt").ok();
    assert!(
        done.stderr.contains(&format!("from step {before}")) && done.stderr.contains("SHA-256"),
        "{}",
        done.stderr
    );
    assert_same_run(&lab, "whole", "hurt");
}

#[test]
fn run_without_a_complete_checkpoint_is_refused_unchanged() {
    let lab = Lab::new();
    lab.tiny("pretrain --corpus text.txt --out run --steps 10 --checkpoint-every 5")
        .ok();
    let record = String::from_utf8(lab.read("run/run.json")).expect("UTF-8");
    lab.write(
        "run/run.json",
        record.replace("\"finished\"", "\"running\""),
    );
    for step in [5, 10] {
        lab.write(&format!("run/checkpoints/step-{step}/state.json"), "");
    }
    let before = lab.tree();
    let done = lab.run("pretrain --out run --resume");
    assert!(
        done.refused().stderr.contains("step 10") && done.stderr.contains("step 5"),
        "{}",
        done.stderr
    );
    assert!(lab.tree() == before, "something on disk changed");
}

#[test]
fn two_trainers_cannot_share_a_directory() {
    let lab = Lab::new();
    let mut child = spawn(&lab, &format!("{PRETRAIN} --out run"));
    wait_for_step(&lab, "run", 2, &mut child);
    for words in [
        format!("{PRETRAIN} --out run"),
        format!("{PRETRAIN} --out run --resume"),
    ] {
        lab.tiny(&words).refused();
    }
    finish(child).ok();
    lab.tiny(&format!("{PRETRAIN} --out whole")).ok();
    assert_same_run(&lab, "whole", "run");
}

#[test]
fn a_resumed_run_is_the_same_run_or_refused() {
    let lab = Lab::new();
    let mut child = spawn(&lab, &format!("{PRETRAIN} --out run"));
    wait_for_step(&lab, "run", 10, &mut child);
    child.kill().expect("a child can be killed");
    finish(child);
    // A file that the child was writing is removed by whoever holds the lock next.
    let files = || {
        let mut tree = lab.tree();
        tree.retain(|path, _| !path.to_string_lossy().contains(".clozelab.tmp-"));
        tree
    };
    let before = files();
    let check = |words: &str, expected: &str| {
        let done = lab.run(words);
        assert!(
            done.refused().stderr.contains(expected),
            "{words}: {}",
            done.stderr
        );
        assert!(files() == before, "{words} changed something on disk");
    };
    check(
        "pretrain --out run --resume --lr 0.5",
        "used the default for --lr, not 0.5",
    );
    check(
        "pretrain --out run --resume --seed 4",
        "used 3 for --seed, not 4",
    );
    check(
        "pretrain --out run --resume --embeddings train.txt",
        "did not start from the word vectors in train.txt",
    );
    check(
        "pretrain --out run --resume --embedding-init train.txt",
        "did not start from the word vectors in train.txt",
    );
    check("finetune --out run --resume", "pretrain");
    check(
        "pretrain --out run --resume --corpus train.txt",
        "train.txt is not what the interrupted run read",
    );
    check("pretrain --out elsewhere --resume", "no run");
    let text = lab.read("text.txt");
    lab.write("text.txt", [text.as_slice(), b"one more line\n"].concat());
    let done = lab.run("pretrain --out run --resume");
    assert!(
        done.refused().stderr.contains("text.txt"),
        "{}",
        done.stderr
    );
    lab.write("text.txt", text);
    lab.run("pretrain --out run --resume").ok();
}

#[cfg(unix)]
#[test]
fn demo_can_be_stopped_and_resumed() {
    let lab = Lab::new();
    let mut child = lab
        .command("demo --out demo --device cpu")
        .spawn()
        .expect("starts");
    wait_for_step(&lab, "demo/pretrained", 1, &mut child);
    signal(&child, "INT");
    let done = finish(child);
    assert_eq!(done.code, Some(130), "{}", done.stderr);
    assert!(
        done.stderr
            .contains("pretrain --resume --out demo/pretrained"),
        "{}",
        done.stderr
    );
    assert!(
        lab.path("demo/LICENSE.wordnet").is_file(),
        "the licence goes with the text"
    );
    let before = losses(&lab, "demo/pretrained").len();
    let mut child = lab
        .command("pretrain --resume --out demo/pretrained")
        .spawn()
        .expect("starts");
    wait_for_step(&lab, "demo/pretrained", 40, &mut child);
    signal(&child, "INT");
    assert_eq!(finish(child).code, Some(130));
    assert!(losses(&lab, "demo/pretrained").len() > before);
}

#[test]
fn word_vectors_may_be_named_again_but_not_changed() {
    let lab = Lab::new();
    lab.write(
        "vectors.txt",
        format!("1 32\nthe {}\n", "0.5 ".repeat(32).trim()),
    );
    lab.tiny("pretrain --corpus text.txt --out run --steps 2 --embeddings vectors.txt")
        .ok();
    for path in ["vectors.txt", "./vectors.txt"] {
        let again = format!("pretrain --out run --resume --embeddings {path}");
        lab.run(&again).ok();
    }
    lab.run("pretrain --out run --resume --embeddings text.txt")
        .refused();
}
