//! A run that was interrupted continues from a checkpoint that the host hands over.

use super::checkpoint::newest_whole;
use super::{Host, RunOutcome, Session, snapshot};
use crate::data::Content;
use crate::error::Result;
use crate::interop;
use protocol::{Event, FileInfo, Phase, StartFrom};
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
        contents: &[Rc<dyn Content>],
    ) -> Result<RunOutcome> {
        let found = newest_whole(files, contents)?;
        let state = snapshot::state_of(&found.snapshot)?;
        self.host.resume_log(&found.name, &found.log);
        self.host.emit(Event::History { run: run.into(), events: interop::history(&found.log) }, Vec::new());
        match state.plan.phase {
            Phase::Pretrain => self.pretrain(run, &state.config, Some(found.snapshot)).await,
            // The checkpoint holds what the run started from.
            Phase::Finetune => self.finetune(run, &state.config, StartFrom::Scratch, Some(found.snapshot)).await,
        }
    }
}
