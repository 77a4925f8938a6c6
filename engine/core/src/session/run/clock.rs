//! Training time of a run: without pauses, and continued from the time before it was resumed. It
//! reads no clock; callers pass the current time in seconds.

/// A stopwatch for training time.
pub struct Clock {
    before: f64,
    since: f64,
    paused_at: Option<f64>,
    lap_at: f64,
    lap_step: u64,
}

impl Clock {
    /// Starts at `step`, after `before` seconds of earlier training.
    pub fn start(now: f64, before: f64, step: u64) -> Self {
        Self {
            before,
            since: now,
            paused_at: None,
            lap_at: now,
            lap_step: step,
        }
    }

    /// Returns the seconds of training.
    pub fn elapsed(&self, now: f64) -> f64 {
        self.before + self.paused_at.unwrap_or(now) - self.since
    }

    /// Ends a lap after `step` and returns its steps per second.
    pub fn lap(&mut self, now: f64, step: u64) -> f64 {
        let secs = (now - std::mem::replace(&mut self.lap_at, now)).max(1e-6);
        // After a rollback the step number is lower than before.
        step.saturating_sub(std::mem::replace(&mut self.lap_step, step)) as f64 / secs
    }

    /// Excludes `secs` seconds, of an evaluation or a checkpoint, from the current lap.
    pub fn skip(&mut self, secs: f64) {
        self.lap_at += secs;
    }

    /// Stops the clock at time `now`.
    pub fn pause(&mut self, now: f64) {
        self.paused_at = Some(now);
    }

    /// Restarts the clock after a pause.
    pub fn resume(&mut self, now: f64) {
        let pause = now - self.paused_at.take().unwrap_or(now);
        self.since += pause;
        self.lap_at += pause;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_do_not_count_as_training() {
        let mut clock = Clock::start(10.0, 5.0, 40);
        clock.pause(12.0);
        assert!((clock.elapsed(100.0) - 7.0).abs() < 1e-9);
        clock.resume(100.0);
        assert!((clock.elapsed(101.0) - 8.0).abs() < 1e-9);
        assert!(
            (clock.lap(101.0, 46) - 2.0).abs() < 1e-9,
            "three seconds of training since the start"
        );
    }

    /// As in a run: the lap skips the training time that an evaluation took.
    #[test]
    fn a_pause_during_an_evaluation_is_excluded_once() {
        let mut clock = Clock::start(0.0, 0.0, 0);
        let began = clock.elapsed(4.0);
        clock.pause(5.0);
        clock.resume(105.0);
        clock.skip(clock.elapsed(107.0) - began);
        assert!((clock.elapsed(107.0) - 7.0).abs() < 1e-9);
        assert!(
            (clock.lap(111.0, 16) - 2.0).abs() < 1e-9,
            "sixteen steps in four seconds and four more"
        );
    }

    #[test]
    fn an_evaluation_does_not_change_the_step_rate() {
        let mut clock = Clock::start(0.0, 0.0, 0);
        clock.skip(30.0);
        assert!(
            (clock.lap(34.0, 8) - 2.0).abs() < 1e-9,
            "eight steps in four seconds beside an evaluation of thirty"
        );
        assert!((clock.lap(35.0, 10) - 2.0).abs() < 1e-9);
    }
}
