//! Labelled lines and plain text: prefixes, separators and invisible characters around labels,
//! unusual line ends, and text that is too short, too long or unlabelled.

use super::{NOUNS, NOUNS_AND_WET, cases};

#[test]
fn labels_are_read_despite_surrounding_characters() {
    cases(|bench| {
        for (id, words, labels, labelled) in [
            ("F02", "F02/train.txt", NOUNS_AND_WET, 36),
            ("F07", "F07/train.txt", &["song", "tree", "wet"], 24),
            ("F08", "F08/train.txt", NOUNS, 36),
            ("F09", "F09/train.txt", NOUNS, 36),
            ("F10", "F10/train.txt", NOUNS, 36),
        ] {
            bench.finetune(id, words).learns(labels).labelled(labelled);
        }
        bench.finetune("F07", "F07/train.txt").documents(36);
        bench
            .finetune("F08", "F08/train.txt")
            .documents(36)
            .tells(&["39"]);
    });
}

#[test]
fn labels_joined_to_other_text_are_reported() {
    cases(|bench| {
        for (id, words, glued) in [
            ("F01", "F01/train.txt", ["boat,the", "song,the", "tree,the"]),
            (
                "F03",
                "F03/train.txt",
                [
                    "boat,__label__wet",
                    "song,__label__wet",
                    "tree,__label__wet",
                ],
            ),
            (
                "N36",
                "N36/label_bar.txt",
                ["boat|the", "song|the", "tree|the"],
            ),
        ] {
            bench.finetune(id, words).ok().tells_one_of(&glued);
        }
    });
}

/// One document of 36 may be held out before labels are looked for.
#[test]
fn text_without_labels_is_refused_with_its_number_of_documents() {
    cases(|bench| {
        let case = bench.finetune("F05", "F05/train.txt").refused();
        case.tells(&["__label__"])
            .tells_one_of(&["35", "36"])
            .lacks(&["none of the 0"]);
        let model = bench.classifier("F15");
        let data = "--data F15/test.txt --device cpu";
        let case = bench
            .run("F15", &format!("evaluate --model {model} {data}"))
            .refused();
        case.tells(&["label"])
            .holds("should print no figures", |case| {
                case.done.stdout.is_empty()
            });
    });
}

#[test]
fn odd_line_ends_and_a_very_long_line_are_read() {
    cases(|bench| {
        bench
            .train("U01", "pretrain --corpus U01/corpus.txt")
            .ok()
            .documents(36);
        bench.copy("base");
        let (long, base) = (
            "the red boat waits ".repeat(80_000),
            bench.lab.read("base/train.txt"),
        );
        bench.lab.write(
            "F19/train.txt",
            [format!("{long}__label__boat\n").as_bytes(), &base].concat(),
        );
        bench
            .finetune("F19", "F19/train.txt")
            .learns(NOUNS)
            .labelled(61);
    });
}

#[test]
fn too_little_text_is_refused_with_figures() {
    cases(|bench| {
        bench
            .train("M01", "pretrain --corpus M01/corpus.txt")
            .refused()
            .tells(&["tokens"])
            .lacks(&["nan"]);
        bench
            .train("M02", "pretrain --corpus M02/corpus.jsonl")
            .refused()
            .tells(&["tokens", "64"])
            .lacks(&["nan"]);
    });
}

#[test]
fn excessive_learning_rates_are_refused_and_diverging_runs_stop() {
    cases(|bench| {
        let words = "finetune --train base/train.txt --out diverged --device cpu --preset fast-nano --parts one";
        bench
            .run("F14", &format!("{words} --lr 1000 --steps 60"))
            .refused()
            .tells(&["--lr"]);
        // Numbers whose products overflow.
        let row = |word: &str| format!("{word}{}\n", " 1e38 -1e38".repeat(16));
        bench.lab.write(
            "huge.vec",
            ["the", "boat", "song", "tree"].map(row).concat(),
        );
        let case = bench.run(
            "F14",
            &format!("{words} --tokenizer word --embeddings huge.vec --steps 60"),
        );
        case.holds("should fail", |case| case.done.code == Some(1))
            .tells(&["--lr", "diverged"]);
    });
}

/// The model of these tests reads 16 tokens; each document has hundreds.
#[test]
fn documents_longer_than_the_model_reads_are_counted() {
    cases(|bench| {
        let case = bench
            .finetune("N13", "N13/long.txt")
            .learns(NOUNS)
            .labelled(48);
        case.holds(
            "should tell how many documents are longer than 16 tokens",
            |case| {
                let mut lines = case.done.stderr.lines();
                lines.any(|line| {
                    let numbers: Vec<&str> = super::numbers(line).collect();
                    line.contains("token")
                        && ["44", "48"].iter().any(|count| numbers.contains(count))
                        && line.contains("16")
                })
            },
        );
    });
}
