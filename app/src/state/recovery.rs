//! Recovery from failures of the engine: it is restarted automatically, on the CPU after a second
//! GPU fault, and recovery gives up if that does not help. Pure: the supervisor restarts the engine
//! and resumes its run.

use super::{DEVICE_LOST, ENGINE_CRASHED};
use crate::tr;
use protocol::{Event, Message};

/// Maximum number of automatic restarts without progress in between.
const MAX_RESTARTS: u32 = 3;

/// Number of GPU faults after which the CPU is used.
const MAX_GPU_FAULTS: u32 = 2;

/// Prefix of the codes of GPU faults.
const GPU_FAULT: &str = "gpu-";

/// Returns whether the engine is unusable after a failure with this code.
pub fn ends_the_engine(code: &str) -> bool {
    code == ENGINE_CRASHED || code == DEVICE_LOST || code.starts_with(GPU_FAULT)
}

/// Replaces the message of a GPU fault, which is WebGPU's own, with one for the user. Other events
/// are unchanged.
pub fn worded(mut event: Event) -> Event {
    if let Event::Failed {
        code,
        message,
        hint,
        ..
    } = &mut event
    {
        let reason = message.to_string();
        let reason = reason.trim_end_matches(['.', ' ']);
        let (what, remedy) = match code.as_str() {
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
        (*message, *hint) = (Message::verbatim(what), Message::verbatim(remedy));
    }
    event
}

/// Failures of the engine since it last made progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    restarts: u32,
    gpu_faults: u32,
}

/// How a failed engine is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Restarted on the same device.
    SameDevice,
    /// Restarted on the CPU.
    Cpu,
    /// Not restarted: the user decides.
    None,
}

impl Failures {
    /// Counts a failure on the GPU or the CPU and returns how to recover.
    pub fn count(&mut self, on_gpu: bool) -> Recovery {
        self.restarts += 1;
        self.gpu_faults += u32::from(on_gpu);
        match () {
            () if self.restarts > MAX_RESTARTS => Recovery::None,
            () if on_gpu && self.gpu_faults >= MAX_GPU_FAULTS => Recovery::Cpu,
            () => Recovery::SameDevice,
        }
    }

    /// Resets the counts after progress: a run finished.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Number of recent intervals between events from which the median is taken.
const MAX_INTERVALS: usize = 31;

/// Silence after which the user is asked: a multiple of the median interval, and seconds; the
/// larger applies.
const SUSPICIOUS_AFTER: (f64, f64) = (20.0, 8.0);

/// Silence after which the engine is restarted unless the user waits.
const DEAD_AFTER: (f64, f64) = (40.0, 30.0);

/// Intervals between the events of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pulse {
    last_secs: f64,
    intervals: Vec<f64>,
    /// Whether the user chose to wait.
    pub waits: bool,
}

/// Assessment of a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Within the normal range.
    Usual,
    /// The engine may have failed.
    Suspicious,
    /// The engine is considered dead.
    Dead,
}

impl Pulse {
    /// Records an event.
    pub fn beat(&mut self, now_secs: f64) {
        if self.intervals.len() == MAX_INTERVALS {
            self.intervals.remove(0);
        }
        self.intervals.push(now_secs - self.last_secs);
        self.last_secs = now_secs;
        self.waits = false;
    }

    /// Restarts the measurement of silence: a run started, or the page itself was suspended.
    pub fn reset(&mut self, now_secs: f64) {
        self.last_secs = now_secs;
    }

    /// Returns the seconds since the last event.
    pub fn silence_secs(&self, now_secs: f64) -> f64 {
        now_secs - self.last_secs
    }

    /// Assesses the current silence.
    pub fn silence(&self, now_secs: f64) -> Silence {
        let mut sorted = self.intervals.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let exceeds =
            |(times, secs): (f64, f64)| self.silence_secs(now_secs) > secs.max(times * median);
        match () {
            () if exceeds(DEAD_AFTER) && !self.waits => Silence::Dead,
            () if exceeds(SUSPICIOUS_AFTER) => Silence::Suspicious,
            () => Silence::Usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_gpu_fault_selects_the_cpu_and_fourth_failure_gives_up() {
        let mut failures = Failures::default();
        assert_eq!(failures.count(true), Recovery::SameDevice);
        assert_eq!(failures.count(true), Recovery::Cpu);
        assert_eq!(failures.count(false), Recovery::SameDevice);
        assert_eq!(failures.count(false), Recovery::None);
        failures.forget();
        assert_eq!(failures.count(false), Recovery::SameDevice);
    }

    #[test]
    fn silence_is_relative_to_the_median_interval() {
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
