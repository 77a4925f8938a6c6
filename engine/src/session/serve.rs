//! Commands and their answers: what a page asks of a session, one after another, for as long as the page is there.

use super::checks::{no_corpus, no_model};
use super::compare::Progress;
use super::preview::{ModelView, PreviewRequest, RunStep};
use super::run_control::is_question;
use super::{
    Host, LoadedModel, ModelFiles, RunOutcome, Session, ToyOutcome, inference, plan, resume,
    vector_lines,
};
use crate::data::{ByteSource, DataError, InputFile, LOOKED_AT, ReadOptions, Tokenizer};
use crate::error::Result;
use crate::interop::{self, Directory};
use protocol::{Command, Event, LineQuery, Phase, RunConfig};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::io::Read;
use std::pin::Pin;
use std::rc::Rc;

/// Bytes of a digest that tell imported runs apart.
const NAME_BYTES: usize = 4;

/// The models at hand, and what the next run makes of them.
struct Models {
    language_model: Option<LoadedModel>,
    classifier: Option<LoadedModel>,
    latest: Phase,
    continues: bool,
    pretraining_secs: Option<f64>,
}

impl<H: Host> Session<H> {
    /// Serves commands until the host goes away. `take_files` hands out the
    /// content that came with a command, in order.
    pub async fn serve(&mut self, mut take_files: impl FnMut() -> Vec<Rc<dyn ByteSource>>) -> ! {
        loop {
            let command = match self.deferred.pop_front() {
                Some(command) => command,
                None => self.host.next_command().await,
            };
            let (run, request) = (command.run().cloned(), command.request());
            if let Err(error) = self.handle(command, &mut take_files).await {
                let failed = match run {
                    Some(run) => inference::failed(&run, &error),
                    None => inference::query_error(request, &error),
                };
                self.host.emit(failed, Vec::new());
            }
        }
    }

