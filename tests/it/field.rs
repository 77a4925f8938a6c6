//! Files as users have them: each case reproduces the kind of file behind a public report.
//! `tests/field/README.md` lists the cases with their sources, and `tests/field/cases` contains
//! their files. Only stable properties are asserted: exit codes, labels, numbers of documents,
//! JSON, and single words of the messages (names of columns, flags and files), never sentences.

mod columns;
mod folders;
mod json;
mod languages;
mod lines;
mod models;
mod predict;
mod tables;
mod vectors;

use crate::lab::{Done, Lab, tiny};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Labels of most cases.
const NOUNS: &[&str] = &["boat", "song", "tree"];
/// The same labels with a second label that some documents have.
const NOUNS_AND_WET: &[&str] = &["boat", "song", "tree", "wet"];
/// Prefixes of progress lines on stderr, whose numbers must not be taken for counts.
const PROGRESS: [&str; 5] = [
    "step ",
    "valid after",
    "test after",
    "Done after",
    "the classifier is",
];

/// Runs cases in one lab and fails at the end with all faults, one line per case.
#[track_caller]
fn cases(run: impl FnOnce(&Bench)) {
    let bench = Bench {
        lab: Lab::new(),
        runs: Cell::new(0),
        faults: RefCell::default(),
    };
    run(&bench);
    let faults = bench.faults.into_inner();
    assert!(
        faults.is_empty(),
        "{} cases failed:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// A lab and the faults found in it so far.
struct Bench {
    lab: Lab,
    runs: Cell<usize>,
    faults: RefCell<Vec<String>>,
}

impl Bench {
    /// Runs a command. Words are separated by spaces, except inside `'` quotes; folders of cases
    /// are copied when they are named.
    fn run(&self, id: &'static str, words: &str) -> Case<'_> {
        self.start(id, words, None)
    }

    /// Runs a tiny training command with a new run directory.
    fn train(&self, id: &'static str, words: &str) -> Case<'_> {
        let out = self.new_out();
        self.start(
            id,
            &tiny(&format!("{words} --steps 3 --out {out}")),
            Some(out),
        )
    }

    /// Fine-tunes on a file; shorthand for `train`.
    fn finetune(&self, id: &'static str, words: &str) -> Case<'_> {
        self.train(id, &format!("finetune --train {words}"))
    }

    /// Runs a command with `input` on stdin.
    fn feed(&self, id: &'static str, words: &str, input: &[u8]) -> Case<'_> {
        self.copy_named(words);
        let done = self.lab.run_with(words, input);
        Case {
            bench: self,
            id,
            words: words.into(),
            out: None,
            done,
            failed: false,
        }
    }

    /// Fine-tunes a small classifier of `NOUNS`, for cases that only query it.
    fn classifier(&self, id: &'static str) -> String {
        let case = self.finetune(id, "base/train.txt").ok();
        case.out.expect("a training command has a run directory")
    }

    /// Returns a new name for a run directory.
    fn new_out(&self) -> String {
        self.runs.set(self.runs.get() + 1);
        format!("out-{}", self.runs.get())
    }

    /// Copies the folder of a case into the lab, unless it is already there.
    fn copy(&self, case: &str) {
        if !self.lab.path(case).exists() {
            copy_folder(&case_folder(case), &self.lab.path(case));
        }
    }

    fn copy_named(&self, words: &str) {
        let folders = words
            .split_whitespace()
            .filter_map(|word| word.split('/').next());
        folders
            .filter(|name| is_case(name))
            .for_each(|name| self.copy(name));
    }

    fn start(&self, id: &'static str, words: &str, out: Option<String>) -> Case<'_> {
        self.copy_named(words);
        let parts: Vec<String> = split(words);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Case {
            bench: self,
            id,
            words: words.into(),
            out,
            done: self.lab.run_of(&parts),
            failed: false,
        }
    }
}

/// A finished command. Its methods assert, and report the first fault of a case with its id.
struct Case<'a> {
    bench: &'a Bench,
    id: &'static str,
    words: String,
    out: Option<String>,
    done: Done,
    failed: bool,
}

impl Case<'_> {
    /// Asserts an arbitrary condition.
    fn holds(mut self, expected: &str, test: impl FnOnce(&Self) -> bool) -> Self {
        if !self.failed && !test(&self) {
            self.failed = true;
            let (id, words, code) = (self.id, &self.words, self.done.code);
            let end: Vec<&str> = self.messages().collect();
            let end = &end[end.len().saturating_sub(6)..];
            let end: String = end.iter().map(|line| format!("      {line}\n")).collect();
            let fault = format!(
                "  {id}: {expected}\n    {words}\n    exit code {code:?}, stderr ends:\n{end}"
            );
            self.bench.faults.borrow_mut().push(fault);
        }
        self
    }

    /// Asserts success.
    fn ok(self) -> Self {
        self.holds("should succeed", |case| case.done.code == Some(0))
    }

    /// Asserts a refusal: exit code 2, a reason and a hint at the end, no panic, no run directory.
    fn refused(self) -> Self {
        self.holds("should be refused with a reason and a hint", |case| {
            let lines: Vec<&str> = case.done.stderr.lines().collect();
            let [.., reason, hint] = lines.as_slice() else {
                return false;
            };
            let made = case
                .out
                .as_ref()
                .is_some_and(|out| case.bench.lab.path(out).exists());
            let worded = reason.starts_with("error: ") && hint.starts_with("hint: ");
            case.done.code == Some(2) && worded && !made && !case.done.stderr.contains("panicked")
        })
    }

    /// Asserts success and the set of labels.
    fn learns(self, labels: &[&str]) -> Self {
        let expected = format!(
            "should learn the labels {labels:?}, not {:?}",
            self.labels()
        );
        let labels: BTreeSet<String> = labels.iter().map(|label| label.to_string()).collect();
        self.ok().holds(&expected, |case| case.labels() == labels)
    }

    /// Asserts the number of labelled documents in the training and validation sets.
    fn labelled(self, count: u64) -> Self {
        let corpus = self.corpus();
        let found: u64 = ["labelled_train", "labelled_valid"]
            .iter()
            .filter_map(|key| corpus[key].as_u64())
            .sum();
        self.holds(
            &format!("should read {count} labelled documents, not {found}"),
            |_| found == count,
        )
    }

    /// Asserts the number of documents in all files.
    fn documents(self, count: u64) -> Self {
        let corpus = self.corpus();
        let files = corpus["files"].as_array().map_or(&[][..], Vec::as_slice);
        let found: u64 = files
            .iter()
            .filter_map(|file| file["documents"].as_u64())
            .sum();
        self.holds(
            &format!("should read {count} documents, not {found}"),
            |_| found == count,
        )
    }

    /// Asserts that the classifier reads sentence pairs.
    fn pairs(self) -> Self {
        self.holds("should read pairs of texts", |case| {
            case.config()["type_vocab_size"] == 2
        })
    }

    /// Asserts that each of `words` occurs in the messages.
    fn tells(self, words: &[&str]) -> Self {
        words
            .iter()
            .fold(self, |case, word| case.tells_one_of(&[word]))
    }

    /// Asserts that at least one of `words` occurs in the messages.
    fn tells_one_of(self, words: &[&str]) -> Self {
        self.holds(&format!("should tell of {words:?}"), |case| {
            words.iter().any(|word| case.mentions(word))
        })
    }

    /// Asserts that none of `words` occurs in the messages.
    fn lacks(self, words: &[&str]) -> Self {
        self.holds(&format!("should not tell of {words:?}"), |case| {
            !words.iter().any(|word| case.mentions(word))
        })
    }

    /// Asserts that the labels are learned, or that the file is refused with a message that
    /// contains each of `words`.
    fn learns_or_tells(self, labels: &[&str], words: &[&str]) -> Self {
        if self.done.code == Some(0) {
            self.learns(labels)
        } else {
            self.refused().tells(words)
        }
    }

    /// Asserts that each of `tokens` is in the vocabulary.
    fn knows(self, tokens: &[&str]) -> Self {
        tokens.iter().fold(self, |case, token| {
            case.holds(
                &format!("should have {token:?} in its vocabulary"),
                |case| case.vocabulary().contains(*token),
            )
        })
    }

    /// Asserts that no token of the vocabulary contains one of `parts`.
    fn ignores(self, parts: &[&str]) -> Self {
        parts.iter().fold(self, |case, part| {
            case.holds(
                &format!("should not have {part:?} in its vocabulary"),
                |case| !case.vocabulary().iter().any(|token| token.contains(part)),
            )
        })
    }

    /// Parses stdout as JSON, one value per line.
    fn answers(&self) -> Vec<Value> {
        self.done
            .stdout
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// Returns the names of the labels. Numeric names are normalised: `1.0` and `1` are equal.
    fn labels(&self) -> BTreeSet<String> {
        let config = self.config();
        let names = config["id2label"]
            .as_object()
            .into_iter()
            .flat_map(|names| names.values());
        let plain = |name: &str| {
            name.parse::<f64>()
                .map_or_else(|_| name.to_string(), |number| number.to_string())
        };
        names.filter_map(Value::as_str).map(plain).collect()
    }

    /// Returns the run's `config.json`, or null.
    fn config(&self) -> Value {
        serde_json::from_str(&self.written("config.json")).unwrap_or_default()
    }

    /// Returns the run's corpus report, or null.
    fn corpus(&self) -> Value {
        let journal = self.written("metrics.jsonl");
        let mut events = journal
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events
            .find(|event| event["event"] == "corpus")
            .unwrap_or_default()
    }

    fn vocabulary(&self) -> BTreeSet<String> {
        self.written("vocab.txt")
            .lines()
            .map(String::from)
            .collect()
    }

    /// Returns a file of the run directory; empty if it does not exist.
    fn written(&self, name: &str) -> String {
        let path = self
            .out
            .as_ref()
            .map(|out| self.bench.lab.path(out).join(name));
        path.and_then(|path| std::fs::read_to_string(path).ok())
            .unwrap_or_default()
    }

    /// Returns the lines of stderr that do not report progress.
    fn messages(&self) -> impl Iterator<Item = &str> {
        let is_message = |line: &&str| !PROGRESS.iter().any(|begin| line.starts_with(begin));
        self.done.stderr.lines().filter(is_message)
    }

    /// Returns whether a word occurs in a message, ignoring case; a number must occur as a whole
    /// number.
    fn mentions(&self, word: &str) -> bool {
        if word.bytes().all(|byte| byte.is_ascii_digit()) {
            return self
                .messages()
                .flat_map(numbers)
                .any(|number| number == word);
        }
        self.messages()
            .any(|line| line.to_lowercase().contains(&word.to_lowercase()))
    }
}

/// Returns the integers in a line; `1.5` is not one.
fn numbers(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|char: char| !char.is_ascii_digit() && char != '.');
    words
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty() && !word.contains('.'))
}

/// Splits words at spaces; spaces inside `'` quotes belong to a word.
fn split(words: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for char in words.chars() {
        match char {
            '\'' => quoted = !quoted,
            ' ' if !quoted => parts.push(String::new()),
            _ => parts.last_mut().expect("never empty").push(char),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn case_folder(case: &str) -> PathBuf {
    crate::workspace::root()
        .join("tests/field/cases")
        .join(case)
}

fn is_case(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && case_folder(name).is_dir()
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("writable");
    for entry in std::fs::read_dir(from).expect("a case's folder is readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, target).expect("writable");
        }
    }
}

#[test]
fn every_case_of_the_list_has_a_test() {
    let path = crate::workspace::root().join("tests/field/README.md");
    let list = std::fs::read_to_string(path).expect("the list of cases is readable");
    let tests = [
        include_str!("field/columns.rs"),
        include_str!("field/folders.rs"),
        include_str!("field/json.rs"),
        include_str!("field/languages.rs"),
        include_str!("field/lines.rs"),
        include_str!("field/models.rs"),
        include_str!("field/predict.rs"),
        include_str!("field/tables.rs"),
        include_str!("field/vectors.rs"),
    ]
    .concat();
    let rows = list
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let ids: Vec<&str> = rows.map(|(id, _)| id).filter(|id| *id != "id").collect();
    assert!(ids.len() > 100, "{ids:?}");
    let missing: Vec<_> = ids
        .into_iter()
        .filter(|id| !tests.contains(&format!("\"{id}\"")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
