//! The command loop: handles the commands of a page, one after another, for as long as the page is
//! open.

use super::checks::{no_corpus, no_model};
use super::host::Delivery;
use super::models::Models;
use super::{Host, LoadedModel, ModelFiles, RunOutcome, Session, ToyOutcome, vector_lines};
use crate::data::{ByteSource, DataError, InputFile, LOOKED_AT, ReadOptions, Tokenizer};
use crate::error::Result;
use crate::interop::{self, Directory};
use crate::session::commands::compare::Progress;
use crate::session::commands::resume;
use crate::session::query::preview::{ModelView, PreviewRequest, RunStep};
use crate::session::query::slow_motion::{TraceSelection, slow_motion};
use crate::session::query::{inference, input};
use crate::session::run::plan;
use protocol::message;
use protocol::{Command, CommandKind, Event, ExportFormat, Phase, RunConfig};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::io::Read;
use std::pin::Pin;
use std::rc::Rc;

/// Bytes of a hash that identify an imported run.
const NAME_BYTES: usize = 4;

impl<H: Host> Session<H> {
    /// Serves commands until the host goes away.
    pub async fn serve(&mut self) -> ! {
        loop {
            // `Host::yield_now` returns no command that has files.
            let delivery = match self.deferred.pop_front() {
                Some(command) => command.into(),
                None => self.host.next_delivery().await,
            };
            let command = &delivery.command;
            let (run, request) = (command.run().cloned(), command.request());
            if let Err(error) = self.handle(delivery).await {
                let failed = match run {
                    Some(run) => inference::failed(&run, &error),
                    None => inference::query_error(request, &error),
                };
                self.host.emit(failed);
            }
        }
    }

