//! Where the sequences of a batch lie in the rows of a matrix.

use std::sync::Arc;

/// The rows of each sequence of a batch. The rows of a matrix are either padded, so that all
/// sequences have equally many, or contain tokens alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequences {
    /// Number of sequences, `B`.
    pub b: usize,
    /// Length of the padded sequences, `T`; without padding, an upper bound of the lengths.
    pub t: usize,
    /// Without padding: the first row of each sequence, then the number of rows, `[B + 1]`.
    /// `None`: every sequence has `T` rows.
    pub bounds: Option<Arc<[usize]>>,
}

impl Sequences {
    /// `b` sequences of `t` rows each.
    pub fn padded(b: usize, t: usize) -> Self {
        Self { b, t, bounds: None }
    }

    /// Sequences of these `lengths`, from 1 to `t`, one after the other.
    ///
    /// # Panics
    /// If a sequence is empty or longer than `t`, which is a bug in the caller.
    pub fn unpadded(lengths: &[usize], t: usize) -> Self {
        assert!(
            lengths.iter().all(|len| (1..=t).contains(len)),
            "a sequence has 1 to {t} tokens"
        );
        let ends = lengths.iter().scan(0, |end, len| {
            *end += len;
            Some(*end)
        });
        Self {
            b: lengths.len(),
            t,
            bounds: Some(std::iter::once(0).chain(ends).collect()),
        }
    }

    /// Number of rows of all sequences.
    pub fn rows(&self) -> usize {
        match &self.bounds {
            None => self.b * self.t,
            Some(bounds) => bounds[self.b],
        }
    }

    /// Returns the number of rows of each sequence.
    pub fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.b).map(|i| match &self.bounds {
            None => self.t,
            Some(bounds) => bounds[i + 1] - bounds[i],
        })
    }

    /// Splits `x` into the parts of the sequences; a row has `width` elements.
    pub(crate) fn split<'a>(&self, x: &'a [f32], width: usize) -> Vec<&'a [f32]> {
        split(x, self.lengths().map(|len| len * width))
    }

    /// Mutable variant of [`Self::split`].
    pub(crate) fn split_mut<'a>(&self, x: &'a mut [f32], width: usize) -> Vec<&'a mut [f32]> {
        split_mut(x, self.lengths().map(|len| len * width))
    }
}

/// Splits `x` into consecutive slices of these `sizes`.
pub(crate) fn split(mut x: &[f32], sizes: impl Iterator<Item = usize>) -> Vec<&[f32]> {
    sizes
        .map(|size| {
            let (part, rest) = x.split_at(size);
            x = rest;
            part
        })
        .collect()
}

/// Mutable variant of [`split`].
pub(crate) fn split_mut(mut x: &mut [f32], sizes: impl Iterator<Item = usize>) -> Vec<&mut [f32]> {
    sizes
        .map(|size| {
            let (part, rest) = std::mem::take(&mut x).split_at_mut(size);
            x = rest;
            part
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_those_of_the_sequences() {
        let padded = Sequences::padded(2, 3);
        assert_eq!((padded.rows(), padded.lengths().sum::<usize>()), (6, 6));
        let unpadded = Sequences::unpadded(&[2, 1, 3], 4);
        assert_eq!(unpadded.rows(), 6);
        let x: Vec<f32> = (0..12).map(|i| i as f32).collect();
        assert_eq!(
            unpadded.split(&x, 2),
            [&x[..4], &x[4..6], &x[6..]],
            "two elements a row"
        );
    }
}
