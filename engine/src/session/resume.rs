//! A run that was interrupted continues from a checkpoint that the host hands over.

use super::checkpoint::{CHECKPOINTS, Found, MANIFEST_FILE, Manifest, newest_whole};
use super::{Host, ModelFiles, RunOutcome, Session, Snapshot, snapshot};
use crate::data::ByteSource;
use crate::error::Result;
use crate::interop;
use protocol::{Event, FileInfo, Phase, RunConfig, StartFrom};
use std::rc::Rc;

impl<H: Host> Session<H> {
    /// Continues `run` from the newest whole checkpoint among `files`, on the present corpus. Emits what its log says first.
    ///
    /// # Errors
    /// When no checkpoint is whole, the corpus is another one, or the run fails.
    pub(super) async fn resume_run(
        &mut self,
        run: &str,
        files: &[FileInfo],
        contents: &[Rc<dyn ByteSource>],
    ) -> Result<RunOutcome> {
        let found = newest_whole(files, contents)?;
        let state = snapshot::state_of(&found.snapshot)?;
        self.host.resume_log(&found.name, &found.log);
        self.host.emit(
            Event::History {
                run: run.into(),
                events: interop::history(&found.log),
            },
            Vec::new(),
        );
        match state.plan.phase {
            Phase::Pretrain => {
                self.pretrain(run, &state.config, Some(found.snapshot))
                    .await
            }
            // The checkpoint holds what the run started from.
            Phase::Finetune => {
                self.finetune(
                    run,
                    &state.config,
                    StartFrom::TempStorage,
                    Some(found.snapshot),
                )
                .await
            }
        }
    }
}

/// What a checkpoint is of: the phase and the settings of its run.
///
/// # Errors
/// When it does not say, or a newer program wrote it.
pub fn resumable(snapshot: &Snapshot) -> Result<(Phase, RunConfig)> {
    let state = snapshot::state_of(snapshot)?;
    Ok((state.plan.phase, state.config))
}

/// The run directory of the newest whole checkpoint among `files`: its model, its log, and the checkpoint itself.
///
/// # Errors
/// When no checkpoint is whole.
pub(super) fn run_directory(
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
