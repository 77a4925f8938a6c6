//! The time that a run spends training: without its pauses, and on from where an earlier part of it ended. Knows no clock
//! of its own; it is told the seconds.

/// Time spent training.
pub struct Clock {
    before: f64,
    since: f64,
    paused_at: Option<f64>,
    lap_at: f64,
}

impl Clock {
    pub fn start(now: f64, before: f64) -> Self {
        Self { before, since: now, paused_at: None, lap_at: now }
    }

    pub fn elapsed(&self, now: f64) -> f64 {
        self.before + self.paused_at.unwrap_or(now) - self.since
    }

    /// Steps per second since the last lap.
    pub fn lap(&mut self, now: f64, steps: u64) -> f64 {
        let secs = (now - std::mem::replace(&mut self.lap_at, now)).max(1e-6);
        steps as f64 / secs
    }

    pub fn pause(&mut self, now: f64) {
        self.paused_at = Some(now);
    }

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
        let mut clock = Clock::start(10.0, 5.0);
        clock.pause(12.0);
        assert!((clock.elapsed(100.0) - 7.0).abs() < 1e-9);
        clock.resume(100.0);
        assert!((clock.elapsed(101.0) - 8.0).abs() < 1e-9);
        assert!((clock.lap(101.0, 6) - 2.0).abs() < 1e-9, "three seconds of training since the start");
    }
}
