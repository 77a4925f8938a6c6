//! t-SNE (van der Maaten & Hinton 2008): places points in the plane so that neighbours stay
//! neighbours. Exact, in `O(N^2)` time and memory per iteration, so for at most a few thousand points.
//! The settings follow Belkina et al. 2019 ("Automated optimized parameters for t-distributed
//! stochastic neighbor embedding") and Kobak & Berens 2019: learning rate `N / 12`, start from the
//! principal components.

use rayon::prelude::*;

/// Effective number of neighbours of each point.
const PERPLEXITY: f64 = 30.0;
/// Factor on the attraction during the first iterations.
const EXAGGERATION: f32 = 12.0;
/// Number of these iterations.
const EXAGGERATED: usize = 100;
/// Number of all iterations.
const ITERATIONS: usize = 350;
/// Lower bound of the learning rate: `N / 12` is too small for few points.
const MIN_LEARNING_RATE: f32 = 50.0;
/// Number of iterations of each search for a bandwidth; the interval halves in each.
const BISECTIONS: usize = 50;
/// Number of power iterations per principal component.
const POWER_ITERATIONS: usize = 30;

/// The state of a layout.
pub struct Tsne {
    /// Joint probabilities of neighbours, `[N, N]`, symmetric.
    affinities: Vec<f32>,
    /// Positions, `[N]`.
    positions: Vec<[f32; 2]>,
    velocities: Vec<[f32; 2]>,
    /// Individual factors of the learning rate (Jacobs 1988), `[N]`.
    gains: Vec<[f32; 2]>,
    iteration: usize,
}

impl Tsne {
    /// Prepares the layout of `vectors`, `[N][F]`, of unit length.
    pub fn new(vectors: &[Vec<f32>]) -> Self {
        let n = vectors.len();
        Self {
            affinities: affinities(vectors),
            positions: principal_components(vectors),
            velocities: vec![[0.0; 2]; n],
            gains: vec![[1.0; 2]; n],
            iteration: 0,
        }
    }

    /// Runs one iteration; `false` if all have run.
    pub fn step(&mut self) -> bool {
        if self.iteration == ITERATIONS || self.positions.len() < 3 {
            return false;
        }
        let is_early = self.iteration < EXAGGERATED;
        let exaggeration = if is_early { EXAGGERATION } else { 1.0 };
        let momentum = if is_early { 0.5 } else { 0.8 };
        let rate = (self.positions.len() as f32 / EXAGGERATION).max(MIN_LEARNING_RATE);
        let gradient = self.gradient(exaggeration);
        for (i, gradient) in gradient.into_iter().enumerate() {
            for (axis, slope) in gradient.into_iter().enumerate() {
                let (gain, velocity) = (&mut self.gains[i][axis], &mut self.velocities[i][axis]);
                // The velocity points against the gradient unless the last update went too far.
                let overshot = (slope > 0.0) == (*velocity > 0.0);
                *gain = if overshot { *gain * 0.8 } else { *gain + 0.2 }.max(0.01);
                *velocity = momentum * *velocity - rate * *gain * slope;
                self.positions[i][axis] += *velocity;
            }
        }
        self.iteration += 1;
        self.iteration < ITERATIONS
    }

    /// Returns the positions, scaled to the unit square.
    pub fn finish(self) -> Vec<[f32; 2]> {
        let range = |axis: usize| {
            let values = self.positions.iter().map(|position| position[axis]);
            values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            })
        };
        let ranges = [range(0), range(1)];
        let span = ranges
            .iter()
            .map(|(low, high)| high - low)
            .fold(f32::MIN_POSITIVE, f32::max);
        let scaled = |position: &[f32; 2]| {
            [0, 1].map(|axis| {
                let (low, high) = ranges[axis];
                0.5 + (position[axis] - 0.5 * (low + high)) / span
            })
        };
        self.positions.iter().map(scaled).collect()
    }

    /// Returns the gradient of the Kullback-Leibler divergence, `[N]`.
    fn gradient(&self, exaggeration: f32) -> Vec<[f32; 2]> {
        let n = self.positions.len();
        let kernel = |a: &[f32; 2], b: &[f32; 2]| {
            let (x, y) = (a[0] - b[0], a[1] - b[1]);
            1.0 / (1.0 + x * x + y * y)
        };
        let positions = &self.positions;
        let row_sum = |a: &[f32; 2]| positions.iter().map(|b| kernel(a, b)).sum::<f32>() - 1.0;
        let sums: Vec<f32> = positions.par_iter().map(row_sum).collect();
        let total = sums.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        let of_point = |(a, row): (&[f32; 2], &[f32])| {
            let mut force = [0.0; 2];
            for (b, affinity) in positions.iter().zip(row) {
                let weight = kernel(a, b);
                let pull = (exaggeration * affinity - weight / total) * weight;
                force[0] += pull * (a[0] - b[0]);
                force[1] += pull * (a[1] - b[1]);
            }
            force.map(|force| 4.0 * force)
        };
        positions
            .par_iter()
            .zip(self.affinities.par_chunks(n.max(1)))
            .map(of_point)
            .collect()
    }
}