    async fn handle(
        &mut self,
        command: Command,
        take_files: &mut impl FnMut() -> Vec<Rc<dyn ByteSource>>,
    ) -> Result<()> {
        match command {
            Command::Open { .. } => self.host.emit(
                Event::Ready {
                    device: self.info.clone(),
                },
                Vec::new(),
            ),
            Command::SetCorpus {
                files,
                text_column,
                label_column,
                label_separator,
                quoting,
                label_map,
            } => {
                let inputs = files
                    .into_iter()
                    .zip(take_files())
                    .map(|(file, content)| input(file, content));
                let options = ReadOptions {
                    encoding: None,
                    text_column,
                    label_column,
                    label_separator,
                    quoting,
                    label_map,
                    reads_folder_classes: true,
                    ..ReadOptions::default()
                };
                let files = self.host.open(inputs.collect()).await;
                self.set_corpus(&files, &options)?;
            }
            Command::PreviewMasking {
                config,
                example,
                epoch,
                text,
            } => {
                self.preview(config, example, epoch, text).await?;
            }
            Command::Pretrain { run, config, go_on } => {
                let before = self.models();
                self.continues |= go_on && self.language_model.is_some();
                let trained = self.pretrain(&run, &config, None).await;
                self.adopt(trained, before)?;
            }
            Command::Finetune { run, config, from } => {
                let before = self.models();
                let trained = self.finetune(&run, &config, from, None).await;
                self.adopt(trained, before)?;
            }
            Command::SaveCheckpoints { run, folder } => self.host.save_checkpoints(&run, &folder),
            Command::ResumeRun { run, files } => {
                let before = self.models();
                let trained = self.resume_run(&run, &files, &take_files()).await;
                self.adopt(trained, before)?;
            }
            Command::ExportRun { request, files } => {
                inference::exported(
                    &self.host,
                    request,
                    &resume::run_directory(&files, &take_files())?,
                );
            }
            Command::Compare {
                run,
                config,
                compare,
                known,
            } => {
                let pretraining_secs = self.pretraining_secs;
                let progress = Progress {
                    known,
                    on_cell: &mut |_| Ok(()),
                    pretraining_secs,
                };
                let started = self.host.now_secs();
                // What a person watches belongs to their own runs.
                let watched = self.watched.take();
                let compared = self.compare(&run, &config, &compare, progress).await;
                self.watched = self.watched.take().or(watched);
                let stopped = compared?.is_none();
                let elapsed_secs = self.host.now_secs() - started;
                self.host.emit(
                    Event::Finished {
                        run,
                        step: 0,
                        stopped,
                        elapsed_secs,
                    },
                    Vec::new(),
                );
            }
            Command::SetWordVectors { file } => {
                let content = take_files().into_iter().next();
                self.set_word_vectors(
                    file.zip(content)
                        .map(|(file, content)| vector_lines(file.name, content)),
                );
            }
            Command::Toy { run, config } => {
                let watched = self.watched.take();
                let counted = self.toy(&run, &config).await;
                self.watched = self.watched.take().or(watched);
                let ToyOutcome {
                    learned,
                    step,
                    loss,
                    accuracy,
                    ..
                } = counted?;
                self.host.emit(
                    Event::Counted {
                        run,
                        learned,
                        step,
                        loss,
                        accuracy,
                    },
                    Vec::new(),
                );
            }
            Command::Vocabulary { filter, limit } => self.tell_vocabulary(&filter, limit),
            Command::ExportModel { request } => {
                inference::exported(&self.host, request, &self.export().await?);
            }
            Command::ImportModel { files } => self.import_files(files, take_files())?,
            Command::Review { request, split } => {
                let review = self.review(&split).await?;
                self.host
                    .emit(Event::Reviewed { request, review }, Vec::new());
            }
            Command::Lines {
                request,
                query,
                limit,
            } => {
                let (lines, more) = self.lines(&query, limit).await?;
                self.host.emit(
                    Event::Lines {
                        request,
                        lines,
                        more,
                    },
                    Vec::new(),
                );
            }
            Command::LabelFile {
                request,
                file,
                text_column,
                quoting,
                own_thresholds,
                splits_long,
            } => {
                let options = ReadOptions {
                    text_column,
                    quoting,
                    ..ReadOptions::default()
                };
                let content = take_files().into_iter().next().ok_or(DataError::NoFiles)?;
                let long = if splits_long {
                    inference::Long::Split
                } else {
                    inference::Long::Cut
                };
                let told = inference::LabelSelection::Given { own_thresholds };
                self.label_file(request, &input(file, content), &options, (told, long))
                    .await?;
            }
            Command::Estimate {
                request,
                config,
                tries,
            } => {
                let estimate = self.estimate(&config, tries).await?;
                self.host
                    .emit(Event::Estimated { request, estimate }, Vec::new());
            }
            Command::Neighbours {
                request,
                word,
                top_k,
            } => {
                self.host
                    .emit(self.all_neighbours(request, word, top_k).await?, Vec::new());
            }
            Command::Baseline { config } => {
                let result = self.baseline(&config).await?;
                self.host.emit(result, Vec::new());
            }
            question @ (Command::FillMask { .. }
            | Command::FillMasks { .. }
            | Command::Classify { .. }
            | Command::Attend { .. }
            | Command::Tokenize { .. }) => {
                self.answer(question).await?;
            }
            Command::Pause | Command::Resume | Command::Step { .. } | Command::Stop => (),
        }
        Ok(())
    }

    fn models(&self) -> Models {
        let Self {
            language_model,
            classifier,
            latest,
            continues,
            pretraining_secs,
            ..
        } = self;
        let (language_model, classifier) = (language_model.clone(), classifier.clone());
        let (latest, continues, pretraining_secs) = (*latest, *continues, *pretraining_secs);
        Models {
            language_model,
            classifier,
            latest,
            continues,
            pretraining_secs,
        }
    }

    /// Keeps what a run has made. One that failed or was stopped before its first step made nothing better than what was
    /// there, and what was asked of it is not asked of the next one.
    fn adopt(&mut self, trained: Result<RunOutcome>, before: Models) -> Result<()> {
        // A run without steps fitted an output layer.
        if !trained
            .as_ref()
            .is_ok_and(|outcome| outcome.step > 0 || !outcome.stopped)
        {
            let Models {
                language_model,
                classifier,
                latest,
                continues,
                pretraining_secs,
            } = before;
            (self.language_model, self.classifier) = (language_model, classifier);
            (self.latest, self.continues, self.pretraining_secs) =
                (latest, continues, pretraining_secs);
        }
        trained.map(drop)
    }

