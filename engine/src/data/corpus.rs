//! Files -> documents by use: what pre-training reads, what the classifier learns from, and what is held out. It
//! decides roles and the validation split; it does not know tokens.

use super::error::DataError;
use super::file::{ReadFile, Warning, read_file};
use super::sentences::sentences;
use super::table::ReadOptions;
use protocol::{FileReport, FileRole};
use std::collections::BTreeSet;

/// One file as a host hands it over.
#[derive(Clone, Debug, PartialEq)]
pub struct InputFile {
    /// Name as the person sees it, with its folder where there is one.
    pub name: String,
    /// Content, possibly packed with gzip.
    pub bytes: Vec<u8>,
    /// What it is for; `None`: by its name.
    pub role: Option<FileRole>,
}

/// One line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Without labels.
    pub text: String,
    /// The second text of a pair.
    pub second: Option<String>,
    /// Without prefix, each once, in the order of the line.
    pub labels: Vec<String>,
    /// Its line in its file, from 1.
    pub line: u64,
    /// Which block of lines it stands in; blank lines and the ends of files part blocks.
    pub block: u64,
}

impl Document {
    /// Its one or two texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.text.as_str()).chain(self.second.as_deref())
    }
}

/// All documents of a project, by use.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    train: Vec<Document>,
    valid: Vec<Document>,
    test: Vec<Document>,
    files: Vec<FileReport>,
    /// Blocks of lines in all files so far.
    blocks: u64,
    /// Whether blocks are documents and lines their sentences, as in BERT's published format.
    lines_are_sentences: bool,
}

impl Corpus {
    /// Reads `files`. A file that cannot be used is left out with a warning, as long as another one can.
    ///
    /// # Errors
    /// When no file can be used or there is next to no text.
    pub fn read(files: &[InputFile], options: &ReadOptions) -> Result<(Self, Vec<Warning>), DataError> {
        let mut corpus = Self {
            train: Vec::new(),
            valid: Vec::new(),
            test: Vec::new(),
            files: Vec::new(),
            blocks: 0,
            lines_are_sentences: false,
        };
        let mut warnings = Vec::new();
        let mut refused = Vec::new();
        for (file, role) in files.iter().zip(roles(files)) {
            match read_file(&file.name, &file.bytes, options) {
                Ok(read) => warnings.extend(corpus.add(file, role, read)),
                Err(error) => refused.push(error),
            }
        }
        corpus.check(files.len(), &refused)?;
        corpus.lines_are_sentences = corpus.looks_like_blocks();
        warnings.extend(refused.iter().map(|error| ("file-refused", format!("{error}; {}", error.hint()))));
        warnings.extend(corpus.monotony_warning());
        corpus.hold_out();
        Ok((corpus, warnings))
    }

    fn add(&mut self, file: &InputFile, role: FileRole, mut read: ReadFile) -> Vec<Warning> {
        read.documents.iter_mut().for_each(|document| document.block += self.blocks);
        self.blocks = read.documents.last().map_or(self.blocks, |document| document.block + 1);
        self.files.push(FileReport {
            name: file.name.clone(),
            role,
            bytes: file.bytes.len() as u64,
            encoding: read.encoding,
            documents: read.documents.len() as u64,
            labelled: count_labelled(&read.documents),
            dropped: read.dropped,
        });
        match role {
            FileRole::Train => self.train.extend(read.documents),
            FileRole::Valid => self.valid.extend(read.documents),
            FileRole::Test => self.test.extend(read.documents),
        }
        read.warnings
    }

    fn check(&self, files: usize, refused: &[DataError]) -> Result<(), DataError> {
        if self.files.is_empty() {
            let first = refused.first().cloned().ok_or(DataError::NoFiles)?;
            return Err(DataError::NothingUsable { files, first: Box::new(first) });
        }
        let characters = self.documents().flat_map(Document::texts).map(count_characters).sum();
        if characters < MIN_CHARACTERS {
            return Err(DataError::TooLittleText { characters, needed: MIN_CHARACTERS });
        }
        Ok(())
    }

    fn documents(&self) -> impl Iterator<Item = &Document> {
        self.train.iter().chain(&self.valid).chain(&self.test)
    }

