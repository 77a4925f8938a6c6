//! Tests of `corpus`. Every case is read twice: with its documents in memory, and re-read from
//! files.

use super::*;

use crate::reading::byte_source::ByteSource;
use protocol::FileRole::{Test, Train, Valid};
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

const ALL: Selection = Selection {
    limit: None,
    pairs: false,
    share: None,
    with_set_aside: false,
    without_near_duplicates: false,
};

fn file(name: &str, text: &str) -> InputFile {
    InputFile::in_memory(name, text, None)
}

fn read(files: &[InputFile]) -> (Corpus, Vec<&'static str>) {
    let options = ReadOptions::default();
    let (corpus, warnings) = Corpus::read(&Opened::new(files), &options).expect("usable");
    let (read_again, again) =
        Corpus::read_with_memory_limit(&Opened::new(files), &options, 0).expect("usable");
    assert_eq!(
        (read_again.is_streamed(), corpus.is_streamed()),
        (corpus.documents(Train) > 0, false)
    );
    assert_eq!(
        (read_again.fingerprint(), again),
        (corpus.fingerprint(), warnings.clone())
    );
    let selections = [
        ALL,
        Selection {
            limit: Some(3),
            ..ALL
        },
        Selection { pairs: true, ..ALL },
    ];
    for (role, selection) in [Train, Valid, Test]
        .into_iter()
        .flat_map(|role| selections.map(|s| (role, s)))
    {
        assert_eq!(
            documents(&read_again, role, selection),
            documents(&corpus, role, selection)
        );
        assert_eq!(sentences_of(&read_again, role), sentences_of(&corpus, role));
        assert_eq!(
            read_again.documents(role),
            documents(&read_again, role, ALL).len() as u64
        );
        assert_eq!(
            read_again.labelled_documents(role),
            labelled(&read_again, role, ALL).len() as u64
        );
    }
    (corpus, warnings.into_iter().map(|(code, _)| code).collect())
}

fn documents(corpus: &Corpus, role: FileRole, selection: Selection) -> Vec<Document> {
    let mut documents = Vec::new();
    let take = &mut |document: &Document| {
        documents.push(document.clone());
        Ok::<(), DataError>(())
    };
    corpus.each(role, &selection, take).expect("readable");
    documents
}

fn labelled(corpus: &Corpus, role: FileRole, selection: Selection) -> Vec<Document> {
    corpus.labelled(role, &selection).expect("readable")
}

fn texts(corpus: &Corpus, role: FileRole) -> Vec<String> {
    documents(corpus, role, ALL)
        .iter()
        .flat_map(|document| document.texts().map(String::from).collect::<Vec<_>>())
        .collect()
}

fn sentences_of(corpus: &Corpus, role: FileRole) -> Vec<String> {
    let mut all = Vec::new();
    let take = &mut |sentences: &[&str]| {
        all.push(sentences.join("|"));
        Ok::<(), DataError>(())
    };
    corpus.each_sentences(role, &ALL, take).expect("readable");
    all
}

fn lines(n: usize, label: &str) -> String {
    (0..n)
        .map(|i| format!("text number {i} {label}\n"))
        .collect()
}

#[test]
fn a_single_file_is_used_for_training() {
    let (corpus, _) = read(&[file("test.txt", "one two three four five\n")]);
    assert_eq!(texts(&corpus, Train).len(), 1);
    let given_role = InputFile {
        role: Some(Test),
        ..file("a.txt", "one two three __label__x\n")
    };
    let (corpus, _) = read(&[given_role]);
    assert_eq!(
        (
            texts(&corpus, Train).len(),
            labelled(&corpus, Test, ALL).len()
        ),
        (0, 1)
    );
}

/// Includes documents that are held out.
#[test]
fn first_of_returns_documents_as_they_were_read() {
    let files = [
        file("train.txt", &lines(30, "__label__x")),
        file("test.txt", "\nheld out\tone __label__y\n"),
    ];
    let (corpus, _) = read(&files);
    assert_eq!(labelled(&corpus, Valid, ALL).len(), 3, "set aside");
    let first = |file, limit| corpus.first_of(file, limit).expect("readable");
    let lines_of = |documents: &[Document]| {
        documents
            .iter()
            .map(|document| document.line)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (lines_of(&first(0, 2)), lines_of(&first(0, 99))),
        (vec![1, 2], (1..=30).collect())
    );
    let document = &first(1, 5)[0];
    let second = document.second.as_deref();
    assert_eq!(
        (document.file, document.line, document.text.as_str(), second),
        (1, 2, "held out", Some("one"))
    );
    assert_eq!(
        (
            document.labels.as_slice(),
            first(1, 5).len(),
            first(2, 5).len()
        ),
        (&["y".to_string()][..], 1, 0)
    );
    assert_eq!(first(0, 0), []);
}

