//! Labelling of files: the output table, progress, and stopping.

use crate::script::{Script, config, failures, look, pretrain, served};
use engine::data::{Corpus, Document, InputFile, Opened, ReadOptions, Selection};
use protocol::{Command, Event, FileInfo, FileRole, StartFrom};

/// Documents done, total number of documents, and the new rows of the table.
type Progress = (u64, u64, Vec<u8>);

fn finetune_from(from: StartFrom) -> Command {
    Command::Finetune {
        run: "f".into(),
        config: config(&[("steps", "60")]),
        from,
    }
}

fn label(request: u64, file: &InputFile, text_column: Option<&str>) -> Command {
    let file = FileInfo {
        name: file.name.clone(),
        role: None,
        encoding: None,
        member_roles: Default::default(),
    };
    Command::LabelFile {
        request,
        file,
        text_column: text_column.map(Into::into),
        quoting: None,
        own_thresholds: request.is_multiple_of(2),
        splits_long: false,
    }
}

/// Trains a classifier on the script's corpus and labels `files`, one after another.
fn labelled(script: Script, files: Vec<InputFile>, text_column: Option<&str>) -> Script {
    labelled_after(
        script,
        vec![finetune_from(StartFrom::Scratch)],
        files,
        text_column,
    )
}

fn labelled_after(
    script: Script,
    commands: Vec<Command>,
    files: Vec<InputFile>,
    text_column: Option<&str>,
) -> Script {
    let label_commands = files
        .iter()
        .zip(1..)
        .map(|(file, request)| label(request, file, text_column));
    let commands = commands.into_iter().chain(label_commands).collect();
    script.beside.borrow_mut().extend(files);
    served(script, commands)
}

fn progress(script: &Script, wanted: u64) -> Vec<Progress> {
    let progress = script.told.borrow();
    let one = |(event, rows): &(Event, Vec<Vec<u8>>)| match event {
        Event::Labelled {
            request,
            documents,
            of,
            ..
        } if *request == wanted => Some((*documents, *of, rows.concat())),
        _ => None,
    };
    progress.iter().filter_map(one).collect()
}

fn table(script: &Script, wanted: u64) -> Vec<u8> {
    progress(script, wanted)
        .into_iter()
        .flat_map(|(.., rows)| rows)
        .collect()
}

/// Reads the table as a corpus.
fn documents(table: Vec<u8>) -> Vec<Document> {
    let files = [InputFile::in_memory(
        "labelled.csv",
        table,
        Some(FileRole::Test),
    )];
    let (corpus, _) = Corpus::read(&Opened::new(&files), &ReadOptions::default())
        .expect("a table that can be read");
    corpus
        .labelled(FileRole::Test, &Selection::default())
        .expect("documents in memory")
}

fn line(i: usize) -> String {
    let (animal, does, place) = [("cat", "purrs", "house"), ("dog", "barks", "yard")][i % 2];
    format!("the small {animal} {does} in the {place} of my friend number {i}")
}

#[test]
fn each_document_is_labelled_and_the_table_can_be_trained_on() {
    let mut lines: Vec<String> = (0..70).map(line).collect();
    lines[3] = String::new();
    lines[4] = "a \"cat\", one of two | three __label__dog".into();
    let text = InputFile::in_memory("new.txt", lines.join("\n"), None);
    let rows = (0..40).map(|i| format!("{i},\"{}, and more\"\n", line(i)));
    let csv = InputFile::in_memory(
        "new.csv",
        format!("id,note\n{}", rows.collect::<String>()),
        None,
    );
    let short = InputFile::in_memory(
        "short.csv",
        "q,label\nHi there,customer support wants a refund\n",
        None,
    );
    let script = labelled(Script::default(), vec![text, csv, short], Some("comment"));
    assert_eq!(
        failures(&script),
        [] as [&str; 0],
        "a table without the column that was asked for has its own"
    );

    let updates = progress(&script, 1);
    let expected = [
        (0, false),
        (32, false),
        (64, false),
        (69, false),
        (69, true),
    ];
    assert_eq!(
        updates
            .iter()
            .map(|(done, _, rows)| (*done, !rows.is_empty()))
            .collect::<Vec<_>>(),
        expected
    );
    assert!(
        updates[0].1 == 0
            && updates[1..4].iter().all(|(done, of, _)| of > done)
            && updates[4].1 == 69,
        "{updates:?}"
    );
    let dropped = script.events().into_iter().find_map(|event| match event {
        Event::Labelled { dropped, .. } if !dropped.is_empty() => Some(dropped),
        _ => None,
    });
    let dropped = dropped.expect("an answer");
    assert_eq!(
        (dropped.len(), dropped[0].count, dropped[0].first_line),
        (1, 1, 4)
    );

    let written = String::from_utf8(table(&script, 1)).expect("UTF-8");
    assert!(
        written.starts_with("\u{feff}line,text,labels,scores\n1,the small cat purrs"),
        "{}",
        &written[..80]
    );
    assert!(
        written.contains("\n5,\"a \"\"cat\"\", one of two | three\","),
        "quoted, without its own label"
    );
    let read = documents(table(&script, 1));
    assert_eq!(read.len(), 69);
    for (i, document) in [0, 1, 2, 68]
        .into_iter()
        .zip([&read[0], &read[1], &read[2], &read[67]])
    {
        let wanted = if i % 2 == 0 {
            ["cat", "house"]
        } else {
            ["dog", "yard"]
        };
        let mut labels = document.labels.clone();
        labels.sort();
        assert_eq!(
            (document.text.clone(), labels),
            (line(i), wanted.map(String::from).to_vec())
        );
    }
    assert_eq!(documents(table(&script, 2)).len(), 40);
    let rows = String::from_utf8(table(&script, 2)).expect("UTF-8");
    assert!(
        rows.starts_with("id,note,label,score,confidence,unsure\n0,\"the small cat"),
        "all columns: {}",
        &rows[..80]
    );
    let columns = script.events().into_iter().find_map(|event| match event {
        Event::Labelled {
            request: 2,
            columns: Some(columns),
            warnings,
            ..
        } => Some((columns.text, warnings)),
        _ => None,
    });
    let (columns, warnings) = columns.expect("what was read");
    assert_eq!(
        (columns, warnings.len()),
        (vec!["note".to_string()], 2),
        "{warnings:?}"
    );
    assert!(
        warnings[0]
            .to_string()
            .contains("text is read from \"note\""),
        "that it was a guess: {warnings:?}"
    );
    assert!(
        warnings[1].to_string().contains("texts longer than"),
        "that they were cut: {warnings:?}"
    );
    let rows = String::from_utf8(table(&script, 3)).expect("UTF-8");
    assert!(
        rows.starts_with("q,label,predicted_label,score,"),
        "what was there stays: {rows}"
    );
}

