//! Which documents of a corpus a run uses, and the ways to walk over them: all, those with labels, text by text, sentence
//! by sentence. Each walk may read the files anew and ends as soon as its taker has enough.

use super::stats::text_hash;
use super::{Corpus, Document};
use crate::error::DataError;
use crate::sentences::sentences;
use protocol::FileRole;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Documents that a look at a few of a large corpus chooses from.
pub const LOOKED_AT: usize = 1000;

/// Which of the documents a run uses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Selection {
    /// The first training documents only: a quick look.
    pub limit: Option<usize>,
    /// Labelled documents only where they have two texts.
    pub pairs: bool,
    /// Labelled training documents only where their texts hash to this or less; see [`Corpus::share`].
    pub share: Option<u64>,
    /// Behind the training documents those that were set aside to validate, too.
    pub with_set_aside: bool,
    /// Validation and test documents only where they are no near-duplicates of training documents, as they were last found by
    /// [`Corpus::find_near_duplicates`].
    pub without_near_duplicates: bool,
}

impl Selection {
    fn takes(&self, document: &Document) -> bool {
        let labelled = !document.labels.is_empty();
        !(labelled && self.pairs && document.second.is_none())
    }

    fn takes_for_training(&self, document: &Document) -> bool {
        let labelled = !document.labels.is_empty();
        self.takes(document)
            && !(labelled && self.share.is_some_and(|share| text_hash(document) > share))
    }
}

impl Corpus {
    /// Gives each selected document of one use to `take`, in order, until that fails.
    ///
    /// # Errors
    /// Those of `take`, or when a file can no longer be read.
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
        let mut left = selection.limit.unwrap_or(usize::MAX);
        let held = self.train.held.is_some();
        let read = self.train.each_held_or_read(&mut |document| {
            // Documents in memory were moved when they were chosen.
            if !held && self.is_set_aside(document) {
                return Ok(());
            }
            if left == 0 {
                return Err(Stop::Enough);
            }
            left -= 1;
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

    /// As [`Self::each`], for documents with labels only.
    ///
    /// # Errors
    /// As there.
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

    /// As [`Self::each`], for each of the one or two texts of a document.
    ///
    /// # Errors
    /// As there.
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

    /// As [`Self::each`], for the sentences of each document: what next-sentence prediction reads.
    ///
    /// # Errors
    /// As there.
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

    /// The first text of a training document; numbers beyond the last one begin again. Where each look means to read a
    /// file, only the first few documents are looked at.
    ///
    /// # Errors
    /// When a file can no longer be read.
    pub fn training_text(&self, number: u64) -> Result<String, DataError> {
        let documents = self.documents(FileRole::Train);
        let among = if self.is_read_again() {
            documents.min(LOOKED_AT as u64)
        } else {
            documents
        };
        let (mut before, mut text) = (number % among.max(1), String::new());
        let read = self.each(FileRole::Train, &Selection::default(), &mut |document| {
            if before == 0 {
                text.clone_from(&document.text);
                return Err(Stop::Enough);
            }
            before -= 1;
            Ok(())
        });
        Stop::failure(read).map(|()| text)
    }

    /// The first documents of one of [`Self::files`], `limit` at most, as they were read; of no such file, none.
    ///
    /// # Errors
    /// When it can no longer be read.
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

    /// The labelled documents of one use, in memory.
    ///
    /// # Errors
    /// When a file can no longer be read.
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

    /// What [`Selection::share`] keeps this share of the selected labelled training documents: those whose texts hash
    /// lowest, so that a smaller share is a part of a larger one, whatever the order of the file.
    ///
    /// # Errors
    /// When a file can no longer be read.
    pub fn share(&self, fraction: f64, selection: &Selection) -> Result<u64, DataError> {
        let mut hashes = Vec::new();
        self.each_labelled(FileRole::Train, selection, &mut |document| {
            hashes.push(text_hash(document));
            Ok::<(), DataError>(())
        })?;
        hashes.sort_unstable();
        let kept = ((hashes.len() as f64 * fraction).round() as usize).max(1);
        Ok(hashes.get(kept - 1).copied().unwrap_or(u64::MAX))
    }

    /// Whether a labelled document of one use has two texts.
    ///
    /// # Errors
    /// When a file can no longer be read.
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

    /// How many labelled documents of some uses have one text, and the line of the first: a pair task has no use for them.
    ///
    /// # Errors
    /// When a file can no longer be read.
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

/// Why documents are no longer read.
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
    /// What went wrong, if anything did.
    fn failure(read: Result<(), Self>) -> Result<(), E> {
        match read {
            Ok(()) | Err(Self::Enough) => Ok(()),
            Err(Self::Failed(error)) => Err(error),
        }
    }
}
