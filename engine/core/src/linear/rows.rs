//! Sparse rows stored contiguously for training.

/// Sparse rows over a common set of features (CSR).
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    starts: Vec<usize>,
    entries: Vec<(u32, f32)>,
    /// Number of features.
    pub features: usize,
}

impl Rows {
    /// Collects rows of ascending features, each below `features`.
    pub fn new(rows: impl Iterator<Item = Vec<(u32, f32)>>, features: usize) -> Self {
        let (mut starts, mut entries) = (vec![0], Vec::new());
        for row in rows {
            entries.extend(row);
            starts.push(entries.len());
        }
        Self {
            starts,
            entries,
            features,
        }
    }

    /// Converts dense rows `[N, width]`, keeping all values.
    pub fn dense(values: &[f32], width: usize) -> Self {
        let row = |row: &[f32]| {
            row.iter()
                .enumerate()
                .map(|(feature, x)| (feature as u32, *x))
                .collect()
        };
        Self::new(values.chunks(width).map(row), width)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Returns the (feature, value) pairs of a row.
    pub fn row(&self, index: usize) -> &[(u32, f32)] {
        &self.entries[self.starts[index]..self.starts[index + 1]]
    }

    /// Returns the rows with equal values, each of length 1.
    pub fn binarized(&self) -> Self {
        Self::new(
            (0..self.len()).map(|index| binarized(self.row(index).to_vec())),
            self.features,
        )
    }
}

/// Sets all values of a row to the same value so that its length is 1.
pub(super) fn binarized(mut row: Vec<(u32, f32)>) -> Vec<(u32, f32)> {
    let value = 1.0 / (row.len().max(1) as f32).sqrt();
    row.iter_mut().for_each(|(_, x)| *x = value);
    row
}

/// Scales a row to Euclidean length 1.
pub(super) fn normalize(row: &mut [(u32, f32)]) {
    let length = row
        .iter()
        .map(|(_, x)| x * x)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    row.iter_mut().for_each(|(_, x)| *x /= length);
}