    /// Answers a question that changes nothing: with the model that it is for, or the words at hand.
    async fn answer(&self, question: Command) -> Result<()> {
        let newest = if self.latest == Phase::Finetune {
            &self.classifier
        } else {
            &self.language_model
        };
        let model = match &question {
            Command::Tokenize { request, text } => {
                self.host.emit(
                    inference::tokenized(self.words()?, *request, text),
                    Vec::new(),
                );
                return Ok(());
            }
            Command::FillMask { .. } | Command::FillMasks { .. } => {
                self.language_model.as_ref().or(self.classifier.as_ref())
            }
            Command::Classify { .. } => self.classifier.as_ref(),
            _ => newest.as_ref().or(self.language_model.as_ref()),
        };
        inference::answer(
            &self.host,
            model.ok_or_else(no_model)?,
            &self.device,
            question,
            RunStep::default(),
        )
        .await;
        Ok(())
    }

    /// Answers the questions among what arrived amid something long, as far as they are about the models and the text at hand.
    pub(super) async fn answer_waiting(&mut self) {
        let is_short = |command: &Command| match command {
            Command::Lines { query, .. } => *query != LineQuery::Uncertain,
            Command::Vocabulary { .. } => true,
            other => is_question(other),
        };
        let changes = |command: &Command| {
            command.run().is_some()
                || matches!(
                    command,
                    Command::SetCorpus { .. } | Command::ImportModel { .. }
                )
        };
        // What stands behind a change of the models or the text is about those to come.
        let before = self
            .deferred
            .iter()
            .take_while(|command| !changes(command))
            .count();
        let (waiting, rest): (VecDeque<_>, _) = std::mem::take(&mut self.deferred)
            .into_iter()
            .enumerate()
            .partition(|(place, command)| *place < before && is_short(command));
        self.deferred = rest.into_iter().map(|(_, command)| command).collect();
        for (_, question) in waiting {
            let request = question.request();
            // None of these comes with a file, nor leads here again.
            let mut no_files = Vec::new;
            let answer: Pin<Box<dyn Future<Output = Result<()>> + '_>> =
                Box::pin(self.handle(question, &mut no_files));
            if let Err(error) = answer.await {
                self.host
                    .emit(inference::query_error(request, &error), Vec::new());
            }
        }
    }

    fn import_files(
        &mut self,
        files: Vec<protocol::FileInfo>,
        contents: Vec<Rc<dyn ByteSource>>,
    ) -> Result<()> {
        let mut named = model_files(&files, &contents)?;
        let lines = named
            .iter()
            .position(|(name, _)| name == interop::HISTORY_FILE)
            .map(|at| named.swap_remove(at).1);
        self.import(named)?;
        let model = self.language_model.as_ref().expect("just imported");
        let summary = format!(
            "{} parameters, {} tokens",
            model.parameters(),
            model.config.vocab_size
        );
        let (labels, guesses) = (model.config.labels.clone(), model.heads.masked_lm);
        self.host.emit(
            Event::Imported {
                summary,
                labels,
                guesses,
            },
            Vec::new(),
        );
        let lines = lines.unwrap_or_default();
        let events = interop::history(&lines);
        if !events.is_empty() {
            let digest = Sha256::digest(&lines);
            let name: String = digest[..NAME_BYTES]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            self.host.emit(
                Event::History {
                    run: format!("imported-{name}"),
                    events,
                },
                Vec::new(),
            );
        }
        Ok(())
    }

