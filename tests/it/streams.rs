//! Output streams, and what a reader sees while a run writes.

use crate::lab::{Lab, finish, models, tiny};
use protocol::Event;
use std::io::Read;
use std::process::Stdio;

#[test]
fn json_puts_the_same_events_on_stdout_as_in_the_journal() {
    let lab = Lab::new();
    let done = lab
        .tiny("pretrain --corpus text.txt --out run --steps 6 --json")
        .ok();
    let events: Vec<Event> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert_eq!(events, lab.events("run"));
    assert!(!done.stderr.is_empty(), "people are told on stderr");
}

#[test]
fn quiet_prints_nothing_and_logs_have_no_terminal_codes() {
    let lab = Lab::new();
    let quiet = lab
        .tiny("pretrain --corpus text.txt --out quiet --steps 3 --quiet")
        .ok();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let models = models();
    models.write("quiet.csv", "text,price\na small dog,1\na large cat,2\n");
    let predict = "predict --model finetuned --data quiet.csv --device cpu";
    let predicted = models.run(&format!("{predict} --quiet")).ok();
    assert_eq!(predicted.stdout.lines().count(), 2);
    assert_eq!(predicted.stderr, "");
    assert!(!models.run(predict).ok().stderr.is_empty());
    let log = lab
        .tiny("pretrain --corpus text.txt --out log --steps 3")
        .ok();
    assert!(!log.stderr.contains(['\r', '\u{1b}']), "{:?}", log.stderr);
    assert!(log.stderr.contains("step "), "{}", log.stderr);
}

#[test]
fn help_names_every_command_and_exits_well() {
    let lab = Lab::new();
    let help = lab.run("--help").ok().stdout;
    for command in [
        "demo",
        "pretrain",
        "finetune",
        "compare",
        "toy",
        "bench",
        "convert",
        "evaluate",
        "predict",
        "fill-mask",
        "attention",
        "inspect",
    ] {
        assert!(help.contains(command), "{help} lacks {command}");
        assert!(
            lab.run(&format!("{command} --help"))
                .ok()
                .stdout
                .contains("--"),
            "{command}"
        );
    }
    assert!(lab.run("--version").ok().stdout.starts_with("clozelab "));
}

#[test]
fn closed_stdout_causes_no_panic() {
    let lab = Lab::new();
    let mut child = lab
        .command(&tiny(
            "pretrain --corpus text.txt --out run --steps 10 --json",
        ))
        .spawn()
        .expect("starts");
    let mut stdout = child.stdout.take().expect("piped");
    stdout
        .read_exact(&mut [0; 10])
        .expect("the first event comes");
    drop(stdout);
    let done = finish(child).ok();
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    assert!(matches!(
        lab.events("run").last(),
        Some(Event::Finished { step: 10, .. })
    ));
    let models = models();
    let lines = "some text\n".repeat(500);
    models.write("many.txt", lines);
    let mut child = models
        .command("predict --model finetuned --data many.txt --device cpu")
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let done = finish(child).ok();
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
}

#[cfg(unix)]
#[test]
fn closed_stderr_does_not_end_the_run() {
    let lab = Lab::new();
    let binary = lab.command("").get_program().to_owned();
    let words = tiny("pretrain --corpus text.txt --out run --steps 3");
    let mut shell = std::process::Command::new("sh");
    shell
        .arg("-c")
        .arg(r#"exec "$0" "$@" 2>&- >&-"#)
        .arg(binary)
        .args(words.split_whitespace());
    let status = shell
        .current_dir(lab.path(""))
        .stdin(Stdio::null())
        .status()
        .expect("sh starts");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_reader_sees_the_old_file_or_the_new_one() {
    let lab = Lab::new();
    let words = tiny("pretrain --corpus text.txt --out run --steps 120 --checkpoint-every 1");
    let mut child = lab
        .command(&words)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut looks = 0;
    while child
        .try_wait()
        .expect("a child can be waited for")
        .is_none()
    {
        looks += check_files(&lab);
    }
    assert_eq!(child.wait().expect("ended").code(), Some(0));
    assert!(
        looks > 20,
        "only {looks} looks at files while they were written"
    );
    assert!(check_files(&lab) >= 4, "all files are there at the end");
    let left: Vec<_> = lab
        .tree()
        .into_keys()
        .filter(|path| path.to_string_lossy().contains(".tmp-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Reads all files with their final names once; returns how many were complete.
fn check_files(lab: &Lab) -> usize {
    let json = |path: &std::path::Path| {
        let bytes = std::fs::read(path).ok()?;
        Some(
            serde_json::from_slice::<serde_json::Value>(&bytes)
                .unwrap_or_else(|error| panic!("{path:?} is torn: {error}")),
        )
    };
    let mut complete = 0;
    for name in ["run.json", "config.json", "tokenizer.json"] {
        complete += usize::from(json(&lab.path("run").join(name)).is_some());
    }
    let checkpoints = std::fs::read_dir(lab.path("run/checkpoints"))
        .into_iter()
        .flatten()
        .flatten();
    for folder in checkpoints
        .map(|entry| entry.path())
        .filter(|path| !path.to_string_lossy().contains(".tmp-"))
    {
        let Some(manifest) = json(&folder.join("manifest.json")) else {
            assert!(!folder.exists(), "{folder:?} has its name but no manifest");
            continue;
        };
        for file in manifest["files"].as_array().expect("a list") {
            let path = folder.join(file["name"].as_str().expect("a name"));
            let size = std::fs::metadata(&path).map(|metadata| metadata.len()).ok();
            assert!(
                size == file["bytes"].as_u64() || !folder.exists(),
                "{path:?} has {size:?} bytes"
            );
            complete += 1;
        }
    }
    complete
}

#[test]
fn an_empty_input_is_reported_and_predicts_nothing() {
    let lab = models();
    lab.write("empty.txt", "");
    for (words, input) in [
        (
            "predict --model finetuned --data empty.txt --device cpu",
            "",
        ),
        ("predict --model finetuned --device cpu", ""),
        ("predict --model finetuned --device cpu", "\n"),
    ] {
        let done = lab.run_with(words, input.as_bytes()).ok();
        assert!(
            done.stderr.contains("has no text"),
            "{words}: {}",
            done.stderr
        );
    }
}
