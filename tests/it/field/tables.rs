//! Tables: cell separators, lines before the header, quoting, and rows whose number of cells
//! differs from the header.

use super::{NOUNS, cases};

#[test]
fn separators_are_detected_regardless_of_the_extension() {
    cases(|bench| {
        for (id, words, labelled) in [
            ("F06", "F06/SMSCollection", 36),
            (
                "F06c",
                "F06/SMSCollection --label-column 1 --text-column 2",
                36,
            ),
            ("T03", "T03/train.csv", 36),
            ("T04", "T04/train.csv", 36),
            ("T04b", "T04b/train.txt", 36),
            ("T05", "T05/train.csv", 36),
            ("T05", "E01/train.csv", 36),
            ("N07", "N07/form.csv", 48),
            ("N14", "N14/tab.csv", 48),
            ("N14", "N15/tabs_commas.csv", 48),
            ("N35", "N35/sms.tsv", 48),
        ] {
            bench.finetune(id, words).learns(NOUNS).labelled(labelled);
        }
    });
}

#[test]
fn bars_between_cells_are_found() {
    cases(|bench| {
        bench.copy("T05");
        let commas = String::from_utf8(bench.lab.read("T05/train.csv")).expect("UTF-8");
        for (file, separator) in [
            ("bars.csv", "|"),
            ("bars", "|"),
            ("tabs.txt", "\t"),
            ("semicolons.data", ";"),
        ] {
            bench.lab.write(file, commas.replace(',', separator));
            bench
                .finetune("T05 (other separators)", file)
                .learns(NOUNS)
                .labelled(36);
        }
    });
}

#[test]
fn lines_before_the_header_are_reported() {
    cases(|bench| {
        bench
            .finetune("N07", "N07/form.csv")
            .ok()
            .tells_one_of(&["header", "preamble"]);
    });
}

#[test]
fn quoting_is_detected_or_specified() {
    cases(|bench| {
        for (id, file, quoting, labelled) in [
            ("T11", "T11/train.tsv", "none", 36),
            ("T12", "T12/train.csv", "backslash", 36),
            ("N18", "N18/single_quotes.csv", "single", 48),
            ("N32", "N32/dup.tsv", "double", 48),
        ] {
            bench.finetune(id, file).learns(NOUNS).labelled(labelled);
            bench
                .finetune(id, &format!("{file} --quoting {quoting}"))
                .learns(NOUNS)
                .labelled(labelled);
            bench
                .finetune(id, &format!("{file} --quoting auto"))
                .learns(NOUNS)
                .labelled(labelled);
        }
        bench
            .finetune("T11", "T11/train.tsv --quoting sideways")
            .refused()
            .tells(&["sideways"]);
    });
}

/// The last words of the text follow commas, which cut them off if the cell is read incorrectly.
#[test]
fn quoted_text_is_read_completely() {
    cases(|bench| {
        let word = "--tokenizer word";
        bench
            .finetune("T12", &format!("T12/train.csv {word}"))
            .learns(NOUNS)
            .knows(&["said", "pier", "left"]);
        bench
            .finetune("N18", &format!("N18/single_quotes.csv {word}"))
            .learns(NOUNS)
            .knows(&["pier", "so"])
            .ignores(&["'the"]);
        let case = bench
            .finetune("T13", &format!("T13/train.csv {word}"))
            .learns(NOUNS)
            .labelled(36);
        case.knows(&["plays", "stops"]).tells(&["24"]);
    });
}

#[test]
fn rows_of_other_lengths_than_the_header_are_read() {
    cases(|bench| {
        bench
            .finetune("N16", "N16/short.csv")
            .learns(NOUNS)
            .labelled(36)
            .documents(48);
        bench
            .finetune("N28", "N28/ragged_first.csv")
            .learns(NOUNS)
            .labelled(48);
    });
}

/// A table without labels is not a list of texts: the message must show its columns and how to name
/// the label column.
#[test]
fn a_table_without_labels_is_refused_with_its_columns() {
    cases(|bench| {
        let row = |i: usize| {
            format!(
                "2024-05-{:02}T09:{i:02},a note about thing {i} and where it went\n",
                i % 28 + 1
            )
        };
        let rows: String = (0..36).map(row).collect();
        bench.lab.write("notes.csv", format!("when,body\n{rows}"));
        let case = bench.finetune("T51 (no labels)", "notes.csv").refused();
        case.tells(&["when", "body", "--label-column"])
            .tells_one_of(&["35", "36"])
            .lacks(&["none of the 0"]);
    });
}