    /// One text before and after masking, with what the language model makes of it where it speaks the same words. The
    /// draw belongs to the preview alone and shifts no run.
    async fn preview(
        &mut self,
        config: RunConfig,
        example: u64,
        epoch: u64,
        text: Option<String>,
    ) -> Result<()> {
        let words = self
            .language_model
            .as_ref()
            .filter(|_| self.continues)
            .map(|model| model.tokenizer.clone());
        self.learn_for_preview(&config, words)?;
        let learned = self.learned.as_ref().expect("just learned");
        let corpus = self.corpus.as_ref().ok_or_else(no_corpus)?;
        let text = text.map_or_else(|| corpus.training_text(example), Ok)?;
        let watched = PreviewRequest {
            config,
            example,
            epoch,
            text,
        };
        let same_words = |model: &&LoadedModel| Rc::ptr_eq(&model.tokenizer, &learned.tokenizer);
        match self.language_model.as_ref().filter(same_words) {
            None => {
                let model = plan::model_config(&watched.config, learned.tokenizer.len())?;
                let masked_text = watched.masked_text(&learned.tokenizer, &model);
                self.host
                    .emit(masked_text.told(&learned.tokenizer), Vec::new());
            }
            Some(model) => {
                let masked_text = watched.masked_text(&model.tokenizer, &model.config);
                let (params, device) = (model.params(&self.device), &self.device);
                let LoadedModel {
                    config,
                    heads,
                    tokenizer,
                    ..
                } = model;
                let view = ModelView {
                    config,
                    params: &params,
                    heads: *heads,
                    tokenizer,
                    device,
                };
                for (event, buffers) in masked_text.seen(&view, RunStep::default()).await? {
                    self.host.emit(event, buffers);
                }
            }
        }
        self.watched = Some(watched);
        Ok(())
    }

    /// As [`Self::learn`]; of a corpus that takes long to read, learns from the first documents only, unless a run has
    /// learned all of it.
    pub(super) fn learn_for_preview(
        &mut self,
        config: &RunConfig,
        words: Option<Rc<Tokenizer>>,
    ) -> Result<()> {
        let is_large = self.corpus.as_ref().ok_or_else(no_corpus)?.is_read_again();
        let is_known = self
            .learned
            .as_ref()
            .is_some_and(|learned| learned.serves(config, words.as_ref()));
        if !is_large || is_known {
            return self.learn("", config, words);
        }
        let limit = Some(config.limit.unwrap_or(LOOKED_AT).min(LOOKED_AT));
        let config = RunConfig {
            limit,
            ..config.clone()
        };
        if !self
            .learned
            .as_ref()
            .is_some_and(|learned| learned.serves(&config, words.as_ref()))
        {
            let message = format!(
                "this is much text: until a run starts, its first {LOOKED_AT} documents stand for all of it"
            );
            self.warn("", "sampled-preview", message);
        }
        self.learn("", &config, words)
    }

    fn tell_vocabulary(&self, filter: &str, limit: usize) {
        // Other text came in between: nobody waits for the words of the last one, and those of this one will be asked for.
        let Ok(tokenizer) = self.words() else { return };
        let all = (0..tokenizer.len() as u32).map(|id| inference::entry(tokenizer, id));
        let entries = all
            .filter(|entry| entry.token.contains(filter))
            .take(limit)
            .collect();
        let (learned, corpus) = (self.learned.as_ref(), self.corpus.as_ref());
        let event = Event::Vocabulary {
            size: tokenizer.len() as u64,
            entries,
            coverage: learned
                .map(|learned| learned.coverage().to_vec())
                .unwrap_or_default(),
            unknown_share: learned.map_or(0.0, |learned| learned.train.unknown_share()),
            lengths: learned
                .zip(corpus)
                .map(|(learned, corpus)| learned.lengths(corpus).to_vec())
                .unwrap_or_default(),
        };
        self.host.emit(event, Vec::new());
    }

    /// The words learned last, else those of the model at hand.
    fn words(&self) -> Result<&Tokenizer> {
        let learned = self.learned.as_ref().map(|learned| &learned.tokenizer);
        let models = self
            .language_model
            .as_ref()
            .or(self.classifier.as_ref())
            .map(|model| &model.tokenizer);
        learned.or(models).map(Rc::as_ref).ok_or_else(no_model)
    }
}

