//! Sums up the reports of the property tests: `fuzz: NAME COUNT inputs ..`.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

/// Number of inputs per target.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tried(BTreeMap<String, u64>);

impl Tried {
    /// Reads one line of the tests' output and forwards it to standard error.
    pub fn read(&mut self, line: &str) {
        eprintln!("{line}");
        // The name of a test may precede the report on the same line.
        let Some((_, report)) = line.split_once("fuzz: ") else {
            return;
        };
        let mut words = report.split_whitespace();
        if let (Some(name), Some(count), Some("inputs")) = (
            words.next(),
            words.next().and_then(|count| count.parse::<u64>().ok()),
            words.next(),
        ) {
            *self.0.entry(name.into()).or_default() += count;
        }
    }
}

impl Display for Tried {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        for (name, count) in &self.0 {
            writeln!(f, "{count:>12}  {name}")?;
        }
        write!(
            f,
            "{:>12}  inputs of {} targets",
            self.0.values().sum::<u64>(),
            self.0.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_per_target_are_summed() {
        let mut tried = Tried::default();
        for line in [
            "running 2 tests",
            "fuzz: tables 200 inputs in 8.0 s, at most 3034 KiB and 96 ms each",
            "test properties::labels ... fuzz: labels 5 inputs in 8.0 s",
            "fuzz: tables 100 inputs in 8.0 s",
            "fuzz: tables broke",
        ] {
            tried.read(line);
        }
        assert_eq!(
            tried.to_string(),
            "           5  labels\n         300  tables\n         305  inputs of 2 targets"
        );
    }
}