#[test]
fn labels_never_reach_the_pretraining_text() {
    let (corpus, _) = read(&[
        file("train.txt", "a b\tc d __label__x\n__label__y e f g\n"),
        file("valid.txt", "h i j k __label__x\n"),
    ]);
    assert_eq!(
        (texts(&corpus, Train), texts(&corpus, Valid)),
        (
            ["a b", "c d", "e f g"].map(String::from).to_vec(),
            vec!["h i j k".into()]
        )
    );
    let counts = [Train, Valid, Test].map(|role| corpus.labelled_documents(role));
    assert_eq!(
        (corpus.documents(Train), counts, corpus.training_labels()),
        (2, [2, 1, 0], 2)
    );
    let files = corpus.files();
    assert_eq!((files[0].labelled, files[1].role), (2, Valid));
}

#[test]
fn a_smaller_share_is_a_subset_of_a_larger_one() {
    let (corpus, _) = read(&[
        file("a.txt", &lines(200, "__label__x")),
        file("valid.txt", "v w x y __label__x\n"),
    ]);
    let lines_of_share = |fraction| {
        let share = Some(corpus.share(fraction, &ALL).expect("readable"));
        let selected = labelled(&corpus, Train, Selection { share, ..ALL });
        selected
            .iter()
            .map(|document| document.line)
            .collect::<BTreeSet<_>>()
    };
    let (small, large) = (lines_of_share(0.05), lines_of_share(0.5));
    assert_eq!(
        (small.len(), large.len(), lines_of_share(1.0).len()),
        (10, 100, 200)
    );
    assert!(small.is_subset(&large));
}

#[test]
fn a_pair_task_skips_single_texts() {
    let text = "a b\tc d __label__x\nno tab here __label__x\ne f\tg h __label__y\nplain text\n";
    let (corpus, _) = read(&[
        file("a.txt", text),
        file("test.txt", "also none __label__y\n"),
    ]);
    assert_eq!(
        corpus.singles(&[Train, Valid, Test], &ALL),
        Ok(Some((2, 2)))
    );
    let pairs = Selection { pairs: true, ..ALL };
    assert!([Train, Valid].iter().all(|&role| {
        labelled(&corpus, role, pairs)
            .iter()
            .all(|d| d.second.is_some())
    }));
    assert_eq!(
        [Train, Valid, Test].map(|role| corpus.holds_pairs(role)),
        [Ok(true), Ok(true), Ok(false)]
    );
    assert_eq!(
        (
            corpus.singles(&[Train, Valid, Test], &pairs),
            labelled(&corpus, Test, pairs).len()
        ),
        (Ok(None), 0)
    );
}

#[test]
fn sentences_come_from_blocks_of_lines_or_from_punctuation() {
    let sentences = |text: &str| {
        let (corpus, _) = read(&[file("a.txt", text), file("valid.txt", "held out text\n")]);
        sentences_of(&corpus, Train)
    };
    assert_eq!(
        sentences("one a. two b.\nthree c\n"),
        ["one a.|two b.", "three c"]
    );
    assert_eq!(
        sentences("one a. two b.\nthree c\n\nfour d\nfive e\n"),
        ["one a. two b.|three c", "four d|five e"]
    );
    assert_eq!(
        sentences("one a.\nb c __label__x\n\nfour d\nfive e\n").len(),
        4
    );
}

