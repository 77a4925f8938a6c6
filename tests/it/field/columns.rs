//! Columns of a table: which of them contain text and labels, how label cells are split, and which
//! words mean no label.

use super::{NOUNS, NOUNS_AND_WET, cases};

#[test]
fn columns_of_known_data_sets_are_detected_and_reported() {
    cases(|bench| {
        for (id, words, labels, labelled, reported) in [
            (
                "T01",
                "T01/spam.csv",
                &["ham", "spam"][..],
                36,
                &["v1", "v2"][..],
            ),
            (
                "T52",
                "T52/train.csv",
                &["negative", "neutral", "positive"],
                36,
                &["airline_sentiment"],
            ),
            (
                "T53",
                "T53/qqp.tsv",
                &["0", "1"],
                36,
                &["is_duplicate", "question1", "question2"],
            ),
            ("N26", "N26/ints.csv", NOUNS, 48, &[]),
            ("N27", "N27/id.csv", NOUNS, 48, &[]),
        ] {
            bench
                .finetune(id, words)
                .learns(labels)
                .labelled(labelled)
                .tells(reported);
        }
        bench.finetune("T53", "T53/qqp.tsv").pairs();
    });
}

#[test]
fn named_columns_are_used() {
    cases(|bench| {
        let toxic = &["none", "obscene", "severe_toxic", "toxic"];
        let strings = "--text-column '#1 String,#2 String' --label-column Quality";
        for (id, words, labels, labelled) in [
            (
                "T01",
                "T01/spam.csv --text-column v2 --label-column v1",
                &["ham", "spam"][..],
                36,
            ),
            (
                "T02",
                "T02/train.csv --text-column 2,3 --label-column 1",
                &["1", "2", "3"],
                36,
            ),
            (
                "T07",
                "T07/train.csv --label-column toxic,severe_toxic,obscene",
                toxic,
                36,
            ),
            (
                "T10",
                "T10/train.tsv --text-column 1 --label-column 2 --label-separator ,",
                &["10", "2", "3", "4"],
                36,
            ),
            ("T36", &format!("T36/mrpc.tsv {strings}"), &["0", "1"], 36),
            (
                "T37",
                "T37/cola.tsv --text-column 4 --label-column 2",
                &["0", "1"],
                36,
            ),
            (
                "T38",
                "T38/s140.csv --text-column 6 --label-column 1",
                &["0", "4"],
                36,
            ),
            (
                "T49",
                "T49/train.csv --label-separator ,",
                NOUNS_AND_WET,
                36,
            ),
        ] {
            bench.finetune(id, words).learns(labels).labelled(labelled);
        }
        bench
            .finetune("T36", &format!("T36/mrpc.tsv {strings}"))
            .pairs();
    });
}

/// Without flags these may be accepted or refused; in both cases the columns must be shown.
#[test]
fn guessed_columns_are_reported() {
    cases(|bench| {
        for (id, words, reported) in [
            ("T02", "T02/train.csv", &["column"][..]),
            (
                "T07",
                "T07/train.csv",
                &["toxic", "severe_toxic", "obscene"],
            ),
            ("T10", "T10/train.tsv", &["column"]),
            ("T36", "T36/mrpc.tsv", &["#2 String"]),
            ("T37", "T37/cola.tsv", &["column"]),
            ("T38", "T38/s140.csv", &["column", "windows-1252"]),
        ] {
            bench.finetune(id, words).tells(reported);
        }
        bench
            .finetune("T49", "T49/train.csv")
            .tells(&["--label-separator"]);
    });
}

#[test]
fn reviews_include_their_body() {
    cases(|bench| {
        let case = bench
            .train("T39", "pretrain --corpus T39/reviews.csv --tokenizer word")
            .ok();
        case.knows(&["harbour", "light", "like"])
            .tells(&["Review Text"]);
        bench
            .finetune("T39", "T39/reviews.csv")
            .tells(&["Review Text"])
            .tells_one_of(&["Rating", "Class Name"]);
        let case = bench.finetune(
            "T39",
            "T39/reviews.csv --tokenizer word --label-column 'Class Name'",
        );
        case.learns(NOUNS)
            .labelled(36)
            .knows(&["harbour", "light", "like"]);
    });
}

#[test]
fn lists_in_label_cells_are_several_labels() {
    cases(|bench| {
        for (id, words) in [
            ("T08b", "T08b/train.csv"),
            ("T09", "T09/export.csv"),
            ("T50", "T50/train.csv"),
        ] {
            bench.finetune(id, words).learns(NOUNS_AND_WET).labelled(36);
        }
    });
}

/// `[1, 0, 0]` means the first of three labels. Rows of `[0, 0, 0]` have no label and may get one
/// for that.
#[test]
fn zero_one_lists_have_a_label_per_position() {
    cases(|bench| {
        let case = bench.finetune("T08", "T08/train.csv").ok();
        let case = case.holds("should learn several labels of a row", |case| {
            case.config()["problem_type"] == "multi_label_classification"
        });
        case.holds(
            "should learn a label per place, and perhaps one for none",
            |case| {
                let labels = case.labels();
                [3, 4].contains(&labels.len())
                    && !labels.iter().any(|label| label.contains(['[', ']', ',']))
            },
        );
    });
}

#[test]
fn labels_keep_their_characters() {
    cases(|bench| {
        bench
            .finetune("T48", "T48/train.csv")
            .learns(&["rock, pop", "R&B/Soul", "😀 <b>x</b>"])
            .labelled(36);
        bench
            .finetune("N37", "N37/zwj.csv")
            .learns(NOUNS)
            .labelled(48);
    });
}

#[test]
fn words_for_missing_values_are_no_labels() {
    cases(|bench| {
        bench
            .finetune("T15", "T15/train.csv")
            .learns(NOUNS)
            .labelled(60);
        let missing = ["nan", "NaN", "None", "NULL", "N/A", "-"]
            .map(|word| format!("{word},boat\n"))
            .concat();
        let table = String::from_utf8(bench.lab.read("T15/train.csv")).expect("UTF-8");
        bench.lab.write("missing.csv", table + &missing);
        bench
            .finetune("T15 (texts)", "missing.csv")
            .learns(NOUNS)
            .labelled(60)
            .documents(72);
    });
}

#[test]
fn numbers_of_one_value_are_one_label() {
    cases(|bench| {
        let case = bench
            .finetune("T14", "T14/train.csv --test T14/test.csv")
            .learns(&["0", "1"])
            .labelled(40);
        let case = case.holds("should measure 12 documents", |case| {
            case.corpus()["labelled_test"] == 12
        });
        let model = case.out.expect("a training command has a run directory");
        let case = bench
            .run(
                "T14",
                &format!("evaluate --model {model} --data T14/test.csv --device cpu"),
            )
            .ok();
        case.holds("should measure 12 documents", |case| {
            case.answers()
                .first()
                .is_some_and(|answer| answer["n"] == 12)
        });
    });
}
