//! Property tests of whatever reads untrusted data: generated inputs, a limit on memory and time for each, and a budget for
//! all of them. It knows no reader: the properties stand in the crates that they are about, in modules named `properties`.
//!
//! Found cases stay: as explicit tests where the fault was, and as seeds in `regressions/`, which are tried first.

mod budget;
mod limits;
mod mutation;
mod target;

pub use limits::{Limits, Outcome, ensure};
pub use mutation::{Bytes, MAX_INPUT_BYTES, mutated, mutated_seed, spliced_text};
pub use proptest;
pub use target::check;