#[test]
fn without_validation_file_a_tenth_of_the_labelled_documents_is_held_out_and_of_many_another_tenth()
{
    for (n, held_out, tested) in [
        (1, 0, 0),
        (2, 1, 0),
        (19, 1, 0),
        (999, 99, 0),
        (1000, 100, 100),
        (30_000, 2000, 2000),
    ] {
        let text = lines(n, "__label__x") + &lines(0, "");
        let (corpus, _) = read(&[
            file("a.txt", &text),
            file("more.txt", "no label here at all\n"),
        ]);
        assert_eq!(labelled(&corpus, Valid, ALL).len(), held_out, "{n}");
        assert_eq!(labelled(&corpus, Test, ALL).len(), tested, "{n}");
        assert_eq!(
            labelled(&corpus, Train, ALL).len(),
            n - held_out - tested,
            "{n}"
        );
        assert_eq!(
            texts(&corpus, Train).len(),
            n + 1 - held_out - tested,
            "{n}"
        );
        let held_out_texts: BTreeSet<String> = [Valid, Test]
            .iter()
            .flat_map(|role| texts(&corpus, *role))
            .collect();
        assert_eq!(held_out_texts.len(), held_out + tested);
        assert!(
            texts(&corpus, Train)
                .iter()
                .all(|text| !held_out_texts.contains(text))
        );
    }
}

#[test]
fn texts_without_labels_are_held_out_beside_few_labelled_ones() {
    for (unlabelled, labels, held_out) in [
        (1000, 100, 60),
        (1000, 600, 60),
        (1000, 10, 51),
        (1000, 1, 0),
        (10, 40, 4),
    ] {
        let (corpus, _) = read(&[
            file("a.txt", &lines(labels, "__label__x")),
            file("b.txt", &lines(unlabelled, "").replace("text", "other")),
        ]);
        let found = texts(&corpus, Valid).len();
        assert_eq!(found, held_out, "{unlabelled} beside {labels}");
        let held_out_labels = if labels == 1 { 0 } else { (labels / 10).max(1) };
        assert_eq!(labelled(&corpus, Valid, ALL).len(), held_out_labels);
        assert_eq!(texts(&corpus, Train).len(), unlabelled + labels - held_out);
    }
}

#[test]
fn repeated_texts_without_labels_are_not_all_held_out() {
    let repeated: String = (0..1000)
        .map(|i| format!("line number {} here\n", i % 20))
        .collect();
    let labels = lines(40, "__label__x");
    let (corpus, _) = read(&[file("a.txt", &labels), file("b.txt", &repeated)]);
    let found = texts(&corpus, Valid).len();
    assert!(found <= 4 + 2 * 50, "{found} of 1,040");
    assert_eq!(labelled(&corpus, Valid, ALL).len(), 4);
}

#[test]
fn the_held_out_texts_do_not_depend_on_their_order_or_repetition() {
    let forward = lines(50, "__label__x");
    let backward: String = forward
        .lines()
        .rev()
        .map(|line| format!("{line}\n{}\n", line.replace("__label__x", "")))
        .collect();
    let held_out_texts = |text: &str| {
        let (corpus, _) = read(&[file("a.txt", text)]);
        let held_out_texts: BTreeSet<String> = texts(&corpus, Valid).into_iter().collect();
        assert!(
            texts(&corpus, Train)
                .iter()
                .all(|text| !held_out_texts.contains(text))
        );
        held_out_texts
    };
    assert_eq!(held_out_texts(&forward), held_out_texts(&backward));
    assert_eq!(
        held_out_texts(&"same text again and again __label__x\n".repeat(9)),
        BTreeSet::new()
    );
}

#[test]
fn without_labels_a_twentieth_of_a_larger_corpus_is_held_out() {
    for (n, held_out) in [(3, 0), (19, 0), (20, 1), (1000, 50)] {
        let (corpus, _) = read(&[file("a.txt", &lines(n, ""))]);
        assert_eq!(
            (texts(&corpus, Valid).len(), texts(&corpus, Train).len()),
            (held_out, n - held_out)
        );
    }
}

#[test]
fn a_bad_file_among_good_ones_is_left_out_with_a_warning() {
    let good = file("a.txt", "one two three four five six\n");
    let (corpus, warnings) = read(&[
        good.clone(),
        file("empty.txt", ""),
        file("b.pdf", "%PDF-1.7"),
    ]);
    assert_eq!(
        (corpus.files().len(), warnings.as_slice()),
        (1, &["file-refused"; 2][..])
    );
    for (files, code) in [
        (vec![], "no-files"),
        (vec![file("e", "")], "empty-file"),
        (vec![file("e", "\u{feff}")], "empty-file"),
        (vec![file("e", " \n\n")], "no-text"),
        (vec![file("e", "x\n\ny\n")], "too-little-text"),
        (vec![file("e", ""), file("f", "%PDF-")], "empty-file"),
    ] {
        let error = Corpus::read(&Opened::new(&files), &ReadOptions::default())
            .err()
            .expect("refused");
        let error = if let DataError::NothingUsable { first, .. } = error {
            *first
        } else {
            error
        };
        assert_eq!(error.code(), code);
    }
}