/// Returns the symmetric joint probabilities of neighbours, `[N, N]`; they sum to 1.
fn affinities(vectors: &[Vec<f32>]) -> Vec<f32> {
    let n = vectors.len();
    let rows: Vec<Vec<f32>> = (0..n)
        .into_par_iter()
        .map(|i| conditional(vectors, i))
        .collect();
    let mut joint = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..n {
            joint[i * n + j] = (rows[i][j] + rows[j][i]) / (2 * n) as f32;
        }
    }
    joint
}

/// Returns the probabilities with which point `i` selects each other point as its neighbour, `[N]`:
/// a Gaussian kernel whose bandwidth gives the perplexity.
fn conditional(vectors: &[Vec<f32>], i: usize) -> Vec<f32> {
    let others = vectors.len().saturating_sub(1) as f64;
    let perplexity = PERPLEXITY.min(others / 3.0).max(1.0);
    let distance = |other: &Vec<f32>| {
        let squares = vectors[i].iter().zip(other).map(|(a, b)| (a - b) * (a - b));
        f64::from(squares.sum::<f32>())
    };
    let distances: Vec<f64> = vectors.iter().map(distance).collect();
    let nearest = (0..distances.len())
        .filter(|&j| j != i)
        .map(|j| distances[j])
        .fold(f64::INFINITY, f64::min);
    let weights = |precision: f64| -> Vec<f64> {
        let weight = |(j, distance): (usize, &f64)| {
            if j == i {
                0.0
            } else {
                (-(distance - nearest) * precision).exp()
            }
        };
        distances.iter().enumerate().map(weight).collect()
    };
    let (mut low, mut high) = (0.0_f64, f64::INFINITY);
    let mut precision = 1.0;
    for _ in 0..BISECTIONS {
        if entropy(&weights(precision)) > perplexity.ln() {
            low = precision;
            precision = if high.is_finite() {
                0.5 * (low + high)
            } else {
                2.0 * precision
            };
        } else {
            high = precision;
            precision = 0.5 * (low + high);
        }
    }
    let weights = weights(precision);
    let sum = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// Returns the entropy in nats of the distribution with these weights.
fn entropy(weights: &[f64]) -> f64 {
    let sum = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let parts = weights.iter().filter(|weight| **weight > 0.0);
    parts
        .map(|weight| -(weight / sum) * (weight / sum).ln())
        .sum()
}

/// Returns the first two principal components of each vector, `[N]`, with a small scale: the first
/// one has a standard deviation of 1e-4.
fn principal_components(vectors: &[Vec<f32>]) -> Vec<[f32; 2]> {
    let width = vectors.first().map_or(0, Vec::len);
    let mut mean = vec![0.0; width];
    for vector in vectors {
        add_scaled(&mut mean, vector, 1.0 / vectors.len() as f32);
    }
    let centred: Vec<Vec<f32>> = vectors
        .iter()
        .map(|vector| vector.iter().zip(&mean).map(|(x, mean)| x - mean).collect())
        .collect();
    let first = component(&centred, None);
    let second = component(&centred, Some(&first));
    let scores: Vec<[f32; 2]> = centred
        .iter()
        .map(|vector| [dot(vector, &first), dot(vector, &second)])
        .collect();
    let variance = scores.iter().map(|score| score[0] * score[0]).sum::<f32>();
    let deviation = (variance / scores.len().max(1) as f32).sqrt();
    let scale = 1e-4 / deviation.max(f32::MIN_POSITIVE);
    scores
        .into_iter()
        .map(|score| score.map(|x| x * scale))
        .collect()
}

/// Finds the direction of largest variance by power iteration, orthogonal to `other`.
fn component(centred: &[Vec<f32>], other: Option<&[f32]>) -> Vec<f32> {
    let width = centred.first().map_or(0, Vec::len);
    // Any start that is not orthogonal to the solution will do; this one has no symmetry.
    let mut direction: Vec<f32> = (0..width).map(|i| 1.0 / (1.0 + i as f32)).collect();
    for _ in 0..POWER_ITERATIONS {
        let mut next = vec![0.0; width];
        for vector in centred {
            add_scaled(&mut next, vector, dot(vector, &direction));
        }
        if let Some(other) = other {
            let along = dot(&next, other);
            add_scaled(&mut next, other, -along);
        }
        let length = dot(&next, &next).sqrt().max(f32::MIN_POSITIVE);
        next.iter_mut().for_each(|x| *x /= length);
        direction = next;
    }
    direction
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add_scaled(sum: &mut [f32], vector: &[f32], scale: f32) {
    sum.iter_mut()
        .zip(vector)
        .for_each(|(sum, x)| *sum += scale * x);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three groups of unit vectors in eight dimensions.
    fn groups(count: usize) -> Vec<Vec<f32>> {
        let vector = |i: usize| {
            let mut vector: Vec<f32> = (0..8)
                .map(|k| ((i * 7 + k * 3) % 11) as f32 * 0.01)
                .collect();
            vector[i % 3] += 1.0;
            let length = dot(&vector, &vector).sqrt();
            vector.into_iter().map(|x| x / length).collect()
        };
        (0..count).map(vector).collect()
    }

    fn laid_out(vectors: &[Vec<f32>]) -> Vec<[f32; 2]> {
        let mut layout = Tsne::new(vectors);
        while layout.step() {}
        layout.finish()
    }

    #[test]
    fn groups_stay_together() {
        let positions = laid_out(&groups(90));
        let distance = |a: usize, b: usize| {
            let (a, b) = (positions[a], positions[b]);
            (a[0] - b[0]).hypot(a[1] - b[1])
        };
        for i in 0..90 {
            let nearest = (0..90)
                .filter(|&j| j != i)
                .min_by(|&a, &b| distance(i, a).total_cmp(&distance(i, b)));
            assert_eq!(nearest.map(|j| j % 3), Some(i % 3), "point {i}");
        }
        let inside = |x: f32| (-1e-3..=1.001).contains(&x);
        assert!(positions.iter().flatten().all(|x| inside(*x)));
    }

    /// The Kullback-Leibler divergence that [`Tsne::gradient`] differentiates.
    fn divergence(layout: &Tsne) -> f64 {
        let n = layout.positions.len();
        let kernel = |i: usize, j: usize| {
            let (a, b) = (layout.positions[i], layout.positions[j]);
            1.0 / (1.0 + f64::from(a[0] - b[0]).powi(2) + f64::from(a[1] - b[1]).powi(2))
        };
        let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        let pairs: Vec<(usize, usize)> = pairs.filter(|(i, j)| i != j).collect();
        let total: f64 = pairs.iter().map(|&(i, j)| kernel(i, j)).sum();
        let part = |&(i, j): &(usize, usize)| {
            let p = f64::from(layout.affinities[i * n + j]).max(1e-12);
            p * (p / (kernel(i, j) / total)).ln()
        };
        pairs.iter().map(part).sum()
    }

    #[test]
    fn the_gradient_is_that_of_the_divergence() {
        let mut layout = Tsne::new(&groups(12));
        for (i, position) in layout.positions.iter_mut().enumerate() {
            *position = [(i as f32 * 0.7).sin(), (i as f32 * 1.3).cos()];
        }
        let gradient = layout.gradient(1.0);
        for (i, axis) in [(0, 0), (3, 1), (11, 0)] {
            const STEP: f32 = 1e-2;
            layout.positions[i][axis] += STEP;
            let above = divergence(&layout);
            layout.positions[i][axis] -= 2.0 * STEP;
            let below = divergence(&layout);
            layout.positions[i][axis] += STEP;
            let slope = (above - below) / f64::from(2.0 * STEP);
            let found = f64::from(gradient[i][axis]);
            assert!((slope - found).abs() < 1e-3, "{slope} and {found}");
        }
    }

    #[test]
    fn the_divergence_falls() {
        let mut layout = Tsne::new(&groups(60));
        let before = divergence(&layout);
        while layout.step() {}
        let after = divergence(&layout);
        assert!(after < 0.7 * before, "{before} to {after}");
    }

    #[test]
    fn affinities_are_a_distribution_of_the_wanted_perplexity() {
        let vectors = groups(120);
        let sum: f32 = affinities(&vectors).iter().sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        let row: Vec<f64> = conditional(&vectors, 5)
            .into_iter()
            .map(f64::from)
            .collect();
        assert!(
            (entropy(&row).exp() - 30.0).abs() < 0.5,
            "{}",
            entropy(&row).exp()
        );
    }

    #[test]
    fn few_or_equal_points_have_finite_positions() {
        for vectors in [
            groups(0),
            groups(1),
            groups(2),
            groups(4),
            vec![vec![1.0, 0.0]; 50],
        ] {
            let positions = laid_out(&vectors);
            assert_eq!(positions.len(), vectors.len());
            assert!(
                positions.iter().flatten().all(|x| x.is_finite()),
                "{positions:?}"
            );
        }
    }
}
