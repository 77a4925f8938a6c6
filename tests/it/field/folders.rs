//! Folders and archives: system files beside the data, a folder per class, several splits in one
//! folder, files that must be unpacked, and existing run directories.

use super::{NOUNS, cases};

#[test]
fn system_files_in_folders_are_skipped() {
    cases(|bench| {
        let case = bench.train("D01", "pretrain --corpus D01/data").ok();
        case.documents(14).tells(&["Thumbs.db"]);
    });
}

/// A file may count as one document, or each of its lines may.
#[test]
fn a_folder_per_class_gives_the_labels() {
    cases(|bench| {
        let case = bench
            .finetune("T34", "T34/train")
            .learns(NOUNS)
            .tells(&["folder"]);
        case.holds("should read 36 labelled files or their 72 lines", |case| {
            let corpus = case.corpus();
            let labelled = corpus["labelled_train"]
                .as_u64()
                .zip(corpus["labelled_valid"].as_u64());
            labelled.is_some_and(|(train, valid)| [36, 72].contains(&(train + valid)))
        });
    });
}

#[test]
fn splits_in_one_folder_keep_their_role() {
    cases(|bench| {
        bench.copy("base");
        for (name, source) in [
            ("train.txt", "train.txt"),
            ("dev.txt", "two.txt"),
            ("test.txt", "test.txt"),
        ] {
            bench.lab.write(
                &format!("parts/{name}"),
                bench.lab.read(&format!("base/{source}")),
            );
        }
        let case = bench
            .finetune("T34 (train, dev, test)", "parts")
            .learns(NOUNS)
            .tells(&["dev.txt", "test.txt"]);
        case.holds(
            "should train on 60, choose by 40 and measure 12 documents",
            |case| {
                let corpus = case.corpus();
                let counts = ["labelled_train", "labelled_valid", "labelled_test"]
                    .map(|key| corpus[key].as_u64());
                counts == [Some(60), Some(40), Some(12)]
            },
        );
    });
}

#[test]
fn splits_in_an_archive_keep_their_role() {
    cases(|bench| {
        let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/tests/data/splits.zip");
        bench
            .lab
            .write("data.zip", std::fs::read(archive).expect("an archive"));
        let case = bench
            .finetune("splits", "data.zip")
            .tells(&["data.zip/test.csv"]);
        case.holds(
            "should train and choose by 40 and measure 2 documents",
            |case| {
                let corpus = case.corpus();
                let count = |key: &str| corpus[key].as_u64().unwrap_or_default();
                (
                    count("labelled_train") + count("labelled_valid"),
                    count("labelled_test"),
                ) == (40, 2)
            },
        );
        bench.lab.write("empty-name.json", "{\"pos\": \"\"}");
        bench
            .finetune("map", "data.zip --label-map empty-name.json")
            .refused()
            .tells(&["\"pos\"", "empty name"]);
        bench.lab.write("unused.json", "{\"positive\": \"good\"}");
        bench
            .finetune("map", "data.zip --label-map unused.json")
            .ok()
            .tells(&["no document has", "\"positive\""]);
    });
}

#[test]
fn archives_are_read_and_binary_tables_are_named() {
    cases(|bench| {
        for (file, names) in [
            // A file of six bytes, and a workbook without sheets.
            ("T33/archive.zip", &["3 characters"][..]),
            ("T33/book.xlsx", &["Excel"]),
            ("T33/train.parquet", &["Parquet file"]),
            ("N12/train.parquet", &["Parquet file"]),
        ] {
            bench.finetune("T33", file).refused().tells_one_of(names);
            bench
                .train("T33", &format!("pretrain --corpus {file}"))
                .refused()
                .tells_one_of(names);
        }
        bench.finetune("T33", "T33/train.ft.txt.bz2").learns(NOUNS);
    });
}

#[test]
fn existing_run_directory_is_not_changed() {
    cases(|bench| {
        let taken = bench.classifier("H33");
        let before = bench.lab.tree();
        let case = bench.run(
            "H33",
            &format!("finetune --train base/train.txt --device cpu --steps 2 --out {taken}"),
        );
        let case = case.refused().tells(&["--out", "--resume"]);
        case.holds("should change nothing", |_| bench.lab.tree() == before);
    });
}
