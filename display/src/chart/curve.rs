//! A curve of any length in bounded memory. Neighbouring points share a bucket that stores their
//! minimum, maximum and mean, so no spike is lost; when the buckets run out, they are merged in
//! pairs. Adding a point takes amortised constant time, and drawing is linear in the number of
//! buckets, not of points.

use serde::{Deserialize, Serialize};

/// Maximum number of buckets. A merge halves it, which still leaves one bucket per pixel column of
/// a wide chart.
pub const BUCKETS: usize = 4096;

/// Summary statistics of neighbouring points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Step of the first point.
    pub first: u64,
    /// Step of the last point.
    pub last: u64,
    /// Smallest value in the bucket.
    pub min: f64,
    /// Largest value in the bucket.
    pub max: f64,
    sum: f64,
    count: u64,
}

impl Bucket {
    fn new(step: u64, value: f64) -> Self {
        Self {
            first: step,
            last: step,
            min: value,
            max: value,
            sum: value,
            count: 1,
        }
    }

    /// Returns the mean of all values.
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// Returns the midpoint between the first and the last step.
    pub fn middle(&self) -> f64 {
        (self.first as f64 + self.last as f64) / 2.0
    }

    fn absorb(&mut self, other: &Self) {
        self.last = other.last;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.count += other.count;
    }
}

/// A curve of values over strictly increasing steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    buckets: Vec<Bucket>,
    points_per_bucket: u64,
    points: u64,
}

impl Default for Curve {
    fn default() -> Self {
        Self {
            buckets: Vec::new(),
            points_per_bucket: 1,
            points: 0,
        }
    }
}

impl Curve {
    /// Removes every bucket that extends beyond `step`.
    pub fn cut(&mut self, step: u64) {
        self.buckets.retain(|bucket| bucket.last <= step);
        self.points = self.buckets.iter().map(|bucket| bucket.count).sum();
    }

    /// Adds a point. Ignores a step that is not greater than the last one (a repeated event) and a
    /// value that is not finite.
    pub fn push(&mut self, step: u64, value: f64) {
        if !value.is_finite()
            || self
                .buckets
                .last()
                .is_some_and(|bucket| step <= bucket.last)
        {
            return;
        }
        self.points += 1;
        let point = Bucket::new(step, value);
        match self.buckets.last_mut() {
            Some(bucket) if bucket.count < self.points_per_bucket => bucket.absorb(&point),
            _ => self.buckets.push(point),
        }
        if self.buckets.len() > BUCKETS {
            self.merge_pairs();
        }
    }

    /// Returns the buckets in order of steps.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Returns the number of points.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// Returns the smallest and the largest value, or `None` for an empty curve.
    pub fn extent(&self) -> Option<(f64, f64)> {
        let spans = self.buckets.iter().map(|bucket| (bucket.min, bucket.max));
        spans.reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))
    }

    /// Like [`Self::extent`], restricted to the buckets that overlap a range of steps.
    pub fn extent_within(&self, (low, high): (f64, f64)) -> Option<(f64, f64)> {
        let visible = self
            .buckets
            .iter()
            .filter(|bucket| bucket.last as f64 >= low && bucket.first as f64 <= high);
        let spans = visible.map(|bucket| (bucket.min, bucket.max));
        spans.reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))
    }

    /// Returns the mean of the first bucket that ends at or after `step`, or `None` past the end.
    pub fn near(&self, step: u64) -> Option<f64> {
        let index = self.buckets.partition_point(|bucket| bucket.last < step);
        self.buckets.get(index).map(Bucket::mean)
    }

    /// Returns the curve smoothed in both directions, so that the line does not lag behind its
    /// points, as `(step, value)` per bucket. The weight of a point decays by a factor of e over
    /// `horizon` steps, however dense the points are.
    pub fn smoothed(&self, horizon: f64) -> Vec<(f64, f64)> {
        let past = decayed(self.buckets.iter(), horizon);
        let mut future = decayed(self.buckets.iter().rev(), horizon);
        future.reverse();
        let join = |(bucket, (past, future)): (&Bucket, (Sums, Sums))| {
            let sum = past.value + future.value - bucket.sum;
            let weight = past.weight + future.weight - bucket.count as f64;
            (bucket.middle(), sum / weight)
        };
        self.buckets
            .iter()
            .zip(past.into_iter().zip(future))
            .map(join)
            .collect()
    }

    /// Returns the same curve in at most `max_buckets` buckets.
    pub fn reduced(&self, max_buckets: usize) -> Self {
        let mut reduced = self.clone();
        while reduced.buckets.len() > max_buckets.max(1) {
            reduced.merge_pairs();
        }
        reduced
    }

    fn merge_pairs(&mut self) {
        let merged = self.buckets.chunks(2).map(|pair| {
            let mut first = pair[0];
            if let Some(second) = pair.get(1) {
                first.absorb(second);
            }
            first
        });
        self.buckets = merged.collect();
        self.points_per_bucket *= 2;
    }
}