    /// Says so when the text repeats so few words that any score on it means nothing.
    fn monotony_warning(&self) -> Option<Warning> {
        let (mut words, mut characters) = (BTreeSet::new(), BTreeSet::new());
        for text in self.train.iter().flat_map(Document::texts) {
            words.extend(text.split_whitespace());
            characters.extend(text.chars());
            if words.len() >= VARIED_WORDS || characters.len() >= VARIED_CHARACTERS {
                return None;
            }
        }
        let message = format!("the training text has only {} different words: scores on it mean nothing", words.len());
        (!self.train.is_empty()).then_some(("few-words", message))
    }
}

impl Corpus {
    /// The same corpus with the first `n` training documents only: a quick look.
    pub fn with_limit(mut self, n: usize) -> Self {
        self.train.truncate(n);
        self
    }

    /// Tells which labelled training documents belong to a share of them: those whose texts hash lowest, so that a
    /// smaller share is a part of a larger one, whatever the order of the file.
    pub fn share_filter(&self, fraction: f64) -> impl Fn(&Document) -> bool + use<> {
        let mut hashes: Vec<u64> = self.labelled_train().map(text_hash).collect();
        hashes.sort_unstable();
        let kept = ((hashes.len() as f64 * fraction).round() as usize).max(1);
        let bound = hashes.get(kept - 1).copied().unwrap_or(u64::MAX);
        move |document| text_hash(document) <= bound
    }

    /// Keeps a share of the labelled training documents; those without labels stay.
    pub fn keep_labelled_share(&mut self, fraction: f64) {
        let keeps = self.share_filter(fraction);
        self.train.retain(|document| document.labels.is_empty() || keeps(document));
    }

    /// Leaves out labelled documents of one text: a pair task has no use for them. Gives how many, and the first line.
    pub fn keep_pairs(&mut self) -> Option<(u64, u64)> {
        let single = |document: &Document| !document.labels.is_empty() && document.second.is_none();
        let all = [&mut self.train, &mut self.valid, &mut self.test];
        let mut dropped: Option<(u64, u64)> = None;
        for documents in all {
            documents.iter().filter(|document| single(document)).for_each(|document| {
                dropped.get_or_insert((0, document.line)).0 += 1;
            });
            documents.retain(|document| !single(document));
        }
        dropped
    }

    /// What pre-training reads: every training document, without labels, both texts of a pair.
    pub fn pretraining_texts(&self) -> impl Iterator<Item = &str> {
        self.train.iter().flat_map(Document::texts)
    }

    /// What next-sentence prediction reads: each training document as its sentences.
    pub fn pretraining_sentences(&self) -> Vec<Vec<&str>> {
        self.sentences(&self.train)
    }

    /// What next-sentence prediction is measured on.
    pub fn held_out_sentences(&self) -> Vec<Vec<&str>> {
        self.sentences(&self.valid)
    }

