//! The lab's files: which are in use, which are on their way to the engine, and what becomes of those.

use super::Lab;
use crate::intake::{self, Source};
use crate::state::Topic;
use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{Command, FileRole, RunConfig};

impl Lab {
    /// Loads the corpus that ships with the page.
    pub fn use_bundle(&self) {
        self.take(intake::bundle(), &tr!("The bundled corpus could not be fetched"));
    }

    /// Replaces the corpus by files, once they are listed, or opens the model that they are. The last intention wins,
    /// whichever is read first.
    pub fn take(&self, files: impl Future<Output = Result<Vec<Source>, String>> + 'static, failure: &str) {
        if self.peek(|state| state.active().is_some()) {
            return self
                .complain(tr!("A run is under way on the present files."), tr!("Stop it before you change the data."));
        }
        let (lab, failure) = (*self, failure.to_string());
        let turn = self.intake.get_value() + 1;
        self.intake.set_value(turn);
        // Other files are the answer to whatever was wrong; the first ones come by themselves.
        if turn > 1 {
            self.dismiss();
        }
        spawn_local(async move {
            let listed = files.await;
            if lab.intake.get_value() != turn {
                return;
            }
            match listed {
                Ok(sources) if sources.is_empty() => lab.offer_again(),
                Ok(sources) => match intake::as_model(&sources) {
                    Some(model) => {
                        lab.offer_again();
                        lab.import(model);
                    }
                    None => lab.offer(sources),
                },
                Err(reason) => {
                    lab.offer_again();
                    lab.complain(tr!("{failure}: {reason}.", failure, reason), tr!("The files before it stay in use."));
                }
            }
        });
    }

    /// Changes what a file is used for, and has the corpus read again.
    pub fn set_role(&self, name: &str, role: FileRole) {
        let mut sources = self.sources.get_value();
        sources.iter_mut().filter(|source| source.name == name).for_each(|source| source.role = Some(role));
        self.take(async move { Ok(sources) }, &tr!("The files could not be read"));
    }

    /// Goes on with the other files only.
    pub fn remove_file(&self, name: &str) {
        let mut sources = self.sources.get_value();
        sources.retain(|source| source.name != name);
        self.take(async move { Ok(sources) }, &tr!("The files could not be read"));
    }

    /// Has the present files read again, by other rules.
    pub fn read_again(&self) {
        let sources = self.sources.get_value();
        self.take(async move { Ok(sources) }, &tr!("The files could not be read"));
    }

    /// Gives new models word vectors to start from, or takes them away.
    pub fn set_word_vectors(&self, source: Option<Source>) {
        let (files, blobs) = intake::parcels(source.as_slice());
        self.send_with(Command::SetWordVectors { file: files.into_iter().next() }, blobs);
    }

    /// Goes on with the files that were being read when an intention came to nothing.
    fn offer_again(&self) {
        if let Some(sources) = self.offered.get_value() {
            self.offer(sources);
        }
    }

    /// Hands a model to the engine: one `.zip` or the loose files of a run directory.
    pub fn import(&self, sources: Vec<Source>) {
        if self.peek(|state| state.active().is_some()) {
            return self.complain(
                tr!("A run is under way; its model would be lost."),
                tr!("Stop it before you open a model."),
            );
        }
        let (files, blobs) = intake::parcels(&sources);
        self.send_with(Command::ImportModel { files }, blobs);
    }

    /// Sends files to the engine; they count as the corpus once it reports on them.
    pub(super) fn offer(&self, sources: Vec<Source>) {
        self.offered.set_value(Some(sources.clone()));
        self.state.update_value(|state| {
            state.reading = true;
            state.warnings.clear();
        });
        self.touch(&[Topic::Corpus]);
        let config = self.settings.with_untracked(|settings| settings.pretrain.clone());
        let RunConfig { text_column, label_column, .. } = config;
        let (files, blobs) = intake::parcels(&sources);
        self.send_with(Command::SetCorpus { files, text_column, label_column }, blobs);
    }

    /// What the engine said of the files on their way to it.
    pub(super) fn settle_offer(&self, accepted: bool) {
        let offered = self.offered.try_update_value(Option::take).flatten();
        if let Some(sources) = offered.filter(|_| accepted) {
            self.sources.set_value(sources);
        }
    }
}