/// A weighted sum of values and the sum of its weights.
#[derive(Clone, Copy, Default)]
struct Sums {
    value: f64,
    weight: f64,
}

/// Returns, for each bucket, the sums over it and all preceding buckets, decayed by distance in
/// steps.
fn decayed<'a>(buckets: impl Iterator<Item = &'a Bucket>, horizon: f64) -> Vec<Sums> {
    let mut sums = Sums::default();
    let mut previous = None;
    let add = |bucket: &'a Bucket| {
        let at = bucket.middle();
        let decay = (-(at - previous.unwrap_or(at)).abs() / horizon.max(1.0)).exp();
        previous = Some(at);
        sums = Sums {
            value: sums.value * decay + bucket.sum,
            weight: sums.weight * decay + bucket.count as f64,
        };
        sums
    };
    buckets.map(add).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: impl IntoIterator<Item = (u64, f64)>) -> Curve {
        let mut curve = Curve::default();
        for (step, value) in points {
            curve.push(step, value);
        }
        curve
    }

    #[test]
    fn a_hundred_thousand_points_fit_into_the_buckets_without_losing_a_spike() {
        let long = curve((1..=100_000).map(|step| (step, if step == 77_777 { 50.0 } else { 3.0 })));
        assert_eq!(long.points(), 100_000);
        assert!(
            long.buckets().len() <= BUCKETS && long.buckets().len() > BUCKETS / 2,
            "{}",
            long.buckets().len()
        );
        assert_eq!(long.extent(), Some((3.0, 50.0)));
        let steps = long.buckets();
        assert_eq!((steps[0].first, steps[steps.len() - 1].last), (1, 100_000));
        assert!(
            steps
                .windows(2)
                .all(|pair| pair[0].last + 1 == pair[1].first),
            "buckets tile the steps"
        );
        let spike = steps
            .iter()
            .find(|bucket| bucket.max > 3.0)
            .expect("the spike");
        assert!((spike.first..=spike.last).contains(&77_777));
    }

    #[test]
    fn a_reduced_curve_has_the_same_extent_and_still_grows() {
        let mut reduced = curve((1..=1000).map(|step| (step, step as f64))).reduced(100);
        assert!(reduced.buckets().len() <= 100 && reduced.points() == 1000);
        assert_eq!(reduced.extent(), Some((1.0, 1000.0)));
        reduced.push(1001, 2.0);
        assert_eq!(reduced.points(), 1001);
    }

    #[test]
    fn repeated_steps_and_non_finite_values_are_ignored() {
        let short = curve([(1, 2.0), (1, 9.0), (2, f64::NAN), (3, 4.0), (2, 9.0)]);
        assert_eq!(short.points(), 2);
        assert_eq!(short.extent(), Some((2.0, 4.0)));
        assert_eq!(
            (short.near(1), short.near(2), short.near(4)),
            (Some(2.0), Some(4.0), None)
        );
    }

    #[test]
    fn smoothing_preserves_a_constant_and_does_not_lag_behind_a_slope() {
        let constant = curve((1..200).map(|step| (step * 7, 4.0)));
        assert!(
            constant
                .smoothed(30.0)
                .iter()
                .all(|(_, value)| (value - 4.0).abs() < 1e-12)
        );
        let slope = curve((0..1000).map(|step| (step, step as f64)));
        let (step, value) = slope.smoothed(20.0)[500];
        assert!((value - step).abs() < 1e-6, "{value} at {step}");
    }

    #[test]
    fn smoothing_removes_noise_and_decays_over_a_gap() {
        let noisy = curve((0..1000).map(|step| (step, if step % 2 == 0 { 1.0 } else { 3.0 })));
        assert!(
            noisy
                .smoothed(20.0)
                .iter()
                .all(|(_, value)| (value - 2.0).abs() < 0.1)
        );
        let gap = curve([(0, 8.0), (10, 4.0), (1000, 2.0)]).smoothed(10.0);
        assert!(
            gap[0].1 < 8.0 && gap[0].1 > gap[1].1 && gap[1].1 > 4.0,
            "{gap:?}"
        );
        assert!((gap[2].1 - 2.0).abs() < 1e-6, "{gap:?}");
    }
}
