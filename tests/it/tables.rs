//! Tables that are read as in training, and inputs and outputs that must not be confused.

use crate::lab::{Lab, models};

/// Semicolons, cells of several lines, no telling file name and no familiar column name.
#[test]
fn a_table_is_read_as_in_training_whatever_its_name() {
    let lab = Lab::new();
    let cell = |i: usize| format!("\"the number {i} is late;\nplease call back\"");
    let rows = |labelled: bool| -> String {
        let header = if labelled {
            "Nr;Inhalt;Abteilung\n"
        } else {
            "Nr;Inhalt;Kunde\n"
        };
        let row = |i: usize| {
            let last = if labelled {
                ["Lager", "Technik"][i % 2]
            } else {
                "A"
            };
            format!("{i};{};{last}\n", cell(i))
        };
        std::iter::once(header.to_string())
            .chain((0..40).map(row))
            .collect()
    };
    lab.write("tickets.txt", rows(true));
    lab.write("new.txt", rows(false));
    let trained = lab
        .tiny("finetune --train tickets.txt --out model --steps 3 --parts one")
        .ok();
    assert!(
        trained.stderr.contains("labels from \"Abteilung\""),
        "{}",
        trained.stderr
    );
    let predict = "predict --model model --device cpu";
    let from_file = lab.run(&format!("{predict} --data new.txt")).ok();
    assert_eq!(from_file.stdout.lines().count(), 40);
    let from_stdin = lab.run_with(predict, rows(false).as_bytes()).ok();
    assert_eq!(from_stdin.stdout, from_file.stdout);
    assert!(
        !from_stdin.stderr.contains("labels from"),
        "{}",
        from_stdin.stderr
    );
    // The predicted labels beside the true ones are not evaluated against themselves.
    lab.run(&format!("{predict} --data tickets.txt --out answered.csv"))
        .ok();
    let evaluated = lab
        .run("evaluate --model model --data answered.csv --device cpu")
        .ok();
    assert!(
        evaluated.stderr.contains("labels from \"Abteilung\""),
        "{}",
        evaluated.stderr
    );
    let trained = lab
        .tiny("finetune --train answered.csv --out again --steps 3 --parts one")
        .ok();
    assert!(
        trained.stderr.contains("labels from \"Abteilung\""),
        "{}",
        trained.stderr
    );
}

#[test]
fn held_out_files_without_labels_are_reported() {
    let lab = Lab::new();
    for role in ["valid", "test"] {
        let done = lab
            .tiny(&format!(
                "finetune --train train.txt --{role} text.txt --out {role} --steps 2 --parts one"
            ))
            .ok();
        assert!(done.stderr.contains("has a label, so"), "{}", done.stderr);
    }
}

#[test]
fn files_and_models_are_not_overwritten_or_mistaken() {
    let lab = models();
    let weights = || lab.read("pretrained/model.safetensors");
    let before = weights();
    for (words, expected) in [
        (
            "bench --preset fast-nano --steps 2 --export pretrained",
            "already exists",
        ),
        (
            "compare --from finetuned --train train.txt --valid valid.txt --out compared",
            "the model is a classifier",
        ),
        (
            "export --model pretrained --html missing/page.html",
            "does not exist",
        ),
        ("explain --model finetuned --device cpu", "text is empty"),
    ] {
        let mut words: Vec<&str> = words.split(' ').collect();
        words.extend(words.contains(&"explain").then_some(""));
        let done = lab.run_of(&words);
        assert!(done.refused().stderr.contains(expected), "{}", done.stderr);
    }
    assert!(weights() == before, "the exported model is not replaced");
}
