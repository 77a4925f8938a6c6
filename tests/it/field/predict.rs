//! Predictions for users' files: one answer per row or line, in order, and tables that are returned
//! with the answers appended to their own columns.

use super::{Bench, Case, cases};

/// Labels of each case's rows, repeating.
const IN_TURN: [&str; 3] = ["boat", "tree", "song"];

#[test]
fn a_table_is_answered_by_row() {
    cases(|bench| {
        let model = bench.classifier("F16");
        for words in [
            "F16/table.csv",
            "F16/table.csv --text-column text",
            "F16/table.csv --text-column 2 --label-column label --quoting double --encoding utf-8",
        ] {
            answers_in_turn(ask(bench, "F16", &model, words), 12);
        }
    });
}

#[test]
fn json_and_odd_tables_are_answered_by_row() {
    cases(|bench| {
        let model = bench.classifier("F16");
        for (id, words) in [
            ("T19", "T19/train.jsonl"),
            ("T22", "T22/review.json"),
            ("T23", "T23/docs.json"),
            ("T23", "T23b/docs.json"),
            ("T25", "T25/export.jsonl"),
            ("T03", "T03/train.csv"),
            ("T04", "T04/train.csv"),
            ("T11", "T11/train.tsv"),
            ("T11", "T11/train.tsv --quoting none"),
            ("T12", "T12/train.csv"),
            ("T13", "T13/train.csv"),
            ("T52", "T52/train.csv --text-column text"),
        ] {
            answers_in_turn(ask(bench, id, &model, words), 36);
        }
        ask(bench, "F16", &model, "F16/table.csv --text-column body")
            .refused()
            .tells(&["body", "text"]);
    });
}

/// A row that cannot be read has no answer and is counted; one that was rejected for training is
/// answered.
#[test]
fn rows_without_an_answer_are_counted() {
    cases(|bench| {
        let model = bench.classifier("F16");
        bench.lab.write(
            "wide.csv",
            "name,label,text\nann,boat,the red boat\nbob,tree,the tree\neve,boat,a boat\ndan,tree,a tree\na,b,c,d\n",
        );
        ask(bench, "F16", &model, "wide.csv")
            .ok()
            .tells(&["rows without a prediction: 1", "line 6"]);
        let case = ask(bench, "T28", &model, "T28/prodigy.jsonl")
            .ok()
            .lacks(&["rejected"]);
        case.holds("should answer each row with a label", |case| {
            let answers = case.answers();
            answers.len() == 36
                && answers
                    .iter()
                    .all(|answer| answer["labels"][0]["label"].is_string())
        });
    });
}

#[test]
fn tables_are_returned_with_answers() {
    cases(|bench| {
        let model = bench.classifier("F16");
        let case = ask(
            bench,
            "F16",
            &model,
            "T52/train.csv --text-column text --out labelled.csv",
        )
        .ok();
        let table = std::fs::read_to_string(bench.lab.path("labelled.csv")).unwrap_or_default();
        let lines: Vec<&str> = table.trim_start_matches('\u{feff}').lines().collect();
        let case = case.holds("should keep the columns and add its own", |_| {
            let header = lines.first().map_or(String::new(), |line| line.replace('"', ""));
            let own = "tweet_id,airline_sentiment,airline_sentiment_confidence,airline,name,text,tweet_created";
            header == format!("{own},label,score,confidence,unsure")
        });
        case.holds("should answer 36 rows in their order", |_| {
            let rows = lines.get(1..).unwrap_or_default();
            rows.len() == 36
                && rows
                    .iter()
                    .enumerate()
                    .all(|(number, row)| is_answered(number, row))
        });
    });
}

/// Trains on a workbook whose table does not start at its first cell.
#[test]
fn workbooks_train_and_are_returned_as_tables() {
    cases(|bench| {
        let book = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../data/tests/data/tickets.xlsx"
        );
        bench
            .lab
            .write("tickets.xlsx", std::fs::read(book).expect("a workbook"));
        let words = "finetune --train tickets.xlsx --out book --steps 20 --preset mean --parts one --seed 3 --device cpu";
        let expected = [
            "\"Tickets\"; left out",
            "\"Betreff\", \"Nachricht\"",
            "labels from \"Bereich\"",
        ];
        bench.run("xlsx", words).ok().tells(&expected);
        ask(bench, "xlsx", "book", "tickets.xlsx --out labelled.csv")
            .ok()
            .holds("should answer 30 rows", |_| {
                let table =
                    std::fs::read_to_string(bench.lab.path("labelled.csv")).unwrap_or_default();
                let begins = table
                    .starts_with("Nr,Datum,Betreff,Nachricht,Bereich,Offen,Stunden,label,score");
                begins
                    && (1001..=1030).all(|number| table.contains(&format!("\n{number},2024-05-0")))
            });
        let other =
            "Nr;Betreff;Nachricht;Antwort\n1;a;the printer is broken today;we will call you back\n";
        bench.lab.write("other.csv", other);
        ask(bench, "columns", "book", "other.csv")
            .ok()
            .tells(&["joined text from \"Betreff\", \"Nachricht\""]);
        bench
            .lab
            .write("less.csv", "Nr;Nachricht\n1;the printer is broken today\n");
        ask(bench, "columns", "book", "less.csv")
            .ok()
            .tells(&["lacks columns that the model was trained on"]);
    });
}

