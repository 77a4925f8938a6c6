//! Selects which documents of a corpus a run uses and iterates over them: all, labelled ones, by
//! text, or by sentence. Each iteration may re-read the files and stops at the first error of its
//! callback.

use super::Corpus;
use super::selection::{LOOKED_AT, Selection};
use super::stats::text_hash;
use crate::document::Document;
use crate::error::DataError;
use crate::text::sentences::sentences;
use protocol::FileRole;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

impl Corpus {
    /// Calls `take` with each selected document of a role, in order, until it fails.
    ///
    /// # Errors
    /// Returns the error of `take`, or an error if a file can no longer be read.
    pub fn each<E: From<DataError>>(
        &self,
        role: FileRole,
        selection: &Selection,
        take: &mut dyn FnMut(&Document) -> Result<(), E>,
    ) -> Result<(), E> {
        let dropped = |near: &BTreeSet<u64>, document: &Document| {
            selection.without_near_duplicates
                && !near.is_empty()
                && near.contains(&text_hash(document))
        };
        let mut selected = |near: &BTreeSet<u64>, document: &Document| {
            if selection.takes(document) && !dropped(near, document) {
                take(document)
            } else {
                Ok(())
            }
        };
        let near = &self.near_duplicates;
        match role {
            FileRole::Train => self.each_training(selection, take),
            FileRole::Valid => {
                self.valid
                    .each_held_or_read(&mut |document| selected(&near.valid, document))?;
                self.aside()[0]
                    .iter()
                    .try_for_each(|document| selected(&near.valid, document))
            }
            FileRole::Test => {
                self.test
                    .each_held_or_read(&mut |document| selected(&near.test, document))?;
                self.aside()[1]
                    .iter()
                    .try_for_each(|document| selected(&near.test, document))
            }
        }
    }

    fn each_training<E: From<DataError>>(
        &self,
        selection: &Selection,
        take: &mut dyn FnMut(&Document) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut remaining = selection.limit.unwrap_or(usize::MAX);
        let in_memory = self.train.in_memory.is_some();
        let read = self.train.each_held_or_read(&mut |document| {
            // Documents in memory were already removed when they were held out.
            if !in_memory && self.is_set_aside(document) {
                return Ok(());
            }
            if remaining == 0 {
                return Err(Stop::Enough);
            }
            remaining -= 1;
            if selection.takes_for_training(document) {
                take(document).map_err(Stop::Failed)
            } else {
                Ok(())
            }
        });
        Stop::failure(read)?;
        if self.trains_on_all || selection.with_set_aside {
            let mut documents = self.valid_aside.documents.iter();
            documents.try_for_each(|document| {
                if selection.takes_for_training(document) {
                    take(document)
                } else {
                    Ok(())
                }
            })?;
        }
        Ok(())
    }

    /// Same as [`Self::each`], for labelled documents only.
    ///
    /// # Errors
    /// Same as [`Self::each`].
    pub fn each_labelled<E: From<DataError>>(
        &self,
        role: FileRole,
        selection: &Selection,
        take: &mut dyn FnMut(&Document) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(role, selection, &mut |document| {
            if document.labels.is_empty() {
                Ok(())
            } else {
                take(document)
            }
        })
    }

    /// Same as [`Self::each`], for each of the one or two texts of a document.
    ///
    /// # Errors
    /// Same as [`Self::each`].
    pub fn each_text<E: From<DataError>>(
        &self,
        role: FileRole,
        selection: &Selection,
        take: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(role, selection, &mut |document| {
            document.texts().try_for_each(&mut *take)
        })
    }

