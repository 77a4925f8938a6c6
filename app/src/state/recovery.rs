//! What follows when the engine fails: it restarts by itself, after a second fault of the GPU on the CPU, and gives up when
//! that does not help. Pure: who restarts it, and what it continues with, is the lab's.

use super::{DEVICE_LOST, ENGINE_CRASHED};
use crate::tr;
use protocol::Event;

/// Restarts without any progress in between after which the person decides.
const MAX_RESTARTS: u32 = 3;

/// Faults of the GPU after which the CPU takes over.
const MAX_GPU_FAULTS: u32 = 2;

/// Start of the codes of GPU faults.
const GPU_FAULT: &str = "gpu-";

/// Whether nothing works after a failure of this code.
pub fn ends_the_engine(code: &str) -> bool {
    code == ENGINE_CRASHED || code == DEVICE_LOST || code.starts_with(GPU_FAULT)
}

/// A fault of the GPU, in words: the worker passes on what WebGPU says. Other events stay as they are.
pub fn worded(mut event: Event) -> Event {
    if let Event::Failed {
        code,
        message,
        hint,
        ..
    } = &mut event
    {
        let reason = message.trim_end_matches(['.', ' ']).to_string();
        (*message, *hint) = match code.as_str() {
            "gpu-memory" => (
                tr!("The GPU has no memory left."),
                tr!("Choose a smaller preset, batch size or length."),
            ),
            "gpu-refused" => (
                tr!("The GPU refused a command: {reason}.", reason),
                tr!("Update the browser or the graphics driver, or train on the CPU."),
            ),
            "gpu-lost" if reason.is_empty() => (
                tr!("The connection to the GPU was lost."),
                tr!("Train on the CPU."),
            ),
            "gpu-lost" => (
                tr!("The connection to the GPU was lost: {reason}.", reason),
                tr!("Train on the CPU."),
            ),
            _ => return event,
        };
    }
    event
}

/// Failures of the engine since it last made progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    restarts: u32,
    gpu_faults: u32,
}

/// How an engine that failed is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// By another one on the same device.
    SameDevice,
    /// By another one on the CPU.
    Cpu,
    /// Not at all: the person decides.
    None,
}

impl Failures {
    /// Counts a failure on the GPU or the CPU.
    pub fn count(&mut self, on_gpu: bool) -> Recovery {
        self.restarts += 1;
        self.gpu_faults += u32::from(on_gpu);
        match () {
            () if self.restarts > MAX_RESTARTS => Recovery::None,
            () if on_gpu && self.gpu_faults >= MAX_GPU_FAULTS => Recovery::Cpu,
            () => Recovery::SameDevice,
        }
    }

    /// The engine made progress: a run ended well.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Intervals between events that the usual one is taken from.
const INTERVALS: usize = 31;

/// Silence of a run after which the person is asked, in usual intervals and in seconds.
const ASKED_AFTER: (f64, f64) = (20.0, 8.0);

/// Silence after which the engine restarts unless the person wants to wait.
const RESTARTED_AFTER: (f64, f64) = (40.0, 30.0);

/// How regularly events of a run come.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pulse {
    last_secs: f64,
    intervals: Vec<f64>,
    /// Whether the person wants to wait.
    pub waits: bool,
}

/// What a silence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nothing yet.
    Usual,
    /// The engine may have failed.
    Suspicious,
    /// It has.
    Dead,
}

impl Pulse {
    /// An event came.
    pub fn beat(&mut self, now_secs: f64) {
        if self.intervals.len() == INTERVALS {
            self.intervals.remove(0);
        }
        self.intervals.push(now_secs - self.last_secs);
        self.last_secs = now_secs;
        self.waits = false;
    }

    /// The silence begins now: a run started, or the page itself stood still.
    pub fn reset(&mut self, now_secs: f64) {
        self.last_secs = now_secs;
    }

    /// Seconds since the last event.
    pub fn silence_secs(&self, now_secs: f64) -> f64 {
        now_secs - self.last_secs
    }

    /// What the present silence means.
    pub fn silence(&self, now_secs: f64) -> Silence {
        let mut sorted = self.intervals.clone();
        sorted.sort_by(f64::total_cmp);
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let exceeds =
            |(times, secs): (f64, f64)| self.silence_secs(now_secs) > secs.max(times * usual);
        match () {
            () if exceeds(RESTARTED_AFTER) && !self.waits => Silence::Dead,
            () if exceeds(ASKED_AFTER) => Silence::Suspicious,
            () => Silence::Usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_fault_of_a_gpu_leads_to_the_cpu_and_the_fourth_failure_to_the_person() {
        let mut failures = Failures::default();
        assert_eq!(failures.count(true), Recovery::SameDevice);
        assert_eq!(failures.count(true), Recovery::Cpu);
        assert_eq!(failures.count(false), Recovery::SameDevice);
        assert_eq!(failures.count(false), Recovery::None);
        failures.forget();
        assert_eq!(failures.count(false), Recovery::SameDevice);
    }

    #[test]
    fn a_silence_is_judged_by_the_usual_interval() {
        let mut pulse = Pulse::default();
        (0..=100).for_each(|tenth| pulse.beat(f64::from(tenth) / 10.0));
        assert_eq!(pulse.silence(17.0), Silence::Usual);
        assert_eq!(pulse.silence(19.0), Silence::Suspicious);
        assert_eq!(pulse.silence(41.0), Silence::Dead);
        pulse.waits = true;
        assert_eq!(pulse.silence(1000.0), Silence::Suspicious);
        let mut slow = Pulse::default();
        (0..40).for_each(|step| slow.beat(f64::from(step) * 3.0));
        let last = 39.0 * 3.0;
        assert_eq!(slow.silence(last + 50.0), Silence::Usual);
        assert_eq!(slow.silence(last + 70.0), Silence::Suspicious);
        assert_eq!(slow.silence(last + 130.0), Silence::Dead);
    }
}
