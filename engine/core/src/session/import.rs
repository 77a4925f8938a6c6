//! Imports a model from the files that came with a command, one by one or in a single `.zip`, and the
//! checkpoint of its run, if it can resume.

use super::imported_directory::ImportedDirectory;
use super::run::checkpoint::Found;
use super::run::snapshot;
use super::{Host, Session};
use crate::data::ByteSource;
use crate::error::Result;
use crate::interop;
use protocol::{Event, FileInfo, FoundCheckpoint, message};
use sha2::{Digest, Sha256};
use std::rc::Rc;

/// Bytes of a hash that identify an imported run.
const NAME_BYTES: usize = 4;

impl<H: Host> Session<H> {
    /// Imports a model, and the history of its run if the files include one. If an interrupted run
    /// has saved no model, imports that of its newest checkpoint.
    ///
    /// # Errors
    /// Returns an error if the files are not a valid model.
    pub(super) fn import_files(
        &mut self,
        request: u64,
        files: Vec<FileInfo>,
        contents: Vec<Rc<dyn ByteSource>>,
    ) -> Result<()> {
        let directory = ImportedDirectory::of(files, contents)?;
        let mut named = directory.model()?;
        let lines = named
            .iter()
            .position(|(name, _)| name == interop::HISTORY_FILE)
            .map(|at| named.swap_remove(at).1)
            .unwrap_or_default();
        self.import(named)?;
        let model = self.models.language_model.as_ref().expect("just imported");
        let summary = message!(
            "{parameters} parameters, {tokens} tokens",
            parameters = model.parameters(),
            tokens = model.config.vocab_size
        );
        let (labels, guesses) = (model.config.labels.clone(), model.heads.masked_lm);
        self.host.emit(Event::Imported {
            summary,
            labels,
            guesses,
        });
        let events = interop::history(&lines);
        if !events.is_empty() {
            let digest = Sha256::digest(&lines);
            let name: String = digest[..NAME_BYTES]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let corpus = directory.corpus_of_checkpoint();
            self.host.emit(Event::History {
                run: format!("imported-{name}"),
                events,
                checkpoint: corpus.map(|corpus| FoundCheckpoint { request, corpus }),
            });
        }
        Ok(())
    }

    /// Stores the newest complete checkpoint of an imported run directory for `run`. Emits a warning
    /// if there is none, or if it cannot be stored.
    pub(super) async fn store_checkpoint(
        &mut self,
        run: &str,
        files: Vec<FileInfo>,
        contents: Vec<Rc<dyn ByteSource>>,
    ) {
        // The host stores checkpoints of the run that was announced last.
        if !self.host.saves_checkpoints(run) {
            return;
        }
        match self.stored_checkpoint(run, files, contents).await {
            Ok(Some((step, path))) => self.host.emit(Event::Checkpoint {
                run: run.into(),
                step,
                path,
            }),
            Ok(None) => {}
            Err(error) => self.warn(run, "checkpoint-failed", error.message()),
        }
    }

    /// Returns the step and the path of the stored checkpoint; `None` if the host has emitted why it
    /// could not store it.
    async fn stored_checkpoint(
        &mut self,
        run: &str,
        files: Vec<FileInfo>,
        contents: Vec<Rc<dyn ByteSource>>,
    ) -> Result<Option<(u64, String)>> {
        let directory = ImportedDirectory::of(files, contents)?;
        let Found { name, snapshot, .. } = directory.newest_checkpoint()?;
        snapshot::state_of(&snapshot)?;
        // A run directory has one log for all of its checkpoints.
        let log = interop::history_until(&directory.log()?, snapshot.step);
        self.host.resume_log(&name, &log);
        let path = self.host.keep(run, &snapshot).await?;
        Ok(path.map(|path| (snapshot.step, path)))
    }
}
