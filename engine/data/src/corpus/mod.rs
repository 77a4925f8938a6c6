//! Groups the documents of the input files into training, validation and test splits. Assigns file
//! roles and holds out a validation set if no file provides one; does not know tokens. A small
//! corpus is held in memory; of a large one only statistics from a first pass are, and its files
//! are re-read on each iteration.

mod excluded;
mod folders;
mod label_names;
mod near_duplicates;
mod other_columns;
mod roles;
mod select;
mod selection;
mod split;
mod split_names;
mod stats;
mod traits;

pub use near_duplicates::NearDuplicateCounts;
pub use selection::{LOOKED_AT, Selection};
#[cfg(feature = "archives")]
pub(crate) use split_names::split_role;

use super::error::DataError;
use super::packed::Opened;
use super::table::{DocumentColumns, ReadOptions};
use crate::document::Document;
use crate::labels::label_map::Renaming;
use crate::reading::byte_source::InputFile;
use crate::reading::file::ReadFile;
use crate::reading::warning::Warning;
use excluded::Excluded;
use folders::FolderClass;
use other_columns::{has_columns, lacking};
use protocol::message;
use protocol::{FileReport, FileRole};
use split::{CorpusSplit, SplitFile};
use stats::{CorpusStats, MAX_HELD_OUT, text_hash};
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::ControlFlow;

/// Documents of the training files that are held out from training.
#[derive(Default)]
struct HeldOutHashes {
    /// Hashes of the texts to hold out.
    hashes: BTreeSet<u64>,
    documents: Vec<Document>,
}

impl HeldOutHashes {
    fn labels(&self) -> impl Iterator<Item = &String> {
        self.documents.iter().flat_map(|document| &document.labels)
    }

    /// Stores `document` if its text is to be held out, and returns whether it is.
    fn add_if_selected(&mut self, document: &Document) -> bool {
        let is_selected = self.hashes.contains(&text_hash(document));
        self.documents.extend(is_selected.then(|| document.clone()));
        is_selected
    }
}

/// Documents of a project, by split.
pub struct Corpus {
    train: CorpusSplit,
    valid: CorpusSplit,
    test: CorpusSplit,
    /// Training documents held out for validation, if no file provides validation documents.
    valid_aside: HeldOutHashes,
    /// Training documents held out for testing, if there are many and no file provides labelled
    /// validation or test documents.
    test_aside: HeldOutHashes,
    /// Whether training includes the documents held out for validation.
    trains_on_all: bool,
    near_duplicates: Excluded,
    files: Vec<FileReport>,
    /// Columns of tables that look like labels, if no label column was used.
    label_candidates: Vec<String>,
    renamed: Renaming,
    /// Columns of each training file.
    train_columns: Vec<Option<DocumentColumns>>,
    fingerprint: String,
    /// Whether blocks are documents and lines are sentences, as in BERT's published pre-training
    /// format.
    lines_are_sentences: bool,
}

impl Corpus {
    /// Reads `files`. An unusable file is skipped with a warning if at least one other file is
    /// usable.
    ///
    /// # Errors
    /// Returns an error if no file is usable or there is almost no text.
    pub fn read(files: &Opened, options: &ReadOptions) -> Result<(Self, Vec<Warning>), DataError> {
        Self::read_with_memory_limit(files, options, MAX_HELD_BYTES)
    }

