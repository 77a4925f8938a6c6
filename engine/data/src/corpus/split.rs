//! The documents of the files of one role: in memory as long as they are few, else read again from their files. What they
//! have in common that a person should hear of.

use super::Document;
use super::folders::{FolderClass, read_classed};
use super::stats::CorpusStats;
use crate::byte_source::InputFile;
use crate::error::DataError;
use crate::file::{ReadFile, Warning};
use crate::table::ReadOptions;
use std::ops::ControlFlow;

/// Share of repeated documents that a person should hear of.
const NOTABLE_REPETITION: f64 = 0.25;

/// Longer blocks are no documents: a stray blank line parted them.
const MAX_LINES_PER_BLOCK: u64 = 200;

/// The documents of the files of one role.
#[derive(Default)]
pub struct CorpusSplit {
    /// What one look at all of them told.
    pub survey: CorpusStats,
    /// In memory, as long as they are few.
    pub held: Option<Vec<Document>>,
    /// Their files, in order.
    pub files: Vec<SplitFile>,
}

/// One of the files of a role.
pub struct SplitFile {
    /// What it is read from.
    pub file: InputFile,
    /// How it is read.
    pub options: ReadOptions,
    /// Its place among all files of the corpus.
    pub number: u32,
    /// The block that it begins with.
    pub first_block: u64,
    /// What its folder says of it.
    pub class: Option<FolderClass>,
}

impl SplitFile {
    /// Reads it from its start.
    ///
    /// # Errors
    /// When it can no longer be read.
    pub fn read(
        &self,
        sink: &mut dyn FnMut(Document) -> ControlFlow<()>,
    ) -> Result<ReadFile, DataError> {
        read_classed(&self.file, &self.options, self.class.as_ref(), sink)
    }
}

impl CorpusSplit {
    /// Adds the documents of one more file to those in memory. The documents are moved: copying the earlier ones for each
    /// file takes quadratic time. `None`, for documents that exceed the memory, releases the earlier ones, too.
    pub fn hold(&mut self, documents: Option<Vec<Document>>) {
        match (&mut self.held, documents) {
            (Some(held), Some(documents)) => held.extend(documents),
            (held, _) => *held = None,
        }
    }

    /// Gives each document to `take`, in order.
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

    /// Says so when the text repeats so few words that any score on it means nothing.
    pub fn monotony_warning(&self) -> Option<Warning> {
        let words = self.survey.words();
        let message = format!(
            "the training text has only {words} different words: scores on it mean nothing"
        );
        (self.survey.documents > 0 && self.survey.is_monotonous()).then_some(("few-words", message))
    }

    /// Says so when many documents are copies: what is learned from them is the copies.
    pub fn repetition_warning(&self) -> Option<Warning> {
        let CorpusStats {
            documents,
            repeated,
            ..
        } = self.survey;
        let message = format!(
            "{repeated} of the {documents} training documents repeat the text of another one"
        );
        (repeated as f64 > NOTABLE_REPETITION * documents as f64)
            .then_some(("repeated-documents", message))
    }

    /// Several blocks of a few lines each, and no labels: google-research/bert's `sample_text.txt`.
    pub fn looks_like_blocks(&self) -> bool {
        let CorpusStats {
            documents,
            labelled,
            blocks,
            ..
        } = self.survey;
        blocks >= 2 && (2..=MAX_LINES_PER_BLOCK).contains(&(documents / blocks)) && labelled == 0
    }

    /// As [`Self::each`], without reading where the documents are in memory.
    pub fn each_held_or_read<E: From<DataError>>(
        &self,
        take: &mut dyn FnMut(&Document) -> Result<(), E>,
    ) -> Result<(), E> {
        match &self.held {
            Some(held) => held.iter().try_for_each(take),
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

    /// Where the texts of the documents in memory lie.
    fn addresses(part: &CorpusSplit) -> Vec<*const u8> {
        part.held
            .iter()
            .flatten()
            .map(|document| document.text.as_ptr())
            .collect()
    }

    #[test]
    fn the_documents_of_a_further_file_copy_no_earlier_ones() {
        let mut part = CorpusSplit {
            held: Some(vec![document("one")]),
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
    fn documents_that_exceed_the_memory_release_all() {
        let mut part = CorpusSplit {
            held: Some(vec![document("one")]),
            ..CorpusSplit::default()
        };
        part.hold(None);
        part.hold(Some(vec![document("two")]));
        assert_eq!(part.held, None);
    }
}
