//! Files -> documents by use: what pre-training reads, what the classifier learns from, and what is held out. It
//! decides roles and the validation split; it does not know tokens. A small corpus is held in memory; of a large one,
//! only what one look at it told: its files are read again each time its documents are asked for.

mod folders;
mod label_names;
mod near_duplicates;
mod other_columns;
mod roles;
mod select;
mod split;
mod stats;
mod traits;

pub use near_duplicates::NearDuplicateCounts;
#[cfg(feature = "archives")]
pub(crate) use roles::split_role;
pub use select::{LOOKED_AT, Selection};

use super::byte_source::InputFile;
use super::error::DataError;
use super::file::{ReadFile, Warning};
use super::label_map::Renaming;
use super::packed::Opened;
use super::table::{ReadOptions, TextColumns};
use folders::FolderClass;
use near_duplicates::Excluded;
use other_columns::{has_columns, lacking};
use protocol::{FileReport, FileRole};
use split::{CorpusSplit, SplitFile};
use stats::{CorpusStats, MAX_HELD_OUT, text_hash};
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::ControlFlow;

/// One line of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Without labels.
    pub text: String,
    /// The second text of a pair.
    pub second: Option<String>,
    /// Without prefix, each once, in the order of the line.
    pub labels: Vec<String>,
    /// Which of the corpus's files it stands in, from 0.
    pub file: u32,
    /// Its line in that file, from 1.
    pub line: u64,
    /// Which block of lines it stands in; blank lines and the ends of files part blocks.
    pub block: u64,
}

impl Document {
    /// Its one or two texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.text.as_str()).chain(self.second.as_deref())
    }

    /// Its text as a classifier takes it: the two texts of a pair have a tab between them.
    pub fn joined(&self) -> String {
        self.texts().collect::<Vec<_>>().join("\t")
    }
}

/// Documents of the training files that are not trained on.
#[derive(Default)]
struct HeldOutHashes {
    /// Of their texts.
    hashes: BTreeSet<u64>,
    documents: Vec<Document>,
}

impl HeldOutHashes {
    fn labels(&self) -> impl Iterator<Item = &String> {
        self.documents.iter().flat_map(|document| &document.labels)
    }

    /// Takes `document` where it was chosen.
    fn takes(&mut self, document: &Document) -> bool {
        let is_chosen = self.hashes.contains(&text_hash(document));
        self.documents.extend(is_chosen.then(|| document.clone()));
        is_chosen
    }
}

/// All documents of a project, by use.
pub struct Corpus {
    train: CorpusSplit,
    valid: CorpusSplit,
    test: CorpusSplit,
    /// Training documents that validate, where no file holds validation documents.
    valid_aside: HeldOutHashes,
    /// Training documents that test, where no file holds documents for either and there are many.
    test_aside: HeldOutHashes,
    /// Whether the documents that were set aside to validate are trained on all the same.
    trains_on_all: bool,
    near_duplicates: Excluded,
    files: Vec<FileReport>,
    /// Columns of tables that look like labels, where none was taken for them.
    label_candidates: Vec<String>,
    renamed: Renaming,
    /// The columns that the text of each training file is read from.
    train_columns: Vec<Option<TextColumns>>,
    fingerprint: String,
    /// Whether blocks are documents and lines their sentences, as in BERT's published format.
    lines_are_sentences: bool,
}

impl Corpus {
    /// Reads `files`. A file that cannot be used is left out with a warning, as long as another one can.
    ///
    /// # Errors
    /// When no file can be used or there is next to no text.
    pub fn read(files: &Opened, options: &ReadOptions) -> Result<(Self, Vec<Warning>), DataError> {
        Self::read_holding(files, options, MAX_HELD_BYTES)
    }

