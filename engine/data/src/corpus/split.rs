//! The documents of the files of one role, held in memory while they are few and otherwise re-read
//! from the files. Also warns about monotonous and repetitive text.

use super::folders::{FolderClass, read_classed};
use super::stats::CorpusStats;
use crate::document::Document;
use crate::error::DataError;
use crate::reading::byte_source::InputFile;
use crate::reading::file::ReadFile;
use crate::reading::warning::Warning;
use crate::table::ReadOptions;
use protocol::message;
use std::ops::ControlFlow;

/// Share of repeated documents above which a warning is given.
const NOTABLE_REPETITION: f64 = 0.25;

/// Blocks with more lines than this on average are not documents: a stray blank line separated
/// them.
const MAX_LINES_PER_BLOCK: u64 = 200;

/// Documents of the files of one role.
#[derive(Default)]
pub struct CorpusSplit {
    /// Statistics of all documents, from the first pass.
    pub survey: CorpusStats,
    /// Documents in memory; `None` if they exceed the limit.
    pub in_memory: Option<Vec<Document>>,
    /// Files of the split, in order.
    pub files: Vec<SplitFile>,
}

/// One file of a split.
pub struct SplitFile {
    /// The input file.
    pub file: InputFile,
    /// Options for reading the file.
    pub options: ReadOptions,
    /// Index among all files of the corpus.
    pub number: u32,
    /// Number of the file's first block.
    pub first_block: u64,
    /// Class given by the file's folder, if any.
    pub class: Option<FolderClass>,
}

impl SplitFile {
    /// Reads the file from its start.
    ///
    /// # Errors
    /// Returns an error if it can no longer be read.
    pub fn read(
        &self,
        sink: &mut dyn FnMut(Document) -> ControlFlow<()>,
    ) -> Result<ReadFile, DataError> {
        read_classed(&self.file, &self.options, self.class.as_ref(), sink)
    }
}

impl CorpusSplit {
    /// Appends the documents of another file to those in memory. They are moved: copying the
    /// earlier documents for each file would take quadratic time. `None` means that the documents
    /// exceed the memory limit, and releases the earlier ones too.
    pub fn hold(&mut self, documents: Option<Vec<Document>>) {
        match (&mut self.in_memory, documents) {
            (Some(in_memory), Some(documents)) => in_memory.extend(documents),
            (in_memory, _) => *in_memory = None,
        }
    }

    /// Reads the files and calls `take` with each document, in order.
    pub fn each<E: From<DataError>>(
        &self,
        take: &mut dyn FnMut(Document) -> Result<(), E>,
    ) -> Result<(), E> {
        for file in &self.files {
            let mut failed = None;
            file.read(&mut |mut document| {
                document.block += file.first_block;
                document.file = file.number;
                match take(document) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })?;
            failed.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Warns if the text has so few distinct words that scores on it would be meaningless.
    pub fn monotony_warning(&self) -> Option<Warning> {
        let words = self.survey.words();
        let message = message!(
            "the training text has very few different words ({words}), so scores on it are meaningless",
            words
        );
        (self.survey.documents > 0 && self.survey.is_monotonous()).then_some(("few-words", message))
    }

    /// Warns if many documents are copies of others, which would dominate training.
    pub fn repetition_warning(&self) -> Option<Warning> {
        let CorpusStats {
            documents,
            repeated,
            ..
        } = self.survey;
        let message = message!(
            "{repeated} of the {documents} training documents repeat the text of another one",
            repeated,
            documents
        );
        (repeated as f64 > NOTABLE_REPETITION * documents as f64)
            .then_some(("repeated-documents", message))
    }

    /// Returns whether there are several blocks of a few lines each and no labels, as in
    /// google-research/bert's `sample_text.txt`.
    pub fn looks_like_blocks(&self) -> bool {
        let CorpusStats {
            documents,
            labelled,
            blocks,
            ..
        } = self.survey;
        blocks >= 2 && (2..=MAX_LINES_PER_BLOCK).contains(&(documents / blocks)) && labelled == 0
    }

    /// Same as [`Self::each`], without reading files if the documents are in memory.
    pub fn each_held_or_read<E: From<DataError>>(
        &self,
        take: &mut dyn FnMut(&Document) -> Result<(), E>,
    ) -> Result<(), E> {
        match &self.in_memory {
            Some(in_memory) => in_memory.iter().try_for_each(take),
            None => self.each(&mut |document| take(&document)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        let text = text.into();
        Document {
            text,
            second: None,
            labels: Vec::new(),
            file: 0,
            line: 1,
            block: 0,
        }
    }

    /// Returns the addresses of the texts in memory.
    fn addresses(part: &CorpusSplit) -> Vec<*const u8> {
        part.in_memory
            .iter()
            .flatten()
            .map(|document| document.text.as_ptr())
            .collect()
    }

    #[test]
    fn adding_a_file_does_not_copy_earlier_documents() {
        let mut part = CorpusSplit {
            in_memory: Some(vec![document("one")]),
            ..CorpusSplit::default()
        };
        let before = addresses(&part);
        for text in ["two", "three", "four"] {
            part.hold(Some(vec![document(text)]));
        }
        assert_eq!(
            (&addresses(&part)[..1], addresses(&part).len()),
            (before.as_slice(), 4)
        );
    }

    #[test]
    fn exceeding_the_memory_limit_releases_all_documents() {
        let mut part = CorpusSplit {
            in_memory: Some(vec![document("one")]),
            ..CorpusSplit::default()
        };
        part.hold(None);
        part.hold(Some(vec![document("two")]));
        assert_eq!(part.in_memory, None);
    }
}
