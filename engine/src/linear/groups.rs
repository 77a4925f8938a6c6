//! Groups of training documents: a text that is far from all of them is unlike what a classifier learned from. Spherical
//! k-means on the documents' vectors (Dhillon & Modha 2001).

use crate::data::random::{Purpose, generator, permutation};
use rayon::prelude::*;

/// Groups at most.
const MAX_GROUPS: usize = 64;
/// Training documents for each group at least.
const MIN_MEMBERS: usize = 10;
/// Training documents that are looked at.
const MAX_DOCUMENTS: usize = 10_000;
/// Rounds; groups of documents hardly change after a few.
const ROUNDS: usize = 10;
/// Share of the held-out documents that are farther from all groups than what counts as usual.
const UNUSUAL: f64 = 0.05;
/// Held-out documents that say what is usual, at least.
const MIN_HELD_OUT: usize = 20;

/// Centres of groups of documents.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentGroups {
    /// Numbers per centre, `D`.
    pub width: usize,
    /// Centres of length 1, `[K, D]`.
    pub centres: Vec<f32>,
    /// Cosine with the nearest centre that 95 % of held-out documents reach.
    pub usual: f32,
}

impl DocumentGroups {
    /// Groups documents by their vectors `[D]`; `held_out` say what is usual. `None` where there are too few of either.
    pub fn learn(train: &[Vec<f32>], held_out: &[Vec<f32>], seed: u64) -> Option<Self> {
        let mut rng = generator(seed, Purpose::Groups, 0, 0);
        let order = permutation(&mut rng, train.len() as u32).into_iter().take(MAX_DOCUMENTS);
        let units: Vec<Vec<f32>> = order.filter_map(|index| unit(&train[index as usize])).collect();
        let count = (units.len() / MIN_MEMBERS).min(MAX_GROUPS);
        if count == 0 || held_out.len() < MIN_HELD_OUT {
            return None;
        }
        let width = units[0].len();
        // In a drawn order, the first documents are a fair choice.
        let mut groups = Self { width, centres: units[..count].concat(), usual: 0.0 };
        for _ in 0..ROUNDS {
            groups.centres = groups.recentred(&units);
        }
        let mut reached: Vec<f32> = held_out.iter().map(|vector| groups.similarity(vector)).collect();
        reached.sort_by(f32::total_cmp);
        groups.usual = reached[(UNUSUAL * reached.len() as f64) as usize];
        Some(groups)
    }

    /// Cosine of a document's vector `[D]` with the nearest centre; 0 for a document of which nothing is known.
    pub fn similarity(&self, vector: &[f32]) -> f32 {
        unit(vector).map_or(0.0, |unit| self.nearest(&unit).1)
    }

    /// The centre that is nearest to a vector of length 1, and the cosine.
    fn nearest(&self, unit: &[f32]) -> (usize, f32) {
        let cosine = |centre: &[f32]| centre.iter().zip(unit).map(|(a, b)| a * b).sum::<f32>();
        let cosines = self.centres.chunks(self.width).map(cosine).enumerate();
        cosines.reduce(|best, next| if next.1 > best.1 { next } else { best }).unwrap_or((0, 0.0))
    }

    /// The mean directions of the documents that are nearest to each centre; a centre without any stays.
    fn recentred(&self, units: &[Vec<f32>]) -> Vec<f32> {
        let nearest: Vec<usize> = units.par_iter().map(|unit| self.nearest(unit).0).collect();
        let mut sums = vec![0.0; self.centres.len()];
        for (row, group) in units.iter().zip(nearest) {
            sums[group * self.width..][..self.width].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        let centres = sums.chunks(self.width).zip(self.centres.chunks(self.width));
        centres.flat_map(|(sum, before)| unit(sum).unwrap_or_else(|| before.to_vec())).collect()
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
        let groups = DocumentGroups::learn(&documents(300, 1), &documents(200, 2), 1).expect("enough of both");
        assert_eq!(groups.centres.len(), 30 * 8);
        let fresh = documents(400, 3);
        let unusual = fresh.iter().filter(|vector| groups.similarity(vector) < groups.usual).count();
        assert!((4..=50).contains(&unusual), "about a twentieth of 400: {unusual}");
        let mut other = vec![0.0; 8];
        other[6] = 2.0;
        assert!(groups.similarity(&other) < groups.usual - 0.2);
        assert_eq!(groups.similarity(&[0.0; 8]), 0.0);
        assert_eq!(DocumentGroups::learn(&documents(300, 1), &documents(200, 2), 1), Some(groups), "the same twice");
    }

    #[test]
    fn few_documents_have_no_groups() {
        assert_eq!(DocumentGroups::learn(&documents(9, 1), &documents(200, 2), 1), None);
        assert_eq!(DocumentGroups::learn(&documents(300, 1), &documents(19, 2), 1), None);
        assert_eq!(DocumentGroups::learn(&vec![vec![0.0; 8]; 100], &documents(200, 2), 1), None);
    }
}