    /// As [`Self::read`], with at most `most_held` bytes of documents of each role in memory.
    ///
    /// # Errors
    /// As there.
    pub fn read_holding(
        files: &Opened,
        options: &ReadOptions,
        most_held: u64,
    ) -> Result<(Self, Vec<Warning>), DataError> {
        let part = || CorpusSplit {
            held: Some(Vec::new()),
            ..CorpusSplit::default()
        };
        let mut corpus = Self {
            train: part(),
            valid: part(),
            test: part(),
            valid_aside: HeldOutHashes::default(),
            test_aside: HeldOutHashes::default(),
            trains_on_all: false,
            near_duplicates: Excluded::default(),
            files: Vec::new(),
            label_candidates: Vec::new(),
            renamed: Renaming::default(),
            train_columns: Vec::new(),
            fingerprint: String::new(),
            lines_are_sentences: false,
        };
        let mut warnings = Vec::new();
        let given = files.files.len() + files.refused.len();
        let (files, mut refused) = (files.files.as_slice(), files.refused.clone());
        let roles = roles::roles(files);
        warnings.extend(roles::warning(files, &roles));
        let classes = folders::classes(files, options);
        warnings.extend(classes.as_deref().map(folders::warning));
        let any_has_columns = LazyCell::new(|| has_columns(files, options));
        for (place, (file, role)) in files.iter().zip(roles).enumerate() {
            let class = classes.as_ref().and_then(|classes| classes[place].clone());
            let added = match corpus.add(file, role, options, class, most_held) {
                Err(DataError::NoColumn { .. } | DataError::NotATable { .. })
                    if *any_has_columns =>
                {
                    let (options, warning) = lacking(file, options);
                    let added = corpus.add(file, role, &options, None, most_held);
                    added.map(|found| std::iter::once(warning).chain(found).collect())
                }
                added => added,
            };
            match added {
                Ok(found) => warnings.extend(found),
                Err(error) => refused.push(error),
            }
        }
        corpus.check(given, &refused)?;
        corpus.lines_are_sentences = corpus.train.looks_like_blocks();
        warnings.extend(
            refused
                .iter()
                .map(|error| ("file-refused", format!("{error}. {}", error.hint()))),
        );
        warnings.extend(
            corpus
                .train
                .monotony_warning()
                .or_else(|| corpus.train.repetition_warning()),
        );
        warnings.extend(corpus.leak_warning());
        corpus.identify();
        corpus.hold_out()?;
        warnings.extend(corpus.unused_settings_warning(options));
        warnings.extend(label_names::warnings(&corpus.label_counts()));
        if corpus.train.survey.labelled > 0 {
            warnings.extend(label_names::unmapped(
                &corpus.renamed.unused(&options.label_map),
            ));
        }
        Ok((corpus, warnings))
    }

    fn add(
        &mut self,
        file: &InputFile,
        role: FileRole,
        options: &ReadOptions,
        class: Option<FolderClass>,
        most_held: u64,
    ) -> Result<Vec<Warning>, DataError> {
        let part = match role {
            FileRole::Train => &mut self.train,
            FileRole::Valid => &mut self.valid,
            FileRole::Test => &mut self.test,
        };
        let first_block = part.survey.blocks;
        let number = self.files.len() as u32;
        let (mut survey, mut documents) =
            (CorpusStats::default(), part.held.is_some().then(Vec::new));
        let part_file = SplitFile {
            file: file.clone(),
            options: options.clone(),
            number,
            first_block,
            class,
        };
        let ReadFile {
            encoding,
            dropped,
            columns,
            text_columns,
            label_candidates,
            renamed,
            warnings,
        } = part_file.read(&mut |mut document| {
            survey.take(&document);
            if part.survey.bytes + survey.bytes > most_held {
                documents = None;
            }
            document.block += first_block;
            document.file = number;
            if let Some(documents) = &mut documents {
                documents.push(document);
            }
            ControlFlow::Continue(())
        })?;
        self.files.push(FileReport {
            name: file.name.clone(),
            role,
            bytes: file.content.size(),
            encoding,
            documents: survey.documents,
            labelled: survey.labelled,
            dropped,
            columns,
        });
        part.survey.join(survey);
        part.files.push(part_file);
        self.label_candidates.extend(label_candidates);
        self.renamed.join(renamed);
        self.train_columns
            .extend((role == FileRole::Train).then_some(text_columns));
        part.hold(documents);
        Ok(warnings)
    }

    fn check(&self, files: usize, refused: &[DataError]) -> Result<(), DataError> {
        if self.files.is_empty() {
            let first = refused.first().cloned().ok_or(DataError::NoFiles)?;
            return Err(DataError::NothingUsable {
                files,
                first: Box::new(first),
            });
        }
        let characters = [&self.train, &self.valid, &self.test]
            .map(|part| part.survey.characters)
            .iter()
            .sum();
        if characters < MIN_CHARACTERS {
            return Err(DataError::TooLittleText {
                characters,
                needed: MIN_CHARACTERS,
            });
        }
        Ok(())
    }

    fn identify(&mut self) {
        for byte in [&self.train, &self.valid, &self.test]
            .iter()
            .flat_map(|part| part.survey.digest())
        {
            // Writing to a string cannot fail.
            let _ = write!(self.fingerprint, "{byte:02x}");
        }
    }

