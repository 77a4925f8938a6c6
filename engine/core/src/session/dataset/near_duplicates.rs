//! Reports held-out documents that are near-duplicates of training documents, and excludes them
//! from the scores on request.

use crate::data::NearDuplicateCounts;
use crate::error::Result;
use crate::session::checks::no_corpus;
use crate::session::classifier::portfolio::MAX_DOCUMENTS;
use crate::session::dataset::tokenized_corpus::Labelled;
use crate::session::{Host, Session};
use protocol::{Event, FileRole, NearDuplicates, RunConfig};
use protocol::{Setting, message};

impl<H: Host> Session<H> {
    /// Searches the held-out documents of a run for near-duplicates of its training documents and
    /// reports how many there are. With more than [`MAX_DOCUMENTS`] labelled training documents it
    /// skips the search, with a warning.
    ///
    /// # Errors
    /// Returns an error if a file can no longer be read.
    pub(crate) fn report_near_duplicates(&mut self, run: &str, config: &RunConfig) -> Result<()> {
        let training = self
            .dataset
            .corpus
            .as_ref()
            .map_or(0, |corpus| corpus.labelled_documents(FileRole::Train));
        if training > MAX_DOCUMENTS {
            let message = message!(
                "more than {limit} labelled training documents: skipped the search for near-duplicates",
                limit = MAX_DOCUMENTS
            );
            self.warn(run, "near-duplicates-unknown", message);
            return Ok(());
        }
        let message = message!("comparing held-out documents with training documents");
        self.host.emit(Event::Compiling {
            run: run.into(),
            message,
        });
        let NearDuplicateCounts {
            valid,
            test,
            is_all_of_a_split,
        } = self.find_near_duplicates(config)?;
        if valid + test == 0 {
            return Ok(());
        }
        let message = match config.near_duplicates {
            NearDuplicates::Keep => message!(
                "{valid} validation and {test} test documents are near-duplicates of training documents, which inflates the scores. To exclude them, use {near_duplicates}",
                valid,
                test,
                near_duplicates = Setting::with_value("near-duplicates", "drop")
            ),
            NearDuplicates::Drop if is_all_of_a_split => message!(
                "{valid} validation and {test} test documents are near-duplicates of training documents. They are excluded from the scores, except where no other documents would remain",
                valid,
                test
            ),
            NearDuplicates::Drop => message!(
                "{valid} validation and {test} test documents are near-duplicates of training documents and are excluded from the scores",
                valid,
                test
            ),
        };
        self.warn(run, "near-duplicates", message);
        Ok(())
    }

    /// Marks near-duplicates without a report; later selections exclude them if `config` says so.
    ///
    /// # Errors
    /// Returns an error if there is no corpus, or a file can no longer be read.
    pub(crate) fn find_near_duplicates(
        &mut self,
        config: &RunConfig,
    ) -> Result<NearDuplicateCounts> {
        let corpus = self.dataset.corpus.as_mut().ok_or_else(no_corpus)?;
        let selection = Labelled::of(corpus, config)?.selection;
        Ok(corpus.find_near_duplicates(&selection)?)
    }
}