#[test]
fn invalid_outputs_are_refused_and_written_files_are_readable() {
    cases(|bench| {
        let model = bench.classifier("F16");
        for (words, expected) in [
            ("F16/table.csv --out none/labelled.csv", "does not exist"),
            ("F16/table.csv --out labelled.xlsx", ".xlsx"),
            ("base --out labelled.csv", "is a folder"),
        ] {
            ask(bench, "out", &model, words)
                .refused()
                .tells(&[expected]);
        }
        ask(bench, "out", &model, "F16/table.csv --out labelled.csv").ok();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            bench.lab.write("new.csv", "a new file");
            let rights = |name: &str| {
                std::fs::metadata(bench.lab.path(name))
                    .map(|file| file.permissions().mode())
                    .ok()
            };
            assert_eq!(rights("labelled.csv"), rights("new.csv"));
        }
    });
}

/// Some cells of the table contain two lines.
#[test]
fn multi_line_rows_are_returned_as_rows() {
    cases(|bench| {
        let model = bench.classifier("F16");
        let case = ask(bench, "F16", &model, "F16/table.csv --out labelled.csv").ok();
        case.holds("should begin a row for each id", |_| {
            let table = std::fs::read_to_string(bench.lab.path("labelled.csv")).unwrap_or_default();
            let ids = table.lines().filter_map(|line| {
                line.split_once(',')?
                    .0
                    .trim_matches('"')
                    .parse::<usize>()
                    .ok()
            });
            ids.eq(0..12) && table.matches("second line").count() == 3
        });
    });
}

#[test]
fn lines_are_answered_one_by_one() {
    cases(|bench| {
        let model = bench.classifier("F11");
        let case = ask(bench, "F11", &model, "F11/input.txt").ok();
        case.holds("should answer 8 lines with their numbers", |case| {
            case.answers()
                .iter()
                .map(|answer| answer["line"].as_u64())
                .eq((1..=8).map(Some))
        });
        let case = ask(bench, "F13", &model, "F13/input.txt").ok();
        case.holds("should answer 3 lines with labels and scores", |case| {
            let answers = case.answers();
            let known = |answer: &serde_json::Value| {
                answer["labels"][0]["score"]
                    .as_f64()
                    .is_some_and(f64::is_finite)
            };
            answers.len() == 3 && answers.iter().all(known)
        });
        let words = format!("predict --model {model} --device cpu");
        let ended = bench
            .feed("F12", &words, b"the red boat waits\n")
            .ok()
            .done
            .stdout;
        let case = bench.feed("F12", &words, b"the red boat waits").ok();
        case.holds("should answer as with a line end", |case| {
            !ended.is_empty() && case.done.stdout == ended
        });
    });
}

#[test]
fn documents_longer_than_the_model_reads_are_reported() {
    cases(|bench| {
        let model = bench.classifier("N13");
        let case = ask(bench, "N13", &model, "N13/long.txt").ok();
        case.holds("should tell how many documents are too long", |case| {
            case.done.stderr.lines().any(|line| {
                line.contains("token") && super::numbers(line).any(|count| count == "48")
            })
        });
    });
}

fn ask<'a>(bench: &'a Bench, id: &'static str, model: &str, words: &str) -> Case<'a> {
    bench.run(
        id,
        &format!("predict --model {model} --device cpu --data {words}"),
    )
}

/// Asserts `count` answers, each with the label of its row.
fn answers_in_turn(case: Case, count: usize) {
    let case = case
        .ok()
        .holds(&format!("should give {count} answers"), |case| {
            let lines = case.done.stdout.lines().count();
            lines == count && case.answers().len() == count
        });
    case.holds("should answer each row with its label", |case| {
        let answers = case.answers();
        answers
            .iter()
            .zip(IN_TURN.iter().cycle())
            .all(|(answer, label)| answer["labels"][0]["label"] == **label)
    });
}

/// Returns whether a row of T52 begins with its id and ends with an answer.
fn is_answered(number: usize, row: &str) -> bool {
    let cells: Vec<&str> = row.split(',').map(|cell| cell.trim_matches('"')).collect();
    let [id, .., label, score, confidence, unsure] = cells.as_slice() else {
        return false;
    };
    let unit = |cell: &str| {
        cell.parse::<f64>()
            .is_ok_and(|number| (0.0..=1.0).contains(&number))
    };
    *id == format!("5703{number}")
        && *label == IN_TURN[number % 3]
        && unit(score)
        && unit(confidence)
        && ["true", "false"].contains(unsure)
}
