//! Property tests of code that reads untrusted data: generated inputs, a memory and time limit for
//! each, and a budget for all of them. This crate knows no reader: the properties are in the crates
//! that they test, in modules named `properties`.
//!
//! Failing cases are kept: as explicit tests next to the bug, and as seeds in `regressions/`, which
//! are tried first.

mod budget;
mod limits;
mod mutation;
mod target;

pub use limits::{Limits, Outcome, ensure};
pub use mutation::{Bytes, MAX_INPUT_BYTES, mutated, mutated_seed, spliced_text};
pub use proptest;
pub use target::check;
