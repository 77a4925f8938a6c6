//! The learning-rate schedule: linear warm-up, then linear decay (Devlin et al. 2019, A.2), both
//! relative to the length of the run.

use serde::{Deserialize, Serialize};

/// Learning-rate schedule of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Peak learning rate, reached at the end of warm-up.
    pub peak: f64,
    /// Total number of steps of the run.
    pub steps: u64,
    /// Number of warm-up steps.
    pub warmup_steps: u64,
    /// Fraction of the run spent on warm-up; used by runs with a time limit.
    #[serde(default = "usual_warmup")]
    pub warmup_share: f64,
    /// Final learning rate as a fraction of the peak.
    pub floor: f64,
}

/// Default fraction of a run spent on warm-up with AdamW.
pub const DEFAULT_WARMUP: f64 = 0.1;

fn usual_warmup() -> f64 {
    DEFAULT_WARMUP
}

/// Final learning rate as a fraction of the peak.
const FLOOR: f64 = 0.02;

impl Schedule {
    /// Warms up over the fraction `warmup_share` of `steps`, then decays linearly to 2 % of `peak`.
    pub fn new(peak: f64, steps: u64, warmup_share: f64) -> Self {
        let warmup_steps = ((steps as f64 * warmup_share).round() as u64).max(1);
        Self {
            peak,
            steps,
            warmup_steps,
            warmup_share,
            floor: FLOOR,
        }
    }

    /// Returns the learning rate of the step with the zero-based index `step`; always above 0
    /// within the run.
    pub fn lr(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let left = self.steps.saturating_sub(step) as f64
            / self.steps.saturating_sub(self.warmup_steps).max(1) as f64;
        self.decayed(left)
    }

    /// Returns the learning rate after the fraction `spent` of the run's time, 0 to 1.
    pub fn lr_at(&self, spent: f64) -> f64 {
        if spent < self.warmup_share {
            return self.peak * (spent / self.warmup_share).max(self.floor);
        }
        self.decayed((1.0 - spent) / (1.0 - self.warmup_share))
    }

    /// Returns the learning rate when the fraction `left` of the decay phase remains.
    fn decayed(&self, left: f64) -> f64 {
        self.peak * (self.floor + (1.0 - self.floor) * left.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_rate_rises_to_the_peak_and_falls_to_the_floor() {
        let schedule = Schedule::new(1.0, 100, DEFAULT_WARMUP);
        let rates: Vec<f64> = (0..100).map(|step| schedule.lr(step)).collect();
        assert!((rates[0] - 0.1).abs() < 1e-12);
        assert!((rates[9] - 1.0).abs() < 1e-12);
        assert!((rates[10] - 1.0).abs() < 1e-12);
        assert!(rates[10..].windows(2).all(|pair| pair[1] < pair[0]));
        assert!(rates[99] > FLOOR && rates[99] < 0.05, "{}", rates[99]);
    }

    #[test]
    fn a_time_limit_follows_the_same_schedule() {
        let schedule = Schedule::new(1.0, 1000, DEFAULT_WARMUP);
        for share in [0.05, 0.1, 0.3, 0.7, 0.99] {
            let step = (share * 1000.0) as u64;
            assert!(
                (schedule.lr_at(share) - schedule.lr(step)).abs() < 0.011,
                "at {share}"
            );
        }
    }

    #[test]
    fn a_run_of_one_step_trains_at_the_peak() {
        assert!((Schedule::new(0.5, 1, DEFAULT_WARMUP).lr(0) - 0.5).abs() < 1e-12);
    }
}
