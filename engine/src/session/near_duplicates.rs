//! Reports held-out documents that are nearly training documents, and excludes them from scores on request.

use super::checks::no_corpus;
use super::portfolio::MAX_DOCUMENTS;
use super::tokenized_corpus::Labelled;
use super::{Host, Session};
use crate::data::NearDuplicateCounts;
use crate::error::Result;
use protocol::{Event, FileRole, NearDuplicates, RunConfig};

impl<H: Host> Session<H> {
    /// Searches the held-out documents of a run for near-duplicates of its training documents, and reports how many there are.
    /// With more than [`MAX_DOCUMENTS`] labelled training documents it says that it did not search.
    ///
    /// # Errors
    /// When a file can no longer be read.
    pub(super) fn report_near_duplicates(&mut self, run: &str, config: &RunConfig) -> Result<()> {
        let training = self
            .corpus
            .as_ref()
            .map_or(0, |corpus| corpus.labelled_documents(FileRole::Train));
        if training > MAX_DOCUMENTS {
            let message = format!(
                "more than {MAX_DOCUMENTS} labelled training documents: near-duplicates were not searched for"
            );
            self.warn(run, "near-duplicates-unknown", message);
            return Ok(());
        }
        let message = "comparing held-out documents with training documents".into();
        self.host.emit(
            Event::Compiling {
                run: run.into(),
                message,
            },
            Vec::new(),
        );
        let NearDuplicateCounts {
            valid,
            test,
            is_all_of_a_split,
        } = self.find_near_duplicates(config)?;
        if valid + test == 0 {
            return Ok(());
        }
        let message = match config.near_duplicates {
            NearDuplicates::Keep => format!(
                "{valid} validation and {test} test documents are near-duplicates of training documents, which inflates \
                 the scores. Use --near-duplicates drop to exclude them"
            ),
            NearDuplicates::Drop if is_all_of_a_split => format!(
                "{valid} validation and {test} test documents are near-duplicates of training documents. They are \
                 excluded from the scores, except where no other documents would remain"
            ),
            NearDuplicates::Drop => format!(
                "{valid} validation and {test} test documents are near-duplicates of training documents and are \
                 excluded from the scores"
            ),
        };
        self.warn(run, "near-duplicates", message);
        Ok(())
    }

    /// Searches without a report, for documents that are selected by `config` afterwards.
    ///
    /// # Errors
    /// When there is no corpus, or a file can no longer be read.
    pub(super) fn find_near_duplicates(
        &mut self,
        config: &RunConfig,
    ) -> Result<NearDuplicateCounts> {
        let corpus = self.corpus.as_mut().ok_or_else(no_corpus)?;
        let selection = Labelled::of(corpus, config)?.selection;
        Ok(corpus.find_near_duplicates(&selection)?)
    }
}