    /// Sets validation documents aside where no file holds any: labelled ones where there are labels. Of many labelled ones,
    /// as many test where no file holds test documents, since validation chooses between models. They are chosen by their
    /// text alone, so that equal texts stay together and adding documents moves few others.
    fn hold_out(&mut self) -> Result<(), DataError> {
        let (train, valid) = (&self.train.survey, &self.valid.survey);
        let most = |n: u64, one_in: u64| ((n / one_in) as usize).min(MAX_HELD_OUT);
        if train.labelled > 0 && valid.labelled == 0 {
            let wanted = most(train.labelled, HELD_OUT_LABELLED).max(1);
            self.valid_aside.hashes = train.with_labels.chosen(0..wanted);
            if self.test.survey.labelled == 0 && train.labelled >= MIN_LABELLED_FOR_TEST {
                self.test_aside.hashes = train.with_labels.chosen(wanted..2 * wanted);
            }
        } else if valid.documents == 0 {
            self.valid_aside.hashes = train.all.chosen(0..most(train.documents, HELD_OUT_TEXTS));
        }
        if self.valid_aside.hashes.is_empty() {
            return Ok(());
        }
        // A document without label but with the text of a held-out one goes too: pre-training must not see it.
        let Self {
            train,
            valid_aside,
            test_aside,
            ..
        } = self;
        let mut takes =
            |document: &Document| valid_aside.takes(document) || test_aside.takes(document);
        if let Some(held) = &mut train.held {
            held.retain(|document| !takes(document));
            return Ok(());
        }
        train.each(&mut |document| {
            takes(&document);
            Ok::<(), DataError>(())
        })
    }

    /// Whether a document of the training files is not trained on.
    fn is_set_aside(&self, document: &Document) -> bool {
        let aside = [&self.valid_aside, &self.test_aside];
        if aside.iter().all(|aside| aside.hashes.is_empty()) {
            return false;
        }
        let hash = text_hash(document);
        aside.iter().any(|aside| aside.hashes.contains(&hash))
    }
}

impl Corpus {
    /// One row per file.
    pub fn files(&self) -> &[FileReport] {
        &self.files
    }

    /// The columns that all tables of training text are read from; nothing where they differ, or where one has no header.
    pub fn text_columns(&self) -> Option<TextColumns> {
        let (first, others) = self.train_columns.split_first()?;
        first
            .clone()
            .filter(|_| others.iter().all(|columns| columns == first))
    }

    /// A number for all texts and labels in order: two corpora with the same one give the same batches.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether the words of the training text are several letters without spaces between them, as in Thai and Japanese.
    pub fn hides_words(&self) -> bool {
        self.train.survey.unspaced.hides_words()
    }

    /// Whether training documents are read from their files each time.
    pub fn is_read_again(&self) -> bool {
        self.train.held.is_none()
    }

    /// Whether documents were set aside to validate since no file holds any.
    pub fn sets_validation_aside(&self) -> bool {
        !self.valid_aside.documents.is_empty()
    }

    /// Trains on the documents that were set aside to validate too, behind all others, or no longer: for cross-validation.
    pub fn train_on_all(&mut self, on_all: bool) {
        self.trains_on_all = on_all;
    }

    /// Whether they are, at present.
    pub fn trains_on_all(&self) -> bool {
        self.trains_on_all
    }

    /// Documents of the training files that validate and that test.
    fn aside(&self) -> [&[Document]; 2] {
        let valid = if self.trains_on_all {
            &[][..]
        } else {
            &self.valid_aside.documents
        };
        [valid, &self.test_aside.documents]
    }

    /// Number of documents of one use.
    pub fn documents(&self, role: FileRole) -> u64 {
        let [valid, test] = self.aside().map(|documents| documents.len() as u64);
        match role {
            FileRole::Train => self.train.survey.documents - valid - test,
            FileRole::Valid => self.valid.survey.documents + valid,
            FileRole::Test => self.test.survey.documents + test,
        }
    }

    /// Number of documents with labels of one use.
    pub fn labelled_documents(&self, role: FileRole) -> u64 {
        let labelled = |document: &&Document| !document.labels.is_empty();
        let [valid, test] = self
            .aside()
            .map(|documents| documents.iter().filter(labelled).count() as u64);
        match role {
            FileRole::Train => self.train.survey.labelled - valid - test,
            FileRole::Valid => self.valid.survey.labelled + valid,
            FileRole::Test => self.test.survey.labelled + test,
        }
    }

    /// Number of different labels that training documents carry.
    pub fn training_labels(&self) -> usize {
        let mut moved: BTreeMap<&str, u64> = BTreeMap::new();
        for label in self.valid_aside.labels().chain(self.test_aside.labels()) {
            *moved.entry(label).or_default() += 1;
        }
        let stays = |(label, count): &(&String, &u64)| moved.get(label.as_str()) != Some(*count);
        self.train.survey.labels.iter().filter(stays).count()
    }
}

/// Documents of one role that stay in memory: below this, reading them again would cost more than they take.
const MAX_HELD_BYTES: u64 = 64 << 20;

/// Fewer characters than this are not worth a message about sequence lengths.
const MIN_CHARACTERS: u64 = 4;

/// One labelled document in this many validates.
const HELD_OUT_LABELLED: u64 = 10;

/// Labelled documents from which as many test as validate, where no file holds either.
const MIN_LABELLED_FOR_TEST: u64 = 1000;

/// One document in this many is held out where none has labels.
const HELD_OUT_TEXTS: u64 = 20;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
