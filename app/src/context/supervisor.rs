//! Supervises the engine: if it fails, ends or stops responding during a run, it is replaced,
//! corpus and model are reloaded, and the run resumes. Explains in one sentence what happened.

use super::AppContext;
use crate::state::{Engine, Recovery, Run, RunState, Silence, Stage, StateSlice};
use crate::tr;
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::{BackendChoice, Message};
use std::time::Duration;

/// Interval between checks of the engine's silence.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A timer that is later than this was delayed together with the whole page.
const MAX_LATENESS_SECS: f64 = 5.0;

impl AppContext {
    /// Starts the supervision.
    pub(super) fn watch_over_engine(&self) {
        let app = *self;
        let mut last = now_secs();
        let check = move || {
            let now = now_secs();
            // After the page was frozen or asleep, silence says nothing about the engine.
            if now - std::mem::replace(&mut last, now) > MAX_LATENESS_SECS {
                app.pulse.update_value(|pulse| pulse.reset(now));
            }
            app.check_silence(now);
        };
        let check = std::cell::RefCell::new(check);
        set_interval(move || (check.borrow_mut())(), CHECK_INTERVAL);
    }

    /// Records that the engine has reported something.
    pub(super) fn hear(&self) {
        let now = now_secs();
        self.pulse.update_value(|pulse| pulse.beat(now));
        if self.peek(|state| state.silent_secs.is_some()) {
            self.set_silence(None);
        }
    }

    fn check_silence(&self, now: f64) {
        let computes = self.peek(|state| {
            state
                .active()
                .is_some_and(|run| run.stage == Stage::Running)
        });
        if !computes {
            return self.pulse.update_value(|pulse| pulse.reset(now));
        }
        let (silence, secs) = self
            .pulse
            .with_value(|pulse| (pulse.silence(now), pulse.silence_secs(now)));
        match silence {
            Silence::Usual => {}
            Silence::Suspicious => self.set_silence(Some(secs as u64)),
            Silence::Dead => self.replace_silent_engine(),
        }
    }

    fn set_silence(&self, secs: Option<u64>) {
        self.state.update_value(|state| state.silent_secs = secs);
        self.notify(&[StateSlice::Runs]);
    }

    /// Waits for a silent engine, at the user's request.
    pub fn wait_for_engine(&self) {
        self.pulse.update_value(|pulse| pulse.waits = true);
        self.set_silence(None);
    }

    /// Replaces an engine that no longer responds and resumes its run.
    pub fn replace_silent_engine(&self) {
        let secs = self
            .pulse
            .with_value(|pulse| pulse.silence_secs(now_secs())) as u64;
        self.set_silence(None);
        // Runs that are part of a comparison have no key.
        let open = |run: &&Run| !run.stage.is_over() && !run.key.is_empty();
        let run = self.peek(|state| state.runs.iter().find(open).map(|run| run.key.clone()));
        self.state.update_value(RunState::end_open_runs);
        self.recover(
            run,
            tr!("The engine did not answer for {secs} seconds.", secs),
            false,
        );
    }

    /// Replaces an engine that failed during the run of this key, or outside of a run; `cause` is
    /// the reason shown to the user.
    pub(super) fn recover(&self, run: Option<String>, cause: String, is_gpu_fault: bool) {
        self.end_engine();
        let device = self.device.get_value();
        let recovery = match device.as_deref() {
            Some(backend) => {
                let on_gpu = backend != "cpu";
                self.failures
                    .try_update_value(|failures| failures.count(on_gpu))
                    .unwrap_or(Recovery::None)
            }
            // A GPU that fails before it is selected would fail again; so would an engine that was
            // never ready.
            None if is_gpu_fault => Recovery::Cpu,
            None => Recovery::None,
        };
        if recovery == Recovery::None {
            return self.give_up(cause);
        }
        if recovery == Recovery::Cpu {
            self.backend.set_value(Some(BackendChoice::Cpu));
        }
        let resumes = run.filter(|key| self.can_continue(key));
        let (model, next) = (self.peek(RunState::loaded_model_key), self.next.get_value());
        self.restart_engine();
        self.next.set_value(next);
        let goes_on = match (recovery, resumes.is_some()) {
            (Recovery::Cpu, true) => tr!("The engine restarted on the CPU, and the run resumes."),
            (Recovery::Cpu, false) => tr!("The engine restarted on the CPU."),
            (_, true) => tr!("The engine restarted, and the run resumes."),
            (_, false) => tr!("The engine restarted."),
        };
        if let Some(key) = &resumes {
            let sentence = format!("{cause} {goes_on}");
            self.change_run(key, |run| {
                run.warnings
                    .push(("recovered".into(), Message::verbatim(sentence)));
            });
            self.resume_when_read(key);
        } else if let Some(key) = model {
            let app = *self;
            spawn_local(async move { app.open_model_of(&key).await });
        }
        self.show_error(cause, goes_on);
    }

    /// Gives up the recovery: the user has to restart the engine.
    fn give_up(&self, cause: String) {
        self.state
            .update_value(|state| state.engine = Engine::Crashed);
        self.lock.set_value(None);
        self.next.set_value(None);
        if self.peek(|state| state.notice.is_none()) {
            self.show_error(
                cause,
                tr!("Restart the engine; if it stops again, choose a smaller preset or reload the page."),
            );
        }
        self.notify(&[
            StateSlice::Engine,
            StateSlice::Runs,
            StateSlice::Progress,
            StateSlice::Notice,
        ]);
    }

    fn can_continue(&self, key: &str) -> bool {
        let is_resumable = |run: &Run| {
            run.key == key && (run.can_resume() || run.is_own() && run.resume.command.is_some())
        };
        self.peek(|state| state.runs.iter().any(is_resumable))
    }
}

/// Returns seconds on a clock that also runs while the page is suspended.
fn now_secs() -> f64 {
    js_sys::Date::now() / 1000.0
}