    async fn handle(&mut self, delivery: Delivery) -> Result<()> {
        let Delivery {
            command,
            files: contents,
        } = delivery;
        match command {
            Command::Open { .. } => self.host.emit(Event::Ready {
                device: self.info.clone(),
            }),
            Command::SetCorpus {
                files,
                text_column,
                label_column,
                label_separator,
                quoting,
                label_map,
                annotations,
            } => {
                let inputs = files
                    .into_iter()
                    .zip(contents)
                    .map(|(file, content)| input(file, content));
                let options = ReadOptions {
                    encoding: None,
                    text_column,
                    label_column,
                    label_separator,
                    quoting,
                    label_map,
                    annotations,
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
                let before = self.models.clone();
                self.models.continues |= go_on && self.models.language_model.is_some();
                let trained = self.pretrain(&run, &config, None).await;
                self.adopt(trained, before)?;
            }
            Command::Finetune { run, config, from } => {
                let before = self.models.clone();
                let trained = self.finetune(&run, &config, from, None).await;
                self.adopt(trained, before)?;
            }
            Command::SaveCheckpoints { run, folder } => self.host.save_checkpoints(&run, &folder),
            Command::ResumeRun { run, files } => {
                let before = self.models.clone();
                let trained = self.resume_run(&run, &files, &contents).await;
                self.adopt(trained, before)?;
            }
            Command::ExportRun { request, files } => {
                let files = resume::run_directory(&files, &contents)?;
                inference::exported(&self.host, request, &files, ExportFormat::Zip)?;
            }
            Command::Compare {
                run,
                config,
                compare,
                known,
            } => {
                let pretraining_secs = self.models.pretraining_secs;
                let progress = Progress {
                    known,
                    on_cell: &mut |_| Ok(()),
                    pretraining_secs,
                };
                let started = self.host.now_secs();
                // Previews during a comparison would not be the user's own runs.
                let watched = self.dataset.watched.take();
                let compared = self.compare(&run, &config, &compare, progress).await;
                self.dataset.watched = self.dataset.watched.take().or(watched);
                let stopped = compared?.is_none();
                let elapsed_secs = self.host.now_secs() - started;
                self.host.emit(Event::Finished {
                    run,
                    step: 0,
                    stopped,
                    elapsed_secs,
                });
            }
            Command::SetWordVectors { file } => {
                let content = contents.into_iter().next();
                self.set_word_vectors(
                    file.zip(content)
                        .map(|(file, content)| vector_lines(file.name, content)),
                );
            }
            Command::Toy { run, config } => {
                let watched = self.dataset.watched.take();
                let outcome = self.toy(&run, &config).await;
                self.dataset.watched = self.dataset.watched.take().or(watched);
                let ToyOutcome {
                    learned,
                    step,
                    loss,
                    accuracy,
                    ..
                } = outcome?;
                self.host.emit(Event::Counted {
                    run,
                    learned,
                    step,
                    loss,
                    accuracy,
                });
            }
            Command::Vocabulary { filter, limit } => self.emit_vocabulary(&filter, limit),
            Command::ExportModel { request, format } => {
                inference::exported(&self.host, request, &self.export().await?, format)?;
            }
            Command::ImportModel { files } => self.import_files(files, contents)?,
            Command::Review { request, split } => {
                let review = self.review(&split).await?;
                self.host.emit(Event::Reviewed { request, review });
            }
            Command::Lines {
                request,
                query,
                limit,
            } => {
                let (lines, more) = self.lines(&query, limit).await?;
                self.host.emit(Event::Lines {
                    request,
                    lines,
                    more,
                });
            }
            Command::SlowMotion {
                request,
                text,
                position,
                layer,
                head,
            } => {
                let model = self.models.language_model.as_ref().ok_or_else(no_model)?;
                let selection = TraceSelection {
                    position: position.map(|position| position as usize),
                    layer: layer as usize,
                    head: head as usize,
                };
                let motion = slow_motion(model, &self.device, &text, selection).await?;
                self.host.emit(Event::SlowMotion { request, motion });
            }
            Command::MeasureLabels {
                request,
                training,
                held_out,
            } => {
                let (held_out, scores) = self.measure_labels(&training, &held_out)?;
                self.host.emit(Event::LabelsMeasured {
                    request,
                    held_out,
                    scores,
                });
            }
            Command::Map { request, source } => {
                let (points, more) = self.map(source).await?;
                self.host.emit(Event::Mapped {
                    request,
                    points,
                    more,
                });
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
                let content = contents.into_iter().next().ok_or(DataError::NoFiles)?;
                let long = if splits_long {
                    input::Long::Split
                } else {
                    input::Long::Cut
                };
                let selection = inference::LabelSelection::Given { own_thresholds };
                self.label_file(request, &input(file, content), &options, (selection, long))
                    .await?;
            }
            Command::Estimate {
                request,
                config,
                tries,
            } => {
                let estimate = self.estimate(&config, tries).await?;
                self.host.emit(Event::Estimated { request, estimate });
            }
            Command::Neighbours {
                request,
                word,
                top_k,
            } => {
                self.host
                    .emit(self.all_neighbours(request, word, top_k).await?);
            }
            Command::Baseline { config } => {
                let result = self.baseline(&config).await?;
                self.host.emit(result);
            }
            question @ (Command::FillMask { .. }
            | Command::FillMasks { .. }
            | Command::Classify { .. }
            | Command::Explain { .. }
            | Command::Attend { .. }
            | Command::Tokenize { .. }) => {
                self.answer(question).await?;
            }
            Command::Pause | Command::Resume | Command::Step { .. } | Command::Stop => (),
        }
        Ok(())
    }

    /// Keeps the models of a run. If it failed, or was stopped before its first step, restores the
    /// models and settings from before it.
    fn adopt(&mut self, trained: Result<RunOutcome>, before: Models) -> Result<()> {
        // A run without steps fitted an output layer, which is worth keeping.
        if !trained
            .as_ref()
            .is_ok_and(|outcome| outcome.step > 0 || !outcome.stopped)
        {
            self.models = before;
        }
        trained.map(drop)
    }

    /// Answers a query with the model or tokenizer it is meant for. Queries change no state.
    async fn answer(&self, question: Command) -> Result<()> {
        let newest = if self.models.latest == Phase::Finetune {
            &self.models.classifier
        } else {
            &self.models.language_model
        };
        let model = match &question {
            Command::Tokenize { request, text } => {
                self.host
                    .emit(inference::tokenized(self.tokenizer()?, *request, text));
                return Ok(());
            }
            Command::FillMask { .. } | Command::FillMasks { .. } => self
                .models
                .language_model
                .as_ref()
                .or(self.models.classifier.as_ref()),
            Command::Classify { .. } | Command::Explain { .. } => self.models.classifier.as_ref(),
            _ => newest.as_ref().or(self.models.language_model.as_ref()),
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

    /// Answers the queries among the commands that arrived during a long job, if they concern the
    /// current models and text.
    pub(super) async fn answer_waiting(&mut self) {
        let is_short =
            |command: &Command| matches!(command.kind(), CommandKind::Query | CommandKind::Lookup);
        let changes =
            |command: &Command| command.kind() == CommandKind::Data || command.run().is_some();
        // Commands queued behind a change of models or corpus refer to the new ones.
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
            // None of these commands calls this function again.
            let answer: Pin<Box<dyn Future<Output = Result<()>> + '_>> =
                Box::pin(self.handle(question.into()));
            if let Err(error) = answer.await {
                self.host.emit(inference::query_error(request, &error));
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
        let lines = lines.unwrap_or_default();
        let events = interop::history(&lines);
        if !events.is_empty() {
            let digest = Sha256::digest(&lines);
            let name: String = digest[..NAME_BYTES]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            self.host.emit(Event::History {
                run: format!("imported-{name}"),
                events,
            });
        }
        Ok(())
    }

    /// Previews the masking of one text, with the language model's predictions if it uses the same
    /// tokenizer. The preview's random generator is its own and does not affect runs.
    async fn preview(
        &mut self,
        config: RunConfig,
        example: u64,
        epoch: u64,
        text: Option<String>,
    ) -> Result<()> {
        let tokenizer = self
            .models
            .language_model
            .as_ref()
            .filter(|_| self.models.continues)
            .map(|model| model.tokenizer.clone());
        self.learn_for_preview(&config, tokenizer)?;
        let learned = self.dataset.learned.as_ref().expect("just learned");
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let text = text.map_or_else(|| corpus.training_text(example), Ok)?;
        let watched = PreviewRequest {
            config,
            example,
            epoch,
            text,
        };
        let same_words = |model: &&LoadedModel| Rc::ptr_eq(&model.tokenizer, &learned.tokenizer);
        match self.models.language_model.as_ref().filter(same_words) {
            None => {
                let model = plan::model_config(&watched.config, learned.tokenizer.len())?;
                let masked_text = watched.masked_text(&learned.tokenizer, &model);
                self.host
                    .emit(masked_text.masking_event(&learned.tokenizer));
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
                for (event, buffers) in masked_text
                    .preview_events(&view, RunStep::default())
                    .await?
                {
                    self.host.emit_with(event, buffers);
                }
            }
        }
        self.dataset.watched = Some(watched);
        Ok(())
    }

    /// As [`Self::learn`]; of a large corpus, tokenizes only the first documents, unless a run has
    /// tokenized all of it.
    pub(super) fn learn_for_preview(
        &mut self,
        config: &RunConfig,
        tokenizer: Option<Rc<Tokenizer>>,
    ) -> Result<()> {
        let is_large = self
            .dataset
            .corpus
            .as_ref()
            .ok_or_else(no_corpus)?
            .is_streamed();
        let is_known = self
            .dataset
            .learned
            .as_ref()
            .is_some_and(|learned| learned.serves(config, tokenizer.as_ref()));
        if !is_large || is_known {
            return self.learn("", config, tokenizer);
        }
        let limit = Some(config.limit.unwrap_or(LOOKED_AT).min(LOOKED_AT));
        let config = RunConfig {
            limit,
            ..config.clone()
        };
        if !self
            .dataset
            .learned
            .as_ref()
            .is_some_and(|learned| learned.serves(&config, tokenizer.as_ref()))
        {
            let message = message!(
                "the text is large: until a run starts, previews use only its first {limit} documents",
                limit = LOOKED_AT
            );
            self.warn("", "sampled-preview", message);
        }
        self.learn("", &config, tokenizer)
    }

    fn emit_vocabulary(&self, filter: &str, limit: usize) {
        // Without a tokenizer the corpus was replaced in between: this answer is no longer needed,
        // and the page will ask again.
        let Ok(tokenizer) = self.tokenizer() else {
            return;
        };
        let all = (0..tokenizer.len() as u32).map(|id| inference::entry(tokenizer, id));
        let entries = all
            .filter(|entry| entry.token.contains(filter))
            .take(limit)
            .collect();
        let (learned, corpus) = (self.dataset.learned.as_ref(), self.dataset.corpus.as_ref());
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
        self.host.emit(event);
    }

    /// Returns the tokenizer of the corpus, or that of the model.
    fn tokenizer(&self) -> Result<&Tokenizer> {
        let learned = self
            .dataset
            .learned
            .as_ref()
            .map(|learned| &learned.tokenizer);
        let models = self
            .models
            .language_model
            .as_ref()
            .or(self.models.classifier.as_ref())
            .map(|model| &model.tokenizer);
        learned.or(models).map(Rc::as_ref).ok_or_else(no_model)
    }
}

/// Returns the files of a model: given one by one, or in a single `.zip`.
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
    // Check this before reading anything large.
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

/// Checks whether files of these names are a model, in a directory of unknown path.
fn check_directory(names: Vec<String>, start: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<()> {
    Ok(Directory {
        place: &message!("this selection"),
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

/// Returns the first bytes of a file; `None` if it cannot be read.
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

/// Converts a file that came with a command to an input file.
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
    fn model_files_are_read_loose_or_zipped_and_unused_ones_skipped() {
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
    fn other_weight_formats_are_refused() {
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
                "this selection contains PyTorch weights (pytorch_model.bin), but no model.safetensors"
            );
            assert!(
                error
                    .hint()
                    .to_string()
                    .contains("from_pretrained(\"DIR\")"),
                "{}",
                error.hint()
            );
        }
    }
}
