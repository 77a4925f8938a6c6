//! Clusters of training documents: a text that is far from all of them is unlike what a classifier learned from. Spherical
//! k-means on the documents' vectors (Dhillon & Modha 2001).

use crate::data::random::{Purpose, generator, permutation};
use rayon::prelude::*;

/// Maximum number of clusters.
const MAX_CLUSTERS: usize = 64;
/// Minimum number of training documents per cluster.
const MIN_MEMBERS: usize = 10;
/// Maximum number of training documents to fit.
const MAX_DOCUMENTS: usize = 10_000;
/// Iterations of k-means; assignments hardly change after a few.
const ROUNDS: usize = 10;
/// Share of the held-out documents that are farther from all clusters than what is usual.
const UNUSUAL: f64 = 0.05;
/// Minimum number of held-out documents to estimate the usual similarity.
const MIN_HELD_OUT: usize = 20;

/// Centroids of clusters of documents.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentClusters {
    /// Numbers per centroid, `D`.
    pub width: usize,
    /// Of length 1, `[K, D]`.
    pub centroids: Vec<f32>,
    /// Cosine with the nearest centroid that 95 % of held-out documents reach.
    pub usual_similarity: f32,
}

impl DocumentClusters {
    /// Clusters documents by their vectors `[D]`; `held_out` set the usual similarity. `None` where there are too few of either.
    pub fn learn(train: &[Vec<f32>], held_out: &[Vec<f32>], seed: u64) -> Option<Self> {
        let mut rng = generator(seed, Purpose::Clusters, 0, 0);
        let order = permutation(&mut rng, train.len() as u32).into_iter().take(MAX_DOCUMENTS);
        let units: Vec<Vec<f32>> = order.filter_map(|index| unit(&train[index as usize])).collect();
        let count = (units.len() / MIN_MEMBERS).min(MAX_CLUSTERS);
        if count == 0 || held_out.len() < MIN_HELD_OUT {
            return None;
        }
        let width = units[0].len();
        // In a drawn order, the first documents are a fair choice.
        let mut clusters = Self { width, centroids: units[..count].concat(), usual_similarity: 0.0 };
        for _ in 0..ROUNDS {
            clusters.centroids = clusters.updated_centroids(&units);
        }
        let mut reached: Vec<f32> = held_out.iter().map(|vector| clusters.similarity(vector)).collect();
        reached.sort_by(f32::total_cmp);
        clusters.usual_similarity = reached[(UNUSUAL * reached.len() as f64) as usize];
        Some(clusters)
    }

    /// Whether the numbers, which come from outside, are those of clusters.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self) -> Result<(), String> {
        let Self { width, centroids, usual_similarity } = self;
        let whole = *width > 0 && centroids.len().is_multiple_of(*width) && !centroids.is_empty();
        let is_unit = |row: &[f32]| (row.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-3;
        let sound = whole && centroids.len() / width <= MAX_CLUSTERS && centroids.chunks(*width).all(is_unit);
        if sound && (-1.0..=1.0).contains(usual_similarity) {
            return Ok(());
        }
        Err("clusters needs up to 64 rows of length 1, and a usual similarity from -1 to 1".into())
    }

    /// Cosine of a document's vector `[D]` with the nearest centroid; 0 if no token has a vector.
    pub fn similarity(&self, vector: &[f32]) -> f32 {
        unit(vector).map_or(0.0, |unit| self.nearest(&unit).1)
    }

    /// The centroid that is nearest to a vector of length 1, and the cosine.
    fn nearest(&self, unit: &[f32]) -> (usize, f32) {
        let cosine = |centroid: &[f32]| centroid.iter().zip(unit).map(|(a, b)| a * b).sum::<f32>();
        let cosines = self.centroids.chunks(self.width).map(cosine).enumerate();
        cosines.reduce(|best, next| if next.1 > best.1 { next } else { best }).unwrap_or((0, 0.0))
    }

    /// The mean directions of the documents that are nearest to each centroid; a centroid without any stays.
    fn updated_centroids(&self, units: &[Vec<f32>]) -> Vec<f32> {
        let nearest: Vec<usize> = units.par_iter().map(|unit| self.nearest(unit).0).collect();
        let mut sums = vec![0.0; self.centroids.len()];
        for (row, cluster) in units.iter().zip(nearest) {
            sums[cluster * self.width..][..self.width].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        let centroids = sums.chunks(self.width).zip(self.centroids.chunks(self.width));
        centroids.flat_map(|(sum, before)| unit(sum).unwrap_or_else(|| before.to_vec())).collect()
    }
}

/// A vector with length 1; `None` for zeros.
fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    (length > f32::MIN_POSITIVE).then(|| vector.iter().map(|x| x / length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::random::normals;

    /// Documents around three directions of eight.
    fn documents(n: usize, seed: u64) -> Vec<Vec<f32>> {
        let noise = normals(&mut generator(seed, Purpose::Preview, 0, 0), n * 8, 0.15);
        let row = |(i, noise): (usize, &[f32])| {
            let mut row = noise.to_vec();
            row[i % 3] += 1.0;
            row.iter().map(|x| x * (1.0 + i as f32)).collect()
        };
        noise.chunks(8).enumerate().map(row).collect()
    }

    #[test]
    fn a_text_that_is_far_from_all_documents_is_unusual() {
        let clusters = DocumentClusters::learn(&documents(300, 1), &documents(200, 2), 1).expect("enough of both");
        assert_eq!(clusters.centroids.len(), 30 * 8);
        let fresh = documents(400, 3);
        let unusual = fresh.iter().filter(|vector| clusters.similarity(vector) < clusters.usual_similarity).count();
        assert!((4..=50).contains(&unusual), "about a twentieth of 400: {unusual}");
        let mut other = vec![0.0; 8];
        other[6] = 2.0;
        assert!(clusters.similarity(&other) < clusters.usual_similarity - 0.2);
        assert_eq!(clusters.similarity(&[0.0; 8]), 0.0);
        assert_eq!(
            DocumentClusters::learn(&documents(300, 1), &documents(200, 2), 1),
            Some(clusters),
            "the same twice"
        );
    }

    #[test]
    fn few_documents_have_no_clusters() {
        assert_eq!(DocumentClusters::learn(&documents(9, 1), &documents(200, 2), 1), None);
        assert_eq!(DocumentClusters::learn(&documents(300, 1), &documents(19, 2), 1), None);
        assert_eq!(DocumentClusters::learn(&vec![vec![0.0; 8]; 100], &documents(200, 2), 1), None);
    }
}