    fn sentences<'a>(&self, documents: &'a [Document]) -> Vec<Vec<&'a str>> {
        if self.lines_are_sentences {
            let blocks = documents.chunk_by(|a, b| a.block == b.block);
            return blocks.map(|block| block.iter().flat_map(Document::texts).collect()).collect();
        }
        documents.iter().map(|document| document.texts().flat_map(sentences).collect()).collect()
    }

    /// Several blocks of a few lines each, and no labels: google-research/bert's `sample_text.txt`.
    fn looks_like_blocks(&self) -> bool {
        let blocks = self.train.chunk_by(|a, b| a.block == b.block).count();
        blocks >= 2
            && (2..=MOST_LINES_PER_BLOCK).contains(&(self.train.len() / blocks))
            && self.train.iter().all(|document| document.labels.is_empty())
    }

    /// What pre-training is measured on; shares no document with [`Self::pretraining_texts`].
    pub fn held_out_texts(&self) -> impl Iterator<Item = &str> {
        self.valid.iter().flat_map(Document::texts)
    }

    /// What the classifier learns from.
    pub fn labelled_train(&self) -> impl Iterator<Item = &Document> {
        labelled(&self.train)
    }

    /// What chooses thresholds and shows progress.
    pub fn labelled_valid(&self) -> impl Iterator<Item = &Document> {
        labelled(&self.valid)
    }

    /// What is measured at the end only.
    pub fn labelled_test(&self) -> impl Iterator<Item = &Document> {
        labelled(&self.test)
    }

    /// One row per file.
    pub fn files(&self) -> &[FileReport] {
        &self.files
    }

    /// Number of training documents, labelled or not.
    pub fn training_documents(&self) -> usize {
        self.train.len()
    }

    /// Sets validation documents aside where no file holds any: labelled ones where there are labels.
    fn hold_out(&mut self) {
        let labelled = count_labelled(&self.train) as usize;
        if labelled > 0 && count_labelled(&self.valid) == 0 {
            self.move_to_valid((labelled / HELD_OUT_LABELLED).clamp(1, MOST_HELD_OUT), |document| {
                !document.labels.is_empty()
            });
        } else if self.valid.is_empty() {
            self.move_to_valid((self.train.len() / HELD_OUT_TEXTS).min(MOST_HELD_OUT), |_| true);
        }
    }

    /// Moves about `wanted` of the training documents that are `eligible`, chosen by their text alone, so that equal
    /// texts stay together and adding documents moves few others. At least one distinct text remains.
    fn move_to_valid(&mut self, wanted: usize, eligible: impl Fn(&Document) -> bool) {
        let mut hashes: Vec<u64> = self.train.iter().filter(|document| eligible(document)).map(text_hash).collect();
        hashes.sort_unstable();
        let Some(&largest) = hashes.last() else { return };
        let bound = wanted.checked_sub(1).and_then(|last| hashes.get(last)).copied();
        let moves = |document: &Document| {
            let hash = text_hash(document);
            bound.is_some_and(|bound| hash <= bound) && hash < largest
        };
        // A document without label but with the text of a held-out one goes too: pre-training must not see it.
        let chosen: BTreeSet<u64> =
            self.train.iter().filter(|document| eligible(document) && moves(document)).map(text_hash).collect();
        let (valid, train) = self.train.drain(..).partition(|document| chosen.contains(&text_hash(document)));
        self.train = train;
        self.valid.extend::<Vec<Document>>(valid);
    }
}

/// Fewer characters than this are not worth a message about sequence lengths.
const MIN_CHARACTERS: u64 = 4;

/// Longer blocks are no documents: a stray blank line parted them.
const MOST_LINES_PER_BLOCK: usize = 200;

/// From this many different words, or different characters (text without spaces), text is varied enough to be scored.
const VARIED_WORDS: usize = 5;
const VARIED_CHARACTERS: usize = 8;

/// One labelled document in this many validates.
const HELD_OUT_LABELLED: usize = 10;

/// One document in this many is held out where none has labels.
const HELD_OUT_TEXTS: usize = 20;

/// More held-out documents cost time and tell nothing new.
const MOST_HELD_OUT: usize = 2000;

/// The role of each file, as given, else by name. Where that leaves no training file, what was only guessed trains:
/// a person who gives one file means to use it.
fn roles(files: &[InputFile]) -> Vec<FileRole> {
    let by_name = files.iter().map(|file| file.role.unwrap_or_else(|| role_by_name(&file.name)));
    let roles: Vec<FileRole> = by_name.collect();
    if roles.contains(&FileRole::Train) {
        return roles;
    }
    files.iter().map(|file| file.role.unwrap_or(FileRole::Train)).collect()
}

/// The role that a file's name tells as one of its words: `valid.txt`, `my-test.txt.gz`, but not `latest.txt`.
fn role_by_name(name: &str) -> FileRole {
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name).to_lowercase();
    let base = base.strip_suffix(".gz").unwrap_or(&base);
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    for word in stem.split(|c: char| !c.is_alphabetic()) {
        match word {
            "valid" | "validation" | "val" | "dev" | "eval" => return FileRole::Valid,
            "test" | "testing" => return FileRole::Test,
            _ => {}
        }
    }
    FileRole::Train
}

fn labelled(documents: &[Document]) -> impl Iterator<Item = &Document> {
    documents.iter().filter(|document| !document.labels.is_empty())
}

