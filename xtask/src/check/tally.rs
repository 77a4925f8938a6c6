//! Counts tests by the output of their runners: cargo's `test result:` lines and the summary of
//! node's TAP.

use std::fmt::{Display, Formatter};

/// Numbers of tests by outcome.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Returns whether any test was counted.
    pub fn is_some(&self) -> bool {
        self.passed + self.failed + self.skipped > 0
    }

    /// Reads one line of cargo's test output and forwards it to standard error.
    pub fn read_cargo(&mut self, line: &str) {
        eprintln!("{line}");
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        for part in result.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(count), Some(what)) = (
                words.next().and_then(|word| word.parse().ok()),
                words.next(),
            ) else {
                continue;
            };
            self.add(what, count);
        }
    }

    /// Reads one line of node's TAP output; another reporter prints the tests for the user.
    pub fn read_node(&mut self, line: &str) {
        let mut words = line
            .strip_prefix("# ")
            .unwrap_or_default()
            .split_whitespace();
        if let (Some(what), Some(count), None) = (
            words.next(),
            words.next().and_then(|word| word.parse().ok()),
            words.next(),
        ) {
            self.add(what, count);
        }
    }

    fn add(&mut self, what: &str, count: u64) {
        match what {
            "passed" | "pass" => self.passed += count,
            "failed" | "fail" | "cancelled" => self.failed += count,
            "ignored" | "skipped" | "todo" => self.skipped += count,
            _ => {}
        }
    }
}

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_both_runners_are_counted() {
        let mut tally = Tally::default();
        assert!(!tally.is_some());
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 9 filtered out; finished in 0.52s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 12.00s",
        ] {
            tally.read_cargo(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 4,
                failed: 2,
                skipped: 1
            }
        );
        let summary = [
            "# tests 7",
            "# pass 4",
            "# fail 1",
            "# cancelled 1",
            "# skipped 1",
            "# duration_ms 812.3",
        ];
        for line in ["ok 1 - pass 99", "# Subtest: pass 99", "    # pass 99"]
            .into_iter()
            .chain(summary)
        {
            tally.read_node(line);
        }
        assert_eq!(tally.to_string(), "8 passed, 4 failed, 2 skipped");
    }

    #[test]
    fn skipped_tests_are_mentioned_only_if_any() {
        let tally = Tally {
            passed: 2,
            ..Tally::default()
        };
        assert_eq!(tally.to_string(), "2 passed, 0 failed");
    }
}
