//! Commands and their answers: what a page asks of a session, one after another, for as long as the page is there.

use super::checks::{no_corpus, no_model};
use super::compare::Progress;
use super::{Host, ModelFiles, Session, ToyOutcome, ask, plan, vector_lines};
use crate::data::masking::{Masker, Masking};
use crate::data::{Content, DataError, InputFile, LOOKED_AT, ReadOptions, Tokenizer};
use crate::error::Result;
use crate::interop;
use protocol::{Command, Event, MaskedToken, RunConfig, VocabularyEntry};
use std::io::Read;
use std::rc::Rc;

/// Folder inside an exported archive, and the archive's own name.
const EXPORT_NAME: &str = "clozelab-model";
/// A preview shows this much of a long document.
const PREVIEW_TOKENS: usize = 48;

impl<H: Host> Session<H> {
    /// Serves commands until the host goes away. `take_files` hands out the
    /// content that came with a command, in order.
    pub async fn serve(&mut self, mut take_files: impl FnMut() -> Vec<Rc<dyn Content>>) -> ! {
        loop {
            let command = match self.deferred.pop_front() {
                Some(command) => command,
                None => self.host.next_command().await,
            };
            let run = match &command {
                Command::Pretrain { run, .. }
                | Command::Finetune { run, .. }
                | Command::Compare { run, .. }
                | Command::Toy { run, .. } => run.clone(),
                _ => String::new(),
            };
            if let Err(error) = self.handle(command, &mut take_files).await {
                self.host.emit(ask::failed(&run, &error), Vec::new());
            }
        }
    }

    async fn handle(&mut self, command: Command, take_files: &mut impl FnMut() -> Vec<Rc<dyn Content>>) -> Result<()> {
        match command {
            Command::Open { .. } => self.host.emit(Event::Ready { device: self.info.clone() }, Vec::new()),
            Command::SetCorpus { files, text_column, label_column } => {
                let inputs = files.into_iter().zip(take_files());
                let inputs = inputs.map(|(file, content)| InputFile { name: file.name, content, role: file.role });
                let options = ReadOptions { encoding: None, text_column, label_column };
                self.set_corpus(inputs.collect(), &options)?;
            }
            Command::PreviewMasking { config, example, epoch } => self.preview(&config, example, epoch)?,
            Command::Pretrain { run, config } => drop(self.pretrain(&run, &config, None).await?),
            Command::Finetune { run, config, from } => drop(self.finetune(&run, &config, from, None).await?),
            Command::Compare { run, config, compare } => {
                let pretraining_secs = self.pretraining_secs;
                let progress = Progress { known: Vec::new(), on_cell: &mut |_| Ok(()), pretraining_secs };
                let started = self.host.now_secs();
                let stopped = self.compare(&run, &config, &compare, progress).await?.is_none();
                let elapsed_secs = self.host.now_secs() - started;
                self.host.emit(Event::Finished { run, step: 0, stopped, elapsed_secs }, Vec::new());
            }
            Command::SetWordVectors { file } => {
                let content = take_files().into_iter().next();
                self.set_word_vectors(file.zip(content).map(|(file, content)| vector_lines(file.name, content)));
            }
            Command::Toy { run, config } => {
                let ToyOutcome { learned, step, loss, accuracy, .. } = self.toy(&run, &config).await?;
                self.host.emit(Event::Counted { run, learned, step, loss, accuracy }, Vec::new());
            }
            Command::Vocabulary { filter, limit } => self.tell_vocabulary(&filter, limit)?,
            Command::ExportModel => {
                let archive = interop::zip_write(EXPORT_NAME, &self.export().await?);
                self.host.emit(Event::Exported { name: format!("{EXPORT_NAME}.zip") }, vec![archive]);
            }
            Command::ImportModel { files } => self.import_files(files, take_files())?,
            question @ Command::FillMask { .. } => {
                let model = self.language_model.as_ref().or(self.classifier.as_ref()).ok_or_else(no_model)?;
                ask::answer(&self.host, model, &self.device, question).await;
            }
            question @ Command::Classify { .. } => {
                let model = self.classifier.as_ref().ok_or_else(no_model)?;
                ask::answer(&self.host, model, &self.device, question).await;
            }
            Command::Pause | Command::Resume | Command::Stop => (),
        }
        Ok(())
    }

