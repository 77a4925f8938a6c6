//! The command `explain`: how much each word speaks for a label.

use crate::lab::models;

#[test]
fn explain_measures_each_word() {
    let lab = models();
    let explain = |more: &[&str]| {
        let arguments = ["explain", "--model", "finetuned", "--device", "cpu"];
        lab.run_of(&[&arguments, more].concat())
    };
    let answer = explain(&["A bird, that swims."]).ok().json();
    let words = answer["words"].as_array().expect("a list");
    let names: Vec<&str> = words
        .iter()
        .filter_map(|word| word["word"].as_str())
        .collect();
    assert_eq!(names, ["A", "bird", "that", "swims"]);
    assert!(words.iter().any(|word| word["effect"] != 0.0), "{answer}");
    let label = answer["label"].as_str().expect("a label");
    let same = explain(&["A bird, that swims.", "--label", label])
        .ok()
        .json();
    assert_eq!(same, answer);
    let refused = explain(&["a bird", "--label", "no such label"]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let not_a_classifier = lab.run("explain --model pretrained --device cpu bird");
    assert_eq!(
        not_a_classifier.code,
        Some(2),
        "{}",
        not_a_classifier.stderr
    );
}