#[test]
fn monotonous_text_is_reported() {
    for (text, expected) in [
        ("spam spam spam spam\n", &["few-words"][..]),
        ("yes no\n", &["few-words"]),
        ("the man went to a store\n", &[]),
        ("人人生而自由在尊嚴和權利上一律平等\n", &[]),
    ] {
        assert_eq!(read(&[file("a.txt", text)]).1, expected, "{text}");
    }
}

#[test]
fn a_limit_shortens_the_training_documents_only() {
    let (corpus, _) = read(&[
        file("a.txt", &lines(9, "__label__x")),
        file("valid.txt", &lines(5, "__label__x")),
    ]);
    let three = Selection {
        limit: Some(3),
        ..ALL
    };
    assert_eq!(
        (
            labelled(&corpus, Train, three).len(),
            labelled(&corpus, Valid, three).len()
        ),
        (3, 5)
    );
}

#[test]
fn copies_are_counted_across_files() {
    let once = lines(10, "");
    for (files, expected) in [
        (vec![file("a.txt", &once)], &[][..]),
        (
            vec![file("a.txt", &once), file("b.txt", &once)],
            &["repeated-documents"],
        ),
        (
            vec![file("a.txt", &"the very same words once more\n".repeat(40))],
            &["repeated-documents"],
        ),
    ] {
        assert_eq!(read(&files).1, expected);
    }
}

/// A table may lack columns that another one has; a column that no table has is an error.
#[test]
fn a_table_may_lack_columns_of_another_one() {
    let with_columns = |text: Option<&str>, label: Option<&str>| ReadOptions {
        text_column: text.map(Into::into),
        label_column: label.map(Into::into),
        ..ReadOptions::default()
    };
    let train = || {
        file(
            "train.csv",
            "id,comment,toxic,rude\n1,one two three,0,1\n2,four five six,1,0\n",
        )
    };
    let options = with_columns(Some("comment"), Some("toxic,rude"));
    for (text, unlabelled_text, expected) in [
        (
            "id,comment\n7,a text of words\n",
            "a text of words",
            "lacks label columns",
        ),
        (
            "id,comment,toxic\n7,a text of words,1\n",
            "a text of words",
            "lacks label columns",
        ),
        ("id,text\n7,words\n", "words", "lacks text and label"),
        // An index column written by a spreadsheet or by pandas has no name.
        (
            ",comment\n7,a text of words\n",
            "a text of words",
            "lacks label columns",
        ),
    ] {
        for max_held_bytes in [u64::MAX, 0] {
            let files = [train(), file("more.csv", text)];
            let (corpus, warnings) =
                Corpus::read_with_memory_limit(&Opened::new(&files), &options, max_held_bytes)
                    .expect("usable");
            let all = documents(&corpus, Train, ALL)
                .into_iter()
                .chain(documents(&corpus, Valid, ALL));
            let more: Vec<Document> = all.filter(|document| document.file == 1).collect();
            assert_eq!(
                more.iter()
                    .map(|document| document.text.as_str())
                    .collect::<Vec<_>>(),
                [unlabelled_text]
            );
            assert!(
                more.iter().all(|document| document.labels.is_empty()),
                "{more:?}"
            );
            assert_eq!(corpus.first_of(1, 5).expect("readable").len(), 1);
            let Some((_, message)) = warnings.iter().find(|(code, _)| *code == "other-columns")
            else {
                panic!("{warnings:?}")
            };
            assert!(message.to_string().contains(expected), "{message}");
        }
    }
    let named = [
        train(),
        file("valid.jsonl", "{\"text\":\"a b\",\"toxic\":1,\"rude\":1}\n"),
    ];
    let (corpus, warnings) = Corpus::read(&Opened::new(&named), &options).expect("usable");
    assert_eq!(labelled(&corpus, Valid, ALL)[0].labels, ["toxic", "rude"]);
    assert!(
        warnings
            .iter()
            .any(|(_, message)| message.to_string().contains("lacks the text column")),
        "{warnings:?}"
    );
    let unknown = Corpus::read(
        &Opened::new(&[train(), file("more.csv", "id,comment\n7,a\n")]),
        &with_columns(None, Some("toxik")),
    );
    assert_eq!(
        unknown.err().map(|error| error.code()),
        Some("nothing-usable")
    );
    // Lines of text have no columns: next to a table with the requested columns they are accepted,
    // otherwise they are refused.
    let lines = || file("a.txt", "lines of text\n");
    let unknown = Corpus::read(
        &Opened::new(&[train(), lines()]),
        &with_columns(None, Some("toxik")),
    );
    assert_eq!(
        unknown.err().map(|error| error.code()),
        Some("nothing-usable")
    );
    let (corpus, warnings) =
        Corpus::read(&Opened::new(&[train(), lines()]), &options).expect("usable");
    assert_eq!(corpus.files().len(), 2);
    assert!(
        warnings
            .iter()
            .any(|(_, message)| message.to_string().contains("read as lines of text")),
        "{warnings:?}"
    );
}