fn count_labelled(documents: &[Document]) -> u64 {
    labelled(documents).count() as u64
}

fn count_characters(text: &str) -> u64 {
    text.chars().filter(|c| !c.is_whitespace()).count() as u64
}

/// FNV-1a over the texts of a document, mixed by SplitMix64's finaliser (Steele et al. 2014): the same on every
/// platform.
fn text_hash(document: &Document) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in document.texts().flat_map(|text| text.bytes().chain([b'\t'])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> InputFile {
        InputFile { name: name.into(), bytes: text.into(), role: None }
    }

    fn read(files: &[InputFile]) -> (Corpus, Vec<&'static str>) {
        let (corpus, warnings) = Corpus::read(files, &ReadOptions::default()).expect("usable");
        (corpus, warnings.into_iter().map(|(code, _)| code).collect())
    }

    fn lines(n: usize, label: &str) -> String {
        (0..n).map(|i| format!("text number {i} {label}\n")).collect()
    }

    #[test]
    fn a_name_tells_the_role_as_a_word() {
        for (name, role) in [
            ("train.txt", FileRole::Train),
            ("valid.txt", FileRole::Valid),
            ("data/bert_valid2.txt.gz", FileRole::Valid),
            ("my-dev.TXT", FileRole::Valid),
            ("C:\\x\\test.txt", FileRole::Test),
            ("test/part1.txt", FileRole::Train),
            ("latest.txt", FileRole::Train),
            ("carnival devices", FileRole::Train),
            ("", FileRole::Train),
        ] {
            assert_eq!(role_by_name(name), role, "{name}");
        }
    }

    #[test]
    fn a_file_given_alone_is_trained_on() {
        let (corpus, _) = read(&[file("test.txt", "one two three four five\n")]);
        assert_eq!(corpus.pretraining_texts().count(), 1);
        let forced = InputFile { role: Some(FileRole::Test), ..file("a.txt", "one two three __label__x\n") };
        let (corpus, _) = read(&[forced]);
        assert_eq!((corpus.pretraining_texts().count(), corpus.labelled_test().count()), (0, 1));
    }

    #[test]
    fn labels_never_reach_the_pretraining_text() {
        let (corpus, _) = read(&[
            file("train.txt", "a b\tc d __label__x\n__label__y e f g\n"),
            file("valid.txt", "h i j k __label__x\n"),
        ]);
        assert_eq!(corpus.pretraining_texts().collect::<Vec<_>>(), ["a b", "c d", "e f g"]);
        assert_eq!(corpus.held_out_texts().collect::<Vec<_>>(), ["h i j k"]);
        let counts = [corpus.labelled_train().count(), corpus.labelled_valid().count(), corpus.labelled_test().count()];
        assert_eq!((corpus.training_documents(), counts), (2, [2, 1, 0]));
        let files = corpus.files();
        assert_eq!((files[0].labelled, files[1].role), (2, FileRole::Valid));
    }

    #[test]
    fn a_smaller_share_of_the_labels_is_a_part_of_a_larger_one() {
        let (corpus, _) = read(&[file("a.txt", &lines(200, "__label__x")), file("valid.txt", "v w x y __label__x\n")]);
        let kept = |fraction| {
            let mut corpus = corpus.clone();
            corpus.keep_labelled_share(fraction);
            corpus.labelled_train().map(|document| document.line).collect::<BTreeSet<_>>()
        };
        let (small, large) = (kept(0.05), kept(0.5));
        assert_eq!((small.len(), large.len(), kept(1.0).len()), (10, 100, 200));
        assert!(small.is_subset(&large));
    }

    #[test]
    fn a_pair_task_leaves_out_what_is_no_pair() {
        let text = "a b\tc d __label__x\nno tab here __label__x\ne f\tg h __label__y\nplain text\n";
        let (mut corpus, _) = read(&[file("a.txt", text), file("test.txt", "also none __label__y\n")]);
        assert_eq!(corpus.keep_pairs(), Some((2, 2)));
        assert!(corpus.labelled_train().chain(corpus.labelled_valid()).all(|document| document.second.is_some()));
        assert_eq!((corpus.keep_pairs(), corpus.labelled_test().count()), (None, 0));
    }

    #[test]
    fn sentences_come_from_blocks_of_lines_or_from_punctuation() {
        let sentences = |text: &str| {
            let (corpus, _) = read(&[file("a.txt", text), file("valid.txt", "held out text\n")]);
            corpus.pretraining_sentences().into_iter().map(|s| s.join("|")).collect::<Vec<_>>()
        };
        assert_eq!(sentences("one a. two b.\nthree c\n"), ["one a.|two b.", "three c"]);
        assert_eq!(sentences("one a. two b.\nthree c\n\nfour d\nfive e\n"), ["one a. two b.|three c", "four d|five e"]);
        assert_eq!(sentences("one a.\nb c __label__x\n\nfour d\nfive e\n").len(), 4);
    }

    #[test]
    fn without_validation_file_a_tenth_of_the_labelled_documents_is_held_out() {
        for (n, held_out) in [(1, 0), (2, 1), (19, 1), (100, 10), (30_000, 2000)] {
            let text = lines(n, "__label__x") + &lines(0, "");
            let (corpus, _) = read(&[file("a.txt", &text), file("more.txt", "no label here at all\n")]);
            assert_eq!(corpus.labelled_valid().count(), held_out, "{n}");
            assert_eq!(corpus.labelled_train().count(), n - held_out, "{n}");
            assert_eq!(corpus.pretraining_texts().count(), n + 1 - held_out, "{n}");
            let held: BTreeSet<&str> = corpus.held_out_texts().collect();
            assert!(corpus.pretraining_texts().all(|text| !held.contains(text)));
        }
    }

    #[test]
    fn the_held_out_texts_do_not_depend_on_their_order_or_repetition() {
        let forward = lines(50, "__label__x");
        let backward: String =
            forward.lines().rev().map(|line| format!("{line}\n{}\n", line.replace("__label__x", ""))).collect();
        let held = |text: &str| {
            let (corpus, _) = read(&[file("a.txt", text)]);
            let held: BTreeSet<String> = corpus.held_out_texts().map(Into::into).collect();
            assert!(corpus.pretraining_texts().all(|text| !held.contains(text)));
            held
        };
        assert_eq!(held(&forward), held(&backward));
        assert_eq!(held(&"same text again and again __label__x\n".repeat(9)), BTreeSet::new());
    }

    #[test]
    fn without_labels_a_twentieth_of_a_larger_corpus_is_held_out() {
        for (n, held_out) in [(3, 0), (19, 0), (20, 1), (1000, 50)] {
            let (corpus, _) = read(&[file("a.txt", &lines(n, ""))]);
            assert_eq!((corpus.held_out_texts().count(), corpus.pretraining_texts().count()), (held_out, n - held_out));
        }
    }

    #[test]
    fn a_bad_file_among_good_ones_is_left_out_with_a_warning() {
        let good = file("a.txt", "one two three four five six\n");
        let (corpus, warnings) = read(&[good.clone(), file("empty.txt", ""), file("b.pdf", "%PDF-1.7")]);
        assert_eq!((corpus.files().len(), warnings.as_slice()), (1, &["file-refused"; 2][..]));
        for (files, code) in [
            (vec![], "no-files"),
            (vec![file("e", "")], "empty-file"),
            (vec![file("e", "\u{feff}")], "empty-file"),
            (vec![file("e", " \n\n")], "no-text"),
            (vec![file("e", "x\n\ny\n")], "too-little-text"),
            (vec![file("e", ""), file("f", "%PDF-")], "empty-file"),
        ] {
            let error = Corpus::read(&files, &ReadOptions::default()).expect_err("refused");
            let error = if let DataError::NothingUsable { first, .. } = error { *first } else { error };
            assert_eq!(error.code(), code);
        }
    }

    #[test]
    fn monotonous_text_is_pointed_out() {
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
        let (corpus, _) = read(&[file("a.txt", &lines(9, "__label__x")), file("valid.txt", &lines(5, "__label__x"))]);
        let corpus = corpus.with_limit(3);
        assert_eq!((corpus.labelled_train().count(), corpus.labelled_valid().count()), (3, 5));
    }
}
