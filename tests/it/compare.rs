//! The comparison on the command line: its files, its scores, and resuming after an interruption.

use crate::lab::Lab;
use protocol::Comparison;

const WORDS: &str = "compare --train train.txt --valid valid.txt --test test.txt --from words --seeds 2 \
                     --label-fractions 0.5,1 --lrs 0.003,0.006 --epochs 1 --device cpu";

fn comparison(lab: &Lab, out: &str) -> Comparison {
    serde_json::from_slice(&lab.read(&format!("{out}/report.json"))).expect("a comparison")
}

/// Removes the timings, which differ between runs, and rounds numbers to the precision of JSON
/// readers.
fn timeless(mut comparison: Comparison) -> String {
    for point in &mut comparison.points {
        point.linear.elapsed_secs = 0.0;
        for arm in [&mut point.pretrained, &mut point.scratch] {
            (arm.secs_per_run, arm.total_secs) = (0.0, 0.0);
            arm.runs.iter_mut().for_each(|run| run.elapsed_secs = 0.0);
        }
    }
    format!("{comparison:.9?}")
}

#[test]
fn comparison_is_fair_and_resumes_after_an_interruption() {
    let lab = Lab::new();
    lab.tiny("pretrain --corpus text.txt train.txt --out words --steps 20")
        .ok();
    let done = lab.run(&format!("{WORDS} --out whole")).ok();
    let complete = comparison(&lab, "whole");
    assert_eq!(complete.points.len(), 2);
    assert!(
        done.stdout.contains(&complete.sentence.to_string()),
        "{}",
        done.stdout
    );
    assert!(complete.pretraining_secs.is_some_and(|secs| secs > 0.0));
    for point in &complete.points {
        for arm in [&point.pretrained, &point.scratch] {
            assert_eq!(arm.runs.len(), 2);
            assert!(
                arm.sweep.len() >= 3,
                "a pick at the edge asks for more: {:?}",
                arm.sweep
            );
            assert!(arm.sweep.iter().any(|tried| tried.lr == arm.lr));
            assert!(
                arm.runs
                    .iter()
                    .all(|run| run.test.micro_f1 > 0.0 && run.valid.len() == 1),
                "{arm:?}"
            );
        }
        assert!(
            point.linear.test.micro_f1 > 0.2,
            "n-grams learn something: {:?}",
            point.linear
        );
    }
    assert!(complete.points[0].documents < complete.points[1].documents);
    let html = String::from_utf8(lab.read("whole/report.html")).expect("UTF-8");
    assert!(
        html.contains("<svg")
            && html.contains("n-grams")
            && !html.contains("<script")
            && !html.contains("http")
    );
    // Interrupted after five runs: the scores are the same as without interruption.
    for name in ["compare.json", "runs.jsonl"] {
        lab.write(&format!("cut/{name}"), lab.read(&format!("whole/{name}")));
    }
    let runs = String::from_utf8(lab.read("cut/runs.jsonl")).expect("UTF-8");
    // The sixth line is damaged: it has another score than was measured.
    let damaged = runs.lines().nth(5).expect("a sixth run").replacen(
        "\"valid_micro_f1\":0.",
        "\"valid_micro_f1\":0.9",
        1,
    );
    let finished = runs
        .lines()
        .take(5)
        .chain([damaged.as_str()])
        .map(|line| format!("{line}\n"));
    lab.write("cut/runs.jsonl", finished.collect::<String>());
    let done = lab.run(&format!("{WORDS} --out cut --resume")).ok();
    assert!(
        done.stderr.contains("damaged lines in cut/runs.jsonl: 1"),
        "{}",
        done.stderr
    );
    assert_eq!(timeless(comparison(&lab, "cut")), timeless(complete));
    lab.run(&format!("{WORDS} --out cut --resume --seed 9"))
        .refused();
    lab.run(&format!("{WORDS} --out cut")).refused();
}

#[test]
fn invalid_comparisons_are_refused() {
    let lab = Lab::new();
    lab.tiny("pretrain --corpus text.txt --out words --steps 2")
        .ok();
    for words in [
        "--seeds 0",
        "--label-fractions 2",
        "--label-fractions a",
        "--lrs 0",
        "--lr 0.1",
        "--label-fraction 0.5",
    ] {
        lab.run(&format!(
            "compare --train train.txt --valid valid.txt --from words --out x --device cpu {words}"
        ))
        .refused();
        assert!(!lab.path("x").exists(), "{words}");
    }
    lab.run("compare --train text.txt --valid valid.txt --from words --out x --device cpu")
        .refused();
}
