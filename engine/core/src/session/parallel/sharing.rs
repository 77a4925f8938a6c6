//! Decides whether helpers are used: their number is limited by the parts of a batch, and on a
//! machine whose cores are busy, or for a small model, sharing can take longer than it saves.

/// Steps of each kind that are timed to compare them; the fastest of each kind counts.
const TIMED_STEPS: usize = 4;
/// Steps after which the two kinds are compared again.
const STEPS_BETWEEN_COMPARISONS: usize = 400;

/// Compares steps with and without helpers by the time that they take.
#[derive(Debug, Default)]
pub struct Sharing {
    /// Steps since the last comparison began.
    steps: usize,
    /// Whether the current step uses helpers.
    shares: bool,
    /// Seconds of the fastest step without and with helpers.
    fastest: [f64; 2],
    /// Whether steps without helpers were faster.
    is_slower: bool,
}

impl Sharing {
    /// Returns how many workers, a power of two, compute a batch of `parts` parts where there are
    /// `helpers` besides the session.
    pub fn workers(&mut self, parts: usize, helpers: usize) -> usize {
        let max_workers = parts.min(helpers + 1);
        let workers = 1 << max_workers.ilog2();
        self.shares = workers > 1 && self.wants_to_share();
        if self.shares { workers } else { 1 }
    }

    fn wants_to_share(&self) -> bool {
        match self.steps / TIMED_STEPS {
            // The first steps with helpers also start them.
            0 | 1 => true,
            2 => false,
            _ => !self.is_slower,
        }
    }

    /// Records the seconds that a step took.
    pub fn record_secs(&mut self, secs: f64) {
        if self.steps == 0 && !self.shares {
            // There are no helpers, or none is ready.
            return;
        }
        match self.steps / TIMED_STEPS {
            0 => self.fastest = [f64::INFINITY; 2],
            1 | 2 => {
                let fastest = &mut self.fastest[usize::from(self.shares)];
                *fastest = fastest.min(secs);
            }
            _ => self.is_slower = self.fastest[0] < self.fastest[1],
        }
        self.steps = (self.steps + 1) % STEPS_BETWEEN_COMPARISONS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the workers of each of `steps` steps where sharing takes `shared` and computing
    /// alone 1 second.
    fn workers(steps: usize, helpers: usize, shared: f64) -> Vec<usize> {
        let mut sharing = Sharing::default();
        (0..steps)
            .map(|_| {
                let workers = sharing.workers(4, helpers);
                sharing.record_secs(if workers > 1 { shared } else { 1.0 });
                workers
            })
            .collect()
    }

    #[test]
    fn helpers_are_used_where_that_is_faster() {
        assert_eq!(workers(30, 1, 0.6)[20..], [2; 10]);
        assert_eq!(workers(30, 1, 1.3)[20..], [1; 10]);
        let alone = workers(200, 1, 0.6).iter().filter(|n| **n == 1).count();
        assert_eq!(alone, TIMED_STEPS);
    }

    #[test]
    fn workers_are_a_power_of_two_up_to_the_parts() {
        for (helpers, expected) in [(0, 1), (1, 2), (2, 2), (3, 4), (7, 4)] {
            assert_eq!(workers(1, helpers, 0.5), [expected], "{helpers} helpers");
        }
    }

    #[test]
    fn a_busy_machine_is_measured_again() {
        let later = workers(STEPS_BETWEEN_COMPARISONS + 5, 1, 1.3);
        assert_eq!(later[STEPS_BETWEEN_COMPARISONS..], [2; 5]);
    }
}
