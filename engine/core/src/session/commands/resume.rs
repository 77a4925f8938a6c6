//! Resumes an interrupted run from a checkpoint that the host provides.

use crate::data::ByteSource;
use crate::error::Result;
use crate::interop;
use crate::session::run::checkpoint::{CHECKPOINTS, Found, MANIFEST_FILE, Manifest, newest_whole};
use crate::session::run::snapshot;
use crate::session::{Host, ModelFiles, RunOutcome, Session, Snapshot};
use protocol::{Event, FileInfo, Phase, RunConfig, StartFrom};
use std::rc::Rc;

impl<H: Host> Session<H> {
    /// Resumes `run` from the newest complete checkpoint among `files`, on the current corpus.
    /// Replays the events of its log first.
    ///
    /// # Errors
    /// Returns an error if no checkpoint is complete, the corpus has changed, or the run fails.
    pub(crate) async fn resume_run(
        &mut self,
        run: &str,
        files: &[FileInfo],
        contents: &[Rc<dyn ByteSource>],
    ) -> Result<RunOutcome> {
        let found = newest_whole(files, contents)?;
        let state = snapshot::state_of(&found.snapshot)?;
        self.host.resume_log(&found.name, &found.log);
        self.host.emit(Event::History {
            run: run.into(),
            events: interop::history(&found.log),
            checkpoint: None,
        });
        match state.plan.phase {
            Phase::Pretrain => {
                self.pretrain(run, &state.config, Some(found.snapshot))
                    .await
            }
            // The checkpoint holds the initial weights of the run.
            Phase::Finetune => {
                self.finetune(run, &state.config, StartFrom::Scratch, Some(found.snapshot))
                    .await
            }
        }
    }
}

/// Returns the phase and the configuration of the run of a checkpoint.
///
/// # Errors
/// Returns an error if the state is missing or damaged, or was written by a newer version.
pub fn resumable(snapshot: &Snapshot) -> Result<(Phase, RunConfig)> {
    let state = snapshot::state_of(snapshot)?;
    Ok((state.plan.phase, state.config))
}

/// Returns the run directory of the newest complete checkpoint among `files`: its model, its log,
/// and the checkpoint itself.
///
/// # Errors
/// Returns an error if no checkpoint is complete.
pub(crate) fn run_directory(
    files: &[FileInfo],
    contents: &[Rc<dyn ByteSource>],
) -> Result<ModelFiles> {
    let Found { snapshot, log, .. } = newest_whole(files, contents)?;
    let manifest = Manifest::of_snapshot(&snapshot).to_json();
    let folder = format!("{CHECKPOINTS}/step-{}", snapshot.step);
    let model = snapshot
        .files
        .iter()
        .filter(|(name, _)| !snapshot::is_of_training(name))
        .cloned();
    let mut directory: ModelFiles = model.chain([(interop::HISTORY_FILE.into(), log)]).collect();
    let checkpoint = snapshot
        .files
        .into_iter()
        .chain([(MANIFEST_FILE.into(), manifest)]);
    directory.extend(checkpoint.map(|(name, bytes)| (format!("{folder}/{name}"), bytes)));
    Ok(directory)
}
