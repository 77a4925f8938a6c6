//! The command loop: handles the commands of a page, one after another, for as long as the page is
//! open.

use super::checks::no_model;
use super::host::Delivery;
use super::models::Models;
use super::{Host, RunOutcome, Session, ToyOutcome, vector_lines};
use crate::data::{ByteSource, DataError, InputFile, ReadOptions};
use crate::error::Result;
use crate::session::commands::compare::Progress;
use crate::session::commands::resume;
use crate::session::query::preview::RunStep;
use crate::session::query::slow_motion::{TraceSelection, slow_motion};
use crate::session::query::{inference, input};
use protocol::{Command, CommandKind, Event, ExportFormat, Phase};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;

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
            Command::StoreCheckpoint { run, files } => {
                self.store_checkpoint(&run, files, contents).await;
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
            Command::ImportModel { request, files } => {
                self.import_files(request, files, contents)?;
            }
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