#[test]
fn pairs_are_preserved_and_queries_are_answered_meanwhile() {
    let pairs: String = (0..160)
        .map(|i| format!("{}\tand {}\n", line(i), line(i + 1)))
        .collect();
    let script = Script::default();
    let classify = Command::Classify {
        request: 9,
        text: "the small cat".into(),
        top_k: 1,
    };
    let guess = Command::FillMask {
        request: 10,
        text: "the small [MASK]".into(),
        top_k: 1,
    };
    let filter = "ca".to_string();
    script.amid.borrow_mut().extend([
        classify,
        guess,
        look(0),
        Command::Vocabulary { filter, limit: 5 },
    ]);
    let commands = vec![pretrain(), finetune_from(StartFrom::Pretrained)];
    let script = labelled_after(
        script,
        commands,
        vec![InputFile::in_memory("pairs.txt", pairs, None)],
        None,
    );
    let events: Vec<Event> = script.events();
    let position = |wanted: fn(&Event) -> bool| events.iter().rposition(wanted).expect("an answer");
    let last = position(|event| matches!(event, Event::Labelled { documents: 160, .. }));
    assert!(
        position(|event| matches!(event, Event::Classified { request: 9, .. })) < last,
        "no one waits for the file"
    );
    assert!(position(|event| matches!(event, Event::Guesses { request: 10, .. })) < last);
    assert!(position(|event| matches!(event, Event::Masking { .. })) < last);
    assert!(position(|event| matches!(event, Event::Vocabulary { .. })) < last);
    let written = String::from_utf8(table(&script, 1)).expect("UTF-8");
    assert!(
        written.contains("line,sentence1,sentence2,labels,scores\n1,the small cat"),
        "{}",
        &written[..80]
    );
    let read = documents(table(&script, 1));
    assert_eq!(
        (read.len(), read[3].second.clone()),
        (160, Some(format!("and {}", line(4))))
    );
}

#[test]
fn a_large_file_is_labelled_in_chunks_and_can_be_stopped() {
    let large = (0..40)
        .map(|i| format!("{} {}\n", line(i), "mouse ".repeat(160_000)))
        .collect::<String>();
    let large = InputFile::in_memory("large.txt", large, None);
    let many = InputFile::in_memory(
        "many.txt",
        (0..200).map(|i| line(i) + "\n").collect::<String>(),
        None,
    );
    let script = Script::default();
    script.amid.borrow_mut().push_back(Command::Stop);
    let script = labelled(
        script,
        vec![
            many,
            large.clone(),
            InputFile::in_memory("empty.txt", "\n\n", None),
        ],
        None,
    );
    assert_eq!(failures(&script), ["stopped", "no-text"]);
    assert!(table(&script, 1).is_empty(), "nothing is half-written");
    let parts: Vec<u64> = progress(&script, 2)
        .iter()
        .filter(|(.., rows)| !rows.is_empty())
        .map(|part| part.0)
        .collect();
    assert!(parts.len() > 1 && parts.last() == Some(&40), "{parts:?}");
    let rows = table(&script, 2);
    let mut lines = csv_lines(&rows);
    assert_eq!(lines.next().as_deref(), Some("line"));
    assert!(lines.eq((1..=40).map(|line| line.to_string())), "each once");
}

/// Returns the first cell of each row; these texts contain no line breaks and do not begin with a
/// quote.
fn csv_lines(table: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(table)
        .trim_start_matches('\u{feff}')
        .to_string();
    text.lines()
        .map(|line| line.split(',').next().unwrap_or_default().to_string())
        .collect::<Vec<_>>()
        .into_iter()
}
