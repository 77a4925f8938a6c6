//! Handles events from the engine: applies them to the state first, then runs side effects. Signals
//! only announce changes; progress is announced at most ten times a second.

use super::{After, AppContext};
use crate::localize_message::localize_message;
use crate::state::{ENGINE_CRASHED, Failures, RunState, StateSlice, worded};
use js_sys::{ArrayBuffer, Uint8Array};
use leptos::prelude::*;
use protocol::Event;
use std::time::Duration;

/// Minimum interval between updates of the progress display.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

impl AppContext {
    /// Handles an event; `text` is its JSON.
    pub(super) fn receive(&self, text: &str, event: Event, buffers: &[ArrayBuffer]) {
        let event = worded(event);
        let open_run_ids = |state: &RunState| {
            state
                .runs
                .iter()
                .filter(|run| !run.stage.is_over())
                .map(|run| run.id.clone())
                .collect()
        };
        let active_before: Vec<String> = if matches!(event, Event::Failed { .. }) {
            self.peek(open_run_ids)
        } else {
            vec![]
        };
        let had_failed = self.has_crashed();
        self.hear();
        let topics = self
            .state
            .try_update_value(|state| state.apply(event.clone()))
            .unwrap_or_default();
        if let (Event::Attention { .. }, Some(bytes)) = (&event, buffers.first()) {
            let bytes = Uint8Array::new(bytes).to_vec();
            self.state
                .update_value(|state| state.take_attention(&event, bytes));
        }
        self.notify(topics);
        match event {
            Event::Corpus { documents, .. } => {
                self.settle_offer(true);
                self.resume_pending();
                if self.peek(|state| state.active().is_some()) {
                    self.store_text();
                }
                if documents > 0 {
                    self.on_read
                        .with_value(|act| act.iter().for_each(|act| act()));
                }
            }
            Event::Failed {
                run,
                code,
                message,
                request,
                ..
            } => {
                if run.is_empty() && request.is_none() && code != ENGINE_CRASHED {
                    self.settle_offer(false);
                }
                // The rest of an aborted table is not needed.
                if self.peek(|state| state.labelling.is_none()) {
                    self.table.set_value(vec![]);
                }
                // A failure may have ended the active run; the action that was to follow it is then
                // cancelled.
                let fails_now = self.has_crashed() && !had_failed;
                for ended in active_before
                    .iter()
                    .filter(|id| self.peek(|state| state.is_over(id)))
                {
                    if !fails_now {
                        self.next.set_value(None);
                        self.lock.set_value(None);
                    }
                    self.keep_run(ended);
                }
                if fails_now {
                    let key = |id: &String| self.peek(|state| state.key_of(id));
                    self.recover(
                        active_before.iter().find_map(key),
                        localize_message(&message),
                        code.starts_with("gpu-"),
                    );
                }
            }
            // During a run the query would wait, and be sent again with every preview.
            Event::Masking { run, .. }
                if run.is_empty() && self.peek(|state| state.vocabulary.is_none()) =>
            {
                self.refresh_vocabulary();
            }
            // A run reports its preview repeatedly.
            Event::Masking { run, .. } if !run.is_empty() => self.ask_clozes(),
            Event::Imported { .. } => {
                self.refresh_vocabulary();
                self.ask_clozes();
                if self.peek(|state| state.corpus.is_some()) {
                    self.on_read
                        .with_value(|act| act.iter().for_each(|act| act()));
                }
            }
            Event::History {
                run,
                checkpoint: Some(checkpoint),
                ..
            } => self.store_imported(&run, checkpoint),
            Event::Exported { request, name } => self.exported(request, &name, buffers),
            Event::Labelled { request, .. } => buffers
                .iter()
                .for_each(|rows| self.take_rows(request, rows)),
            Event::Ready { device } => self.device.set_value(Some(device.backend)),
            Event::Checkpoint { run, .. } | Event::ComparedRun { run, .. } => self.keep_run(&run),
            Event::Started { run, .. } => self.check_room(&run),
            Event::Compared { run, .. } => self
                .state
                .update_value(|state| state.keep_comparison(&run, text)),
            Event::Finished { run, stopped, .. } => self.ended(&run, stopped),
            Event::Step { run, .. } | Event::Evaluated { run, .. } => self.save_periodically(&run),
            _ => {}
        }
    }

    /// Saves a finished run and starts the action that follows it.
    fn ended(&self, run: &str, stopped: bool) {
        self.lock.set_value(None);
        if !stopped {
            self.failures.update_value(Failures::forget);
        }
        let is_own = self.peek(|state| {
            state
                .runs
                .iter()
                .any(|other| other.id == run && other.is_own())
        });
        if !is_own {
            return self.keep_run(run);
        }
        self.keep_with_model(run);
        self.refresh_vocabulary();
        self.ask_clozes();
        match self.next.try_update_value(Option::take).flatten() {
            Some(After::Finetune(from)) if !stopped => self.finetune(from),
            Some(After::Pretrain) => self.pretrain(false),
            _ => {}
        }
    }

    pub(super) fn notify(&self, topics: &[StateSlice]) {
        for topic in topics {
            match topic {
                StateSlice::Progress => self.notify_progress_throttled(),
                slice => self.topics[*slice as usize].notify(),
            }
        }
    }

    fn notify_progress_throttled(&self) {
        let app = *self;
        if self.progress_due.get_value() {
            return;
        }
        self.progress_due.set_value(true);
        let notify = move || {
            app.progress_due.set_value(false);
            app.topics[StateSlice::Progress as usize].notify();
        };
        set_timeout(notify, PROGRESS_INTERVAL);
    }
}