/// The files of a model: loose ones, or those of a single `.zip`.
fn model_files(
    files: &[protocol::FileInfo],
    contents: &[Rc<dyn ByteSource>],
) -> Result<ModelFiles> {
    let given = || files.iter().zip(contents);
    if let [file] = files
        && file.name.to_ascii_lowercase().ends_with(".zip")
    {
        let named = interop::zip_read(&bytes_of(file, &contents[0])?)?;
        let bytes = |name: &str| {
            named
                .iter()
                .find(|(other, _)| other == name)
                .map(|(_, bytes)| bytes.clone())
        };
        check_directory(named.iter().map(|(name, _)| name.clone()).collect(), &bytes)?;
        return Ok(interop::whole(named)?);
    }
    // Asked before anything large is read.
    let start = |name: &str| {
        given()
            .find(|(file, _)| file.name == name)
            .and_then(|(_, content)| start_of(content))
    };
    check_directory(files.iter().map(|file| file.name.clone()).collect(), &start)?;
    let read = given().filter(|(file, _)| !interop::is_foreign_weights(&file.name));
    let named = read.map(|(file, content)| Ok((file.name.clone(), bytes_of(file, content)?)));
    Ok(interop::whole(named.collect::<Result<ModelFiles>>()?)?)
}

/// Whether files of these names are a model, where nothing is known of their place.
fn check_directory(names: Vec<String>, start: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<()> {
    Ok(Directory {
        place: "this model",
        path: "DIR",
        names: &names,
        start,
    }
    .check()?)
}

fn bytes_of(file: &protocol::FileInfo, content: &Rc<dyn ByteSource>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = content
        .open()
        .and_then(|mut content| content.read_to_end(&mut bytes));
    read.map_err(|error| DataError::reading(&file.name, error))?;
    Ok(bytes)
}

/// How a file begins; nothing where it cannot be read.
fn start_of(content: &Rc<dyn ByteSource>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    content
        .open()
        .ok()?
        .take(interop::MAX_START_BYTES)
        .read_to_end(&mut bytes)
        .ok()
        .map(|_| bytes)
}

/// A file that came beside a command.
fn input(file: protocol::FileInfo, content: Rc<dyn ByteSource>) -> InputFile {
    let protocol::FileInfo {
        name,
        role,
        encoding,
        member_roles,
    } = file;
    InputFile {
        encoding,
        member_roles,
        ..InputFile::new(name, content, role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &[u8])]) -> Result<Vec<String>> {
        let info = |name: &str| protocol::FileInfo {
            name: name.into(),
            role: None,
            encoding: None,
            member_roles: std::collections::BTreeMap::new(),
        };
        let infos: Vec<_> = files.iter().map(|(name, _)| info(name)).collect();
        let contents: Vec<Rc<dyn ByteSource>> = files
            .iter()
            .map(|(_, bytes)| Rc::new(bytes.to_vec()) as Rc<dyn ByteSource>)
            .collect();
        Ok(model_files(&infos, &contents)?
            .into_iter()
            .map(|(name, _)| name)
            .collect())
    }

    #[test]
    fn a_model_comes_loose_or_packed_and_without_what_is_not_read() {
        let model = [
            ("config.json", &b"{}"[..]),
            ("model.safetensors", b"x"),
            ("vocab.txt", b"x"),
        ];
        let loose = [&model[..], &[("pytorch_model.bin", b"x")]].concat();
        let names = ["config.json", "model.safetensors", "vocab.txt"];
        assert_eq!(read(&loose).expect("a model"), names);
        let files: Vec<_> = model
            .iter()
            .map(|(name, bytes)| (name.to_string(), bytes.to_vec()))
            .collect();
        assert_eq!(
            read(&[("m.ZIP", &interop::zip_write("m", &files))]).expect("a model"),
            names
        );
    }

    #[test]
    fn weights_in_another_form_are_named() {
        let torch = [("config.json", &b"{}"[..]), ("pytorch_model.bin", b"x")];
        let files: Vec<_> = torch
            .iter()
            .map(|(name, bytes)| (name.to_string(), bytes.to_vec()))
            .collect();
        let archive = interop::zip_write("m", &files);
        for files in [&torch[..], &[("m.zip", archive.as_slice())]] {
            let error = read(files).expect_err("another form");
            assert_eq!(
                error.to_string(),
                "this model holds PyTorch weights (pytorch_model.bin), but no model.safetensors"
            );
            assert!(
                error.hint().contains("from_pretrained(\"DIR\")"),
                "{}",
                error.hint()
            );
        }
    }
}
