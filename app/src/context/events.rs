//! What the engine says: into the state first, then to whom it concerns. Signals only say that something changed, at most
//! ten times a second for what a running step changes.

use super::{After, AppContext};
use crate::state::{ENGINE_CRASHED, Failures, RunState, StateSlice, worded};
use js_sys::{ArrayBuffer, Uint8Array};
use leptos::prelude::*;
use protocol::Event;
use std::time::Duration;

/// Figures change at most this often on screen.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

impl AppContext {
    /// Takes an event in; `text` is what it was read from.
    pub(super) fn receive(&self, text: &str, event: Event, buffers: &[ArrayBuffer]) {
        let event = worded(event);
        let open = |state: &RunState| {
            state
                .runs
                .iter()
                .filter(|run| !run.stage.is_over())
                .map(|run| run.id.clone())
                .collect()
        };
        let under_way: Vec<String> = if matches!(event, Event::Failed { .. }) {
            self.peek(open)
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
                // Nobody waits for the rest of a table that ends here.
                if self.peek(|state| state.labelling.is_none()) {
                    self.table.set_value(vec![]);
                }
                // Whatever failed may have ended the run under way; what was to follow it does not.
                let fails_now = self.has_crashed() && !had_failed;
                for ended in under_way
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
                        under_way.iter().find_map(key),
                        message,
                        code.starts_with("gpu-"),
                    );
                }
            }
            // Within a run the question would wait, and be asked again with every look.
            Event::Masking { run, .. }
                if run.is_empty() && self.peek(|state| state.vocabulary.is_none()) =>
            {
                self.look_up_again();
            }
            // A run looks at its text every now and then.
            Event::Masking { run, .. } if !run.is_empty() => self.ask_clozes(),
            Event::Imported { .. } => {
                self.look_up_again();
                self.ask_clozes();
                if self.peek(|state| state.corpus.is_some()) {
                    self.on_read
                        .with_value(|act| act.iter().for_each(|act| act()));
                }
            }
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
            Event::Step { run, .. } | Event::Evaluated { run, .. } => self.keep_now_and_then(&run),
            _ => {}
        }
    }

    /// Keeps a run that is over, and starts what was to follow it.
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
        self.look_up_again();
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
                StateSlice::Progress => self.touch_progress_soon(),
                other => self.topics[*other as usize].notify(),
            }
        }
    }

    fn touch_progress_soon(&self) {
        let app = *self;
        if self.progress_due.get_value() {
            return;
        }
        self.progress_due.set_value(true);
        let notify = move || {
            app.progress_due.set_value(false);
            app.topics[StateSlice::Progress as usize].notify();
        };
        set_timeout(notify, PROGRESS_EVERY);
    }
}