    /// Same as [`Self::read`], with at most `max_held_bytes` bytes of documents per role in memory.
    ///
    /// # Errors
    /// Same as [`Self::read`].
    pub fn read_with_memory_limit(
        files: &Opened,
        options: &ReadOptions,
        max_held_bytes: u64,
    ) -> Result<(Self, Vec<Warning>), DataError> {
        let empty_split = || CorpusSplit {
            in_memory: Some(Vec::new()),
            ..CorpusSplit::default()
        };
        let mut corpus = Self {
            train: empty_split(),
            valid: empty_split(),
            test: empty_split(),
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
        let file_count = files.files.len() + files.refused.len();
        let (files, mut refused) = (files.files.as_slice(), files.refused.clone());
        let roles = roles::roles(files);
        warnings.extend(roles::warning(files, &roles));
        let classes = folders::classes(files, options);
        warnings.extend(classes.as_deref().map(folders::warning));
        let any_has_columns = LazyCell::new(|| has_columns(files, options));
        for (index, (file, role)) in files.iter().zip(roles).enumerate() {
            let class = classes.as_ref().and_then(|classes| classes[index].clone());
            let added = match corpus.add(file, role, options, class, max_held_bytes) {
                Err(DataError::NoColumn { .. } | DataError::NotATable { .. })
                    if *any_has_columns =>
                {
                    let (options, warning) = lacking(file, options);
                    let added = corpus.add(file, role, &options, None, max_held_bytes);
                    added.map(|found| std::iter::once(warning).chain(found).collect())
                }
                added => added,
            };
            match added {
                Ok(found) => warnings.extend(found),
                Err(error) => refused.push(error),
            }
        }
        corpus.check(file_count, &refused)?;
        corpus.lines_are_sentences = corpus.train.looks_like_blocks();
        warnings.extend(refused.iter().map(|error| {
            (
                "file-refused",
                message!(
                    "{error}. {hint}",
                    error = error.message(),
                    hint = error.hint()
                ),
            )
        }));
        warnings.extend(
            corpus
                .train
                .monotony_warning()
                .or_else(|| corpus.train.repetition_warning()),
        );
        warnings.extend(corpus.leak_warning());
        corpus.compute_fingerprint();
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
        max_held_bytes: u64,
    ) -> Result<Vec<Warning>, DataError> {
        let part = match role {
            FileRole::Train => &mut self.train,
            FileRole::Valid => &mut self.valid,
            FileRole::Test => &mut self.test,
        };
        let first_block = part.survey.blocks;
        let number = self.files.len() as u32;
        let (mut survey, mut documents) = (
            CorpusStats::default(),
            part.in_memory.is_some().then(Vec::new),
        );
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
            document_columns,
            label_candidates,
            renamed,
            warnings,
        } = part_file.read(&mut |mut document| {
            survey.take(&document);
            if part.survey.bytes + survey.bytes > max_held_bytes {
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
            .extend((role == FileRole::Train).then_some(document_columns));
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

    fn compute_fingerprint(&mut self) {
        for byte in [&self.train, &self.valid, &self.test]
            .iter()
            .flat_map(|part| part.survey.digest())
        {
            // Writing to a string cannot fail.
            let _ = write!(self.fingerprint, "{byte:02x}");
        }
    }

    /// Holds out validation documents if no file provides any: labelled ones if there are labels.
    /// If fewer than [`MIN_HELD_OUT_TEXTS`] labelled documents are held out, a twentieth of the
    /// unlabelled ones is held out too: the loss of a language model on so few texts is not
    /// reliable.
    /// If there are many labelled documents and no file provides labelled test documents, an equal
    /// number is held out for testing, because validation documents are used for model selection.
    /// Documents are chosen by text hash, so that equal texts stay together and adding documents
    /// changes the choice little.
    fn hold_out(&mut self) -> Result<(), DataError> {
        let (train, valid) = (&self.train.survey, &self.valid.survey);
        let capped = |n: u64, one_in: u64| ((n / one_in) as usize).min(MAX_HELD_OUT);
        if train.labelled > 0 && valid.labelled == 0 {
            let count = capped(train.labelled, HELD_OUT_LABELLED).max(1);
            self.valid_aside.hashes = train.with_labels.chosen(0..count);
            if self.test.survey.labelled == 0 && train.labelled >= MIN_LABELLED_FOR_TEST {
                self.test_aside.hashes = train.with_labels.chosen(count..2 * count);
            }
            let is_little = count < MIN_HELD_OUT_TEXTS && !self.valid_aside.hashes.is_empty();
            if is_little && valid.documents == 0 {
                let unlabelled = capped(train.documents - train.labelled, HELD_OUT_TEXTS);
                let mut texts = train.without_labels.chosen(0..unlabelled);
                texts.retain(|hash| !train.with_labels.stores(*hash));
                // A run that began with another split must not resume with this one.
                let _ = write!(self.fingerprint, "{:04x}", texts.len());
                self.valid_aside.hashes.extend(texts);
            }
        } else if valid.documents == 0 {
            self.valid_aside.hashes = train.all.chosen(0..capped(train.documents, HELD_OUT_TEXTS));
        }
        if self.valid_aside.hashes.is_empty() {
            return Ok(());
        }
        // Unlabelled documents with the text of a held-out one are removed too: pre-training must
        // not see them.
        let Self {
            train,
            valid_aside,
            test_aside,
            ..
        } = self;
        let mut takes = |document: &Document| {
            valid_aside.add_if_selected(document) || test_aside.add_if_selected(document)
        };
        if let Some(in_memory) = &mut train.in_memory {
            in_memory.retain(|document| !takes(document));
            return Ok(());
        }
        train.each(&mut |document| {
            takes(&document);
            Ok::<(), DataError>(())
        })
    }

    /// Returns whether a document of the training files is held out.
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
    /// Returns a report for each file.
    pub fn files(&self) -> &[FileReport] {
        &self.files
    }

    /// Returns the columns shared by all training files; `None` if their text columns differ or one
    /// has no column names. Without label columns if these differ.
    pub fn columns(&self) -> Option<DocumentColumns> {
        let (first, others) = self.train_columns.split_first()?;
        let first = first.clone()?;
        let texts = |columns: &DocumentColumns| (columns.names.clone(), columns.is_pair);
        let have = |is_equal: &dyn Fn(&DocumentColumns) -> bool| {
            others
                .iter()
                .all(|columns| columns.as_ref().is_some_and(is_equal))
        };
        if !have(&|columns| texts(columns) == texts(&first)) {
            return None;
        }
        let labels = if have(&|columns| columns.labels == first.labels) {
            first.labels
        } else {
            Vec::new()
        };
        Some(DocumentColumns { labels, ..first })
    }

    /// Returns a digest of all texts and labels in order. Corpora with equal fingerprints yield the
    /// same batches.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns whether the training text is in a script that writes words of several letters
    /// without spaces, such as Thai or Japanese.
    pub fn hides_words(&self) -> bool {
        self.train.survey.unspaced.hides_words()
    }

    /// Returns whether training documents are re-read from their files on each iteration.
    pub fn is_streamed(&self) -> bool {
        self.train.in_memory.is_none()
    }

    /// Returns whether documents were held out for validation because no file provides any.
    pub fn holds_out_validation(&self) -> bool {
        !self.valid_aside.documents.is_empty()
    }

    /// Sets whether training includes the documents held out for validation, after all others. Used
    /// by cross-validation.
    pub fn train_on_all(&mut self, on_all: bool) {
        self.trains_on_all = on_all;
    }

    /// Returns whether training includes the documents held out for validation.
    pub fn trains_on_all(&self) -> bool {
        self.trains_on_all
    }

    /// Returns the documents held out for validation and those held out for testing.
    fn aside(&self) -> [&[Document]; 2] {
        let valid = if self.trains_on_all {
            &[][..]
        } else {
            &self.valid_aside.documents
        };
        [valid, &self.test_aside.documents]
    }

    /// Returns the number of documents with the given role.
    pub fn documents(&self, role: FileRole) -> u64 {
        let [valid, test] = self.aside().map(|documents| documents.len() as u64);
        match role {
            FileRole::Train => self.train.survey.documents - valid - test,
            FileRole::Valid => self.valid.survey.documents + valid,
            FileRole::Test => self.test.survey.documents + test,
        }
    }

    /// Returns the number of labelled documents with the given role.
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

    /// Returns the number of distinct labels among the training documents.
    pub fn training_labels(&self) -> usize {
        let mut held_out: BTreeMap<&str, u64> = BTreeMap::new();
        for label in self.valid_aside.labels().chain(self.test_aside.labels()) {
            *held_out.entry(label).or_default() += 1;
        }
        let is_trained =
            |(label, count): &(&String, &u64)| held_out.get(label.as_str()) != Some(*count);
        self.train.survey.labels.iter().filter(is_trained).count()
    }
}

/// Maximum bytes of documents per role that are held in memory: below this, re-reading the files
/// would cost more time than the memory is worth.
const MAX_HELD_BYTES: u64 = 64 << 20;

/// Minimum number of characters in a corpus; for less text, a message about sequence lengths would
/// not help.
const MIN_CHARACTERS: u64 = 4;

/// One in this many labelled documents is held out for validation.
const HELD_OUT_LABELLED: u64 = 10;

/// Minimum number of labelled training documents for holding out a test set as well.
const MIN_LABELLED_FOR_TEST: u64 = 1000;

/// Without labels, one in this many documents is held out for validation.
const HELD_OUT_TEXTS: u64 = 20;

/// If fewer labelled documents than this are held out, unlabelled ones are held out as well.
/// Without labels, this many are held out of 1,000 documents.
const MIN_HELD_OUT_TEXTS: usize = 50;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
