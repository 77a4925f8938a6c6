//! JSON: lines and arrays regardless of the extension, keys of known data sets, exports of
//! annotation tools, labels that are lists or objects, and extensions of strict JSON written by
//! Python and JavaScript.

use super::{NOUNS, NOUNS_AND_WET, cases};
use std::io::Write;

const STARS: &[&str] = &["1", "2", "3", "4", "5"];
const ENTAILMENT: &[&str] = &["contradiction", "entailment", "neutral"];

#[test]
fn lines_and_arrays_are_read_whatever_the_extension() {
    cases(|bench| {
        for (id, words, labels, labelled) in [
            ("T19", "T19/train.jsonl", NOUNS, 36),
            (
                "T22",
                "T22/review.json --text-column text --label-column stars",
                STARS,
                36,
            ),
            ("T23", "T23/docs.json", NOUNS, 36),
            ("T23", "T23b/docs.json", NOUNS, 36),
            ("N06", "N06/export.jsonl", NOUNS, 48),
            ("T21", "T21/train.jsonl", NOUNS, 36),
        ] {
            bench.finetune(id, words).learns(labels).labelled(labelled);
        }
        bench
            .finetune("T22", "T22/review.json")
            .learns_or_tells(STARS, &["stars", "--label-column"]);
    });
}

/// A key that occurs in the vocabulary was read as text.
#[test]
fn keys_are_not_read_as_text() {
    cases(|bench| {
        let keys = &["review", "stars", "useful", "{"];
        let case = bench
            .train("T22p", "pretrain --corpus T22/review.json --tokenizer word")
            .ok()
            .documents(36);
        case.knows(&["boat", "harbour"]).ignores(keys);
        for file in ["packed.json.gz", "packed"] {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed
                .write_all(&bench.lab.read("T22/review.json"))
                .expect("memory is writable");
            bench
                .lab
                .write(file, packed.finish().expect("memory is writable"));
            let case = bench
                .train(
                    "T22p (packed)",
                    &format!("pretrain --corpus {file} --tokenizer word"),
                )
                .ok();
            case.documents(36).knows(&["boat", "harbour"]).ignores(keys);
        }
    });
}

#[test]
fn not_a_number_is_read_and_is_no_label() {
    cases(|bench| {
        let row = |i: usize| {
            let label = ["\"boat\"", "\"tree\"", "NaN"][i % 3];
            format!(
                "{{\"text\": \"note {i} about a thing\", \"score\": NaN, \"label\": {label}}}\n"
            )
        };
        bench
            .lab
            .write("nan.jsonl", (0..36).map(row).collect::<String>());
        bench
            .finetune("T21 (NaN)", "nan.jsonl")
            .learns(&["boat", "tree"])
            .labelled(24)
            .documents(36);
    });
}

#[test]
fn pairs_of_known_data_sets_are_detected_and_reported() {
    cases(|bench| {
        for (id, words, labelled) in [
            ("T16", "T16/snli.jsonl", 36),
            ("T16f", "T16/snli.jsonl --label-column gold_label", 36),
            ("T17", "T17/mnli.jsonl", 48),
        ] {
            let case = bench
                .finetune(id, words)
                .learns(ENTAILMENT)
                .labelled(labelled)
                .pairs();
            case.tells(&["gold_label", "sentence1", "sentence2"]);
        }
    });
}

#[test]
fn exports_of_annotation_tools_are_read() {
    cases(|bench| {
        for (id, words, labels, labelled) in [
            ("T24", "T24/ls.json", NOUNS, 36),
            ("T25", "T25/export.jsonl", NOUNS_AND_WET, 32),
            ("T27", "T27/cats.jsonl", NOUNS, 36),
            ("T27f", "T27/cats.jsonl --label-column cats", NOUNS, 36),
            ("T28", "T28/prodigy.jsonl", NOUNS, 27),
            ("T29", "T29/choice.jsonl", NOUNS, 36),
        ] {
            bench.finetune(id, words).learns(labels).labelled(labelled);
        }
        bench
            .finetune(
                "T27g",
                "T27/cats.jsonl --label-column cats.boat,cats.tree,cats.song",
            )
            .learns(&["cats.boat", "cats.song", "cats.tree"]);
        bench
            .finetune("T28", "T28/prodigy.jsonl")
            .tells(&["reject", "9"]);
        bench.finetune("T29", "T29/choice.jsonl").tells(&["accept"]);
    });
}

#[test]
fn keys_that_are_not_understood_are_named() {
    cases(|bench| {
        bench
            .finetune("T30", "T30/chat.jsonl")
            .learns_or_tells(&["0", "1", "2"], &["messages"]);
        bench
            .finetune("T51", "T51/train.jsonl")
            .tells(&["reviewText"]);
        let words = "T51/train.jsonl --text-column reviewText --label-column overall";
        bench.finetune("T51", words).learns(STARS).labelled(36);
        for words in ["N22/dictlabels.jsonl", "N23/listdict.jsonl"] {
            bench
                .finetune("N22", words)
                .learns_or_tells(NOUNS, &["label", "--label-column"]);
        }
    });
}

#[test]
fn lines_that_are_not_objects_are_read_or_reported() {
    cases(|bench| {
        let case = bench.train("S01", "pretrain --corpus S01/strings.jsonl");
        if case.done.code == Some(0) {
            case.documents(36)
        } else {
            case.refused().tells(&["object"])
        };
    });
}

#[test]
fn accusations_lose_their_brackets() {
    cases(|bench| {
        let case = bench
            .run("C01", "convert cail C01/data_train.json cases.txt")
            .ok();
        case.holds("should write 36 lines without brackets", |_| {
            let text = std::fs::read_to_string(bench.lab.path("cases.txt")).unwrap_or_default();
            text.lines().count() == 36
                && text.contains("__label__组织、强迫某事\n")
                && !text.contains(['[', ']'])
        });
        bench
            .finetune("C01", "cases.txt")
            .learns(&["某事丙", "某事乙", "组织、强迫某事"])
            .labelled(36);
    });
}
