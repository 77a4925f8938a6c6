//! The error for a part of the page that is larger than its limit.

use std::fmt::{Display, Formatter};

/// A part that exceeds its limit.
#[derive(Debug)]
pub struct OverBudget {
    /// The part.
    pub what: &'static str,
    /// Its size after brotli, in bytes.
    pub bytes: u64,
    /// Its limit, in bytes.
    pub limit: u64,
}

impl Display for OverBudget {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let [now, limit] = [self.bytes, self.limit].map(kilobytes);
        write!(
            f,
            "the {} is {now} kB after brotli, its limit is {limit} kB: ",
            self.what
        )?;
        write!(f, "look for a new dependency or feature with `cargo tree`")
    }
}

pub fn kilobytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1000.0)
}