/// A file that counts how often it and others sharing the counter are opened.
struct Counted {
    text: &'static str,
    opened: Rc<Cell<usize>>,
}

impl ByteSource for Counted {
    fn size(&self) -> u64 {
        self.text.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        self.opened.set(self.opened.get() + 1);
        Ok(Box::new(self.text.as_bytes()))
    }
}

/// Returns how often files are opened to read a corpus of `count` files of lines followed by a
/// table.
fn opens(count: usize, options: &ReadOptions) -> usize {
    let opened = Rc::new(Cell::new(0));
    let file = |name: String, text| {
        InputFile::new(
            name,
            Rc::new(Counted {
                text,
                opened: opened.clone(),
            }),
            None,
        )
    };
    let lines = (0..count).map(|number| file(format!("a/{number}.txt"), "lines of text\n"));
    let files: Vec<InputFile> = lines
        .chain([file("b.csv".into(), "id,comment\n7,a text of words\n")])
        .collect();
    let (corpus, _) = Corpus::read(&Opened::new(&files), options).expect("usable");
    assert_eq!(corpus.files().len(), files.len());
    opened.get()
}

/// Reading a folder takes time linear in its number of files, even if only the last one has the
/// requested columns.
#[test]
fn the_number_of_opens_is_linear_in_the_number_of_files() {
    let named = ReadOptions {
        text_column: Some("comment".into()),
        ..ReadOptions::default()
    };
    for options in [ReadOptions::default(), named] {
        let (few, many, more) = (
            opens(50, &options),
            opens(100, &options),
            opens(150, &options),
        );
        assert_eq!(more - many, many - few, "{few}, {many} and {more} times");
    }
}

#[test]
fn labels_given_by_hand_replace_those_of_the_files() {
    let files = [
        file("train.txt", "one\ntwo __label__a\nthree __label__b\n"),
        file("notes/x.txt", "four\n"),
    ];
    let annotations = [
        ("one", vec!["b"]),
        ("two", vec!["b", "c"]),
        ("four", vec!["c"]),
    ];
    let options = ReadOptions {
        annotations: annotations
            .map(|(text, labels)| (text.into(), labels.into_iter().map(String::from).collect()))
            .into(),
        ..ReadOptions::default()
    };
    for limit in [u64::MAX, 0] {
        let opened = Opened::new(&files);
        let (corpus, _) = Corpus::read_with_memory_limit(&opened, &options, limit).expect("usable");
        let mut found = Vec::new();
        corpus
            .each(
                Train,
                &Selection {
                    with_set_aside: true,
                    ..ALL
                },
                &mut |document| {
                    found.push((document.text.clone(), document.labels.join(" ")));
                    Ok::<(), DataError>(())
                },
            )
            .expect("readable");
        found.sort();
        let expected = [("four", "c"), ("one", "b"), ("three", "b"), ("two", "b c")]
            .map(|(text, labels)| (text.to_string(), labels.to_string()));
        assert_eq!(found, expected);
    }
}