    /// Same as [`Self::each`], for the sentences of each document, as needed for next-sentence
    /// prediction.
    ///
    /// # Errors
    /// Same as [`Self::each`].
    pub fn each_sentences<E: From<DataError>>(
        &self,
        role: FileRole,
        selection: &Selection,
        take: &mut dyn FnMut(&[&str]) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.lines_are_sentences {
            return self.each(role, selection, &mut |document| {
                take(&document.texts().flat_map(sentences).collect::<Vec<_>>())
            });
        }
        let mut block: Option<(u64, Vec<String>)> = None;
        let mut hand_over =
            |lines: Vec<String>| take(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        self.each(role, selection, &mut |document| {
            let texts = document.texts().map(String::from);
            match &mut block {
                Some((number, lines)) if *number == document.block => {
                    lines.extend(texts);
                    Ok(())
                }
                _ => {
                    let before = block.replace((document.block, texts.collect()));
                    before.map_or(Ok(()), |(_, lines)| hand_over(lines))
                }
            }
        })?;
        block.map_or(Ok(()), |(_, lines)| hand_over(lines))
    }

    /// Returns the first text of training document `number`; numbers wrap around at the end. If the
    /// files are re-read on each iteration, only the first [`LOOKED_AT`] documents are used.
    ///
    /// # Errors
    /// Returns an error if a file can no longer be read.
    pub fn training_text(&self, number: u64) -> Result<String, DataError> {
        let documents = self.documents(FileRole::Train);
        let candidates = if self.is_streamed() {
            documents.min(LOOKED_AT as u64)
        } else {
            documents
        };
        let (mut remaining, mut text) = (number % candidates.max(1), String::new());
        let read = self.each(FileRole::Train, &Selection::default(), &mut |document| {
            if remaining == 0 {
                text.clone_from(&document.text);
                return Err(Stop::Enough);
            }
            remaining -= 1;
            Ok(())
        });
        Stop::failure(read).map(|()| text)
    }

    /// Returns up to `limit` documents from the start of a file, as they were read; none if there
    /// is no such file. `file` is an index into [`Self::files`].
    ///
    /// # Errors
    /// Returns an error if it can no longer be read.
    pub fn first_of(&self, file: usize, limit: usize) -> Result<Vec<Document>, DataError> {
        let parts = [&self.train, &self.valid, &self.test];
        let found = parts
            .iter()
            .flat_map(|part| &part.files)
            .find(|other| other.number as usize == file);
        let mut documents = Vec::new();
        if let Some(file) = found {
            file.read(&mut |document| {
                if documents.len() == limit {
                    return ControlFlow::Break(());
                }
                documents.push(Document {
                    file: file.number,
                    ..document
                });
                ControlFlow::Continue(())
            })?;
        }
        Ok(documents)
    }

    /// Collects the labelled documents of a role.
    ///
    /// # Errors
    /// Returns an error if a file can no longer be read.
    pub fn labelled(
        &self,
        role: FileRole,
        selection: &Selection,
    ) -> Result<Vec<Document>, DataError> {
        let mut documents = Vec::new();
        self.each_labelled(role, selection, &mut |document| {
            documents.push(document.clone());
            Ok::<(), DataError>(())
        })?;
        Ok(documents)
    }

    /// Returns the value of [`Selection::share`] that keeps `fraction` of the selected labelled
    /// training documents: those with the smallest text hashes, so that a smaller share is a subset
    /// of a larger one, whatever the order of the file.
    ///
    /// # Errors
    /// Returns an error if a file can no longer be read.
    pub fn share(&self, fraction: f64, selection: &Selection) -> Result<u64, DataError> {
        let mut hashes = Vec::new();
        self.each_labelled(FileRole::Train, selection, &mut |document| {
            hashes.push(text_hash(document));
            Ok::<(), DataError>(())
        })?;
        hashes.sort_unstable();
        let count = ((hashes.len() as f64 * fraction).round() as usize).max(1);
        Ok(hashes.get(count - 1).copied().unwrap_or(u64::MAX))
    }

    /// Returns whether any labelled document of a role has two texts.
    ///
    /// # Errors
    /// Returns an error if a file can no longer be read.
    pub fn holds_pairs(&self, role: FileRole) -> Result<bool, DataError> {
        let mut found = false;
        let pairs = Selection {
            pairs: true,
            ..Selection::default()
        };
        let read = self.each_labelled(role, &pairs, &mut |_| {
            found = true;
            Err(Stop::<DataError>::Enough)
        });
        Stop::failure(read).map(|()| found)
    }

    /// Returns the number of labelled documents with only one text, which a pair task cannot use,
    /// and the line of the first; `None` if there are none.
    ///
    /// # Errors
    /// Returns an error if a file can no longer be read.
    pub fn singles(
        &self,
        roles: &[FileRole],
        selection: &Selection,
    ) -> Result<Option<(u64, u64)>, DataError> {
        let mut found: Option<(u64, u64)> = None;
        for &role in roles {
            self.each_labelled(role, selection, &mut |document| {
                if document.second.is_none() {
                    found.get_or_insert((0, document.line)).0 += 1;
                }
                Ok::<(), DataError>(())
            })?;
        }
        Ok(found)
    }
}

/// Why an iteration stopped.
enum Stop<E> {
    Enough,
    Failed(E),
}

impl<E: From<DataError>> From<DataError> for Stop<E> {
    fn from(error: DataError) -> Self {
        Self::Failed(error.into())
    }
}

impl<E> Stop<E> {
    /// Returns the error, if one occurred.
    fn failure(read: Result<(), Self>) -> Result<(), E> {
        match read {
            Ok(()) | Err(Self::Enough) => Ok(()),
            Err(Self::Failed(error)) => Err(error),
        }
    }
}