    fn import_files(&mut self, files: Vec<protocol::FileInfo>, contents: Vec<Rc<dyn Content>>) -> Result<()> {
        let mut named = ModelFiles::new();
        for (file, content) in files.into_iter().zip(contents) {
            let mut bytes = Vec::new();
            let read = content.open().and_then(|mut content| content.read_to_end(&mut bytes));
            read.map_err(|error| DataError::reading(&file.name, error))?;
            named.push((file.name, bytes));
        }
        if let [(name, bytes)] = named.as_slice()
            && name.to_ascii_lowercase().ends_with(".zip")
        {
            named = interop::zip_read(bytes)?;
        }
        self.import(named)?;
        let model = self.language_model.as_ref().expect("just imported");
        let summary = format!("{} parameters, {} tokens", model.parameters(), model.config.vocab_size);
        self.host.emit(Event::Imported { summary, labels: model.config.labels.clone() }, Vec::new());
        Ok(())
    }

    /// One document before and after masking. The draw belongs to the preview alone and shifts no run.
    fn preview(&mut self, config: &RunConfig, example: u64, epoch: u64) -> Result<()> {
        let words = self.language_model.as_ref().filter(|_| self.continues).map(|model| model.tokenizer.clone());
        self.learn_for_preview(config, words)?;
        let learned = self.learned.as_ref().expect("just learned");
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let text = corpus.training_text(example)?;
        let specials = learned.tokenizer.specials();
        let mut ids = learned.tokenizer.encode(&text);
        ids.truncate(PREVIEW_TOKENS);
        let window: Vec<u32> = [specials.cls].into_iter().chain(ids).chain([specials.sep]).collect();
        let model = match self.language_model.as_ref().filter(|_| self.continues) {
            Some(model) => model.config.clone(),
            None => plan::model_config(config, learned.tokenizer.len())?,
        };
        let rate = plan::mask_rate(config, &model).clamp(0.0, 0.9);
        let most = config.max_predictions.unwrap_or(usize::MAX);
        let masking = Masking { whole_word: config.whole_word, most, ..Masking::of_rate(rate) };
        let masker = Masker::new(&learned.tokenizer, masking);
        let masked = masker.mask_example(&window, config.seed, epoch, example);
        let token = |i: usize| MaskedToken {
            original: learned.tokenizer.token(window[i]).into(),
            shown: learned.tokenizer.token(masked.ids[i]).into(),
            kind: masked.kinds[i],
        };
        self.host.emit(Event::Masking { example, tokens: (0..window.len()).map(token).collect() }, Vec::new());
        Ok(())
    }

    /// As [`Self::learn`]; of a corpus that takes long to read, learns from the first documents only, unless a run has
    /// learned all of it.
    fn learn_for_preview(&mut self, config: &RunConfig, words: Option<Rc<Tokenizer>>) -> Result<()> {
        let is_large = self.corpus.as_ref().ok_or_else(no_corpus)?.is_read_again();
        let is_known = self.learned.as_ref().is_some_and(|learned| learned.serves(config, words.as_ref()));
        if !is_large || is_known {
            return self.learn("", config, words);
        }
        let limit = Some(config.limit.unwrap_or(LOOKED_AT).min(LOOKED_AT));
        let config = RunConfig { limit, ..config.clone() };
        if !self.learned.as_ref().is_some_and(|learned| learned.serves(&config, words.as_ref())) {
            let message =
                format!("this is much text: until a run starts, its first {LOOKED_AT} documents stand for all of it");
            self.warn("", "sampled-preview", message);
        }
        self.learn("", &config, words)
    }

    fn tell_vocabulary(&self, filter: &str, limit: usize) -> Result<()> {
        let model = self.language_model.as_ref().map(|model| &model.tokenizer);
        let tokenizer = self.learned.as_ref().map(|learned| &learned.tokenizer).or(model).ok_or_else(no_model)?;
        let entry = |id: u32| VocabularyEntry {
            id: u64::from(id),
            token: tokenizer.token(id).into(),
            count: tokenizer.counts().get(id as usize).copied().unwrap_or(0),
        };
        let all = (0..tokenizer.len() as u32).map(entry);
        let entries = all.filter(|entry| entry.token.contains(filter)).take(limit).collect();
        self.host.emit(Event::Vocabulary { size: tokenizer.len() as u64, entries }, Vec::new());
        Ok(())
    }
}
