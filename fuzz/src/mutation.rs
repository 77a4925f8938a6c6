//! Generates inputs from valid ones: a few edits of a file from a small corpus, as a mutating
//! fuzzer makes them, or pieces of a format in any order. Both shrink, by leaving out edits or
//! pieces one by one.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::fmt;

/// Maximum size of a generated input, in bytes.
pub const MAX_INPUT_BYTES: usize = 256 << 10;

/// Exclusive upper bound on the number of edits of one input.
const MAX_EDITS: usize = 8;

/// Exclusive upper bound on the number of bytes that an edit moves, unless it moves everything that
/// follows.
const MAX_EDIT_BYTES: usize = 64;

/// An input, whose debug format is a Rust byte string.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\" ({} bytes)", self.0.escape_ascii(), self.0.len())
    }
}

/// One edit of an input; an [`Index`] is a position in it or in the corpus.
#[derive(Clone, Debug)]
enum Edit {
    /// Flips one bit.
    Flip(Index, u8),
    /// Replaces one byte.
    Set(Index, u8),
    /// Inserts a piece of the format.
    Insert(Index, &'static [u8]),
    /// Overwrites bytes with a piece of the format.
    Overwrite(Index, &'static [u8]),
    /// Removes this many bytes.
    Remove(Index, usize),
    /// Copies this many bytes to another position.
    Copy(Index, usize, Index),
    /// Repeats this many bytes in place, this many times.
    Repeat(Index, usize, usize),
    /// Truncates the input.
    Cut(Index),
    /// Truncates the input, and appends the end of another one of the corpus.
    Splice(Index, Index, Index),
}

/// Generates inputs: members of `seeds` with a few edits, or none. `pieces` are byte sequences that
/// have a meaning in the format.
pub fn mutated(
    seeds: Vec<Vec<u8>>,
    pieces: &'static [&'static [u8]],
) -> impl Strategy<Value = Bytes> {
    mutated_seed(seeds, pieces).prop_map(|(_, bytes)| bytes)
}

/// Generates inputs as [`mutated`] does, with the index of the seed that was edited.
pub fn mutated_seed(
    seeds: Vec<Vec<u8>>,
    pieces: &'static [&'static [u8]],
) -> impl Strategy<Value = (usize, Bytes)> {
    assert!(
        !seeds.is_empty() && !pieces.is_empty(),
        "there is something to begin with"
    );
    (0..seeds.len(), vec(edit(pieces), 0..MAX_EDITS)).prop_map(move |(seed, edits)| {
        let mut bytes = seeds[seed].clone();
        for edit in &edits {
            edit.apply(&mut bytes, &seeds);
            bytes.truncate(MAX_INPUT_BYTES);
        }
        (seed, Bytes(bytes))
    })
}

/// Generates text of `pieces` in any order, with other characters between them.
pub fn spliced_text(
    pieces: &'static [&'static str],
    max_pieces: usize,
) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => select(pieces).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z]{1,6}",
    ];
    vec(piece, 0..max_pieces).prop_map(|pieces| pieces.concat())
}

fn edit(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Edit> {
    let length = 1..MAX_EDIT_BYTES;
    let times = prop_oneof![20 => 1..4_usize, 4 => 4..100_usize, 1 => 100..20_000_usize];
    prop_oneof![
        4 => (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        8 => (any::<Index>(), select(pieces)).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        4 => (any::<Index>(), select(pieces)).prop_map(|(at, piece)| Edit::Overwrite(at, piece)),
        4 => (any::<Index>(), length.clone()).prop_map(|(at, length)| Edit::Remove(at, length)),
        3 => (any::<Index>(), length.clone(), any::<Index>()).prop_map(|(from, length, to)| Edit::Copy(from, length, to)),
        3 => (any::<Index>(), length, times).prop_map(|(at, length, times)| Edit::Repeat(at, length, times)),
        1 => any::<Index>().prop_map(Edit::Cut),
        1 => any::<[Index; 3]>().prop_map(|[at, seed, from]| Edit::Splice(at, seed, from)),
    ]
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let size = bytes.len();
        let place = |at: &Index| at.index(size + 1);
        let part = |at: &Index, length: usize| place(at)..size.min(place(at) + length);
        match self {
            Self::Flip(at, bit) => replace_byte(bytes, place(at), |byte| byte ^ (1 << bit)),
            Self::Set(at, new) => replace_byte(bytes, place(at), |_| *new),
            Self::Insert(at, piece) => insert(bytes, place(at), piece),
            Self::Overwrite(at, piece) => {
                drop(bytes.splice(part(at, piece.len()), piece.iter().copied()))
            }
            Self::Remove(at, length) => drop(bytes.drain(part(at, *length))),
            Self::Copy(from, length, to) => {
                let copied = bytes[part(from, *length)].to_vec();
                insert(bytes, place(to), &copied);
            }
            Self::Repeat(at, length, times) => {
                let part = part(at, *length);
                let times = (*times).min(MAX_INPUT_BYTES / part.len().max(1));
                let repeated = bytes[part.clone()].repeat(times);
                insert(bytes, part.end, &repeated);
            }
            Self::Cut(at) => bytes.truncate(place(at)),
            Self::Splice(at, seed, from) => {
                let other = seed.get(seeds);
                bytes.truncate(place(at));
                bytes.extend_from_slice(&other[from.index(other.len() + 1)..]);
            }
        }
    }
}

fn insert(bytes: &mut Vec<u8>, place: usize, more: &[u8]) {
    drop(bytes.splice(place..place, more.iter().copied()));
}

fn replace_byte(bytes: &mut [u8], place: usize, new: impl FnOnce(u8) -> u8) {
    if let Some(byte) = bytes.get_mut(place) {
        *byte = new(*byte);
    }
}
