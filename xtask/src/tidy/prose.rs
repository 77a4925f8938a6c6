//! Markdown is readable as text, and the paths that it names exist.

use super::sources::Source;
use std::collections::BTreeSet;

/// Maximum line length of prose in columns; tables, links, headings and code may be longer.
const MAX_COLUMNS: usize = 100;

/// Returns `long-prose` findings, one per file, and `dead-path` findings of ARCHITECTURE.md.
pub fn findings(sources: &[Source]) -> Vec<String> {
    let documents = sources.iter().filter(|source| source.is_markdown());
    let long = documents.filter(|source| has_long_prose(&source.text));
    let long = long.map(|source| format!("long-prose {}", source.path));
    let tracked: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let architecture = sources
        .iter()
        .find(|source| source.path == "ARCHITECTURE.md");
    let dead = architecture
        .into_iter()
        .flat_map(|source| rust_files(&source.text));
    let dead = dead.filter(|path| !exists(path, &tracked));
    long.chain(dead.map(|path| format!("dead-path ARCHITECTURE.md {path}")))
        .collect()
}

fn has_long_prose(text: &str) -> bool {
    let mut is_code = false;
    text.lines().any(|line| {
        is_code ^= line.trim_start().starts_with("```");
        let is_exempt = is_code
            || line.starts_with("    ")
            || line.trim_start().starts_with(['|', '#', '<'])
            || line.contains("](");
        !is_exempt && line.chars().count() > MAX_COLUMNS
    })
}

/// Returns the names of Rust files in backticks.
fn rust_files(text: &str) -> Vec<&str> {
    let spans = text.split('`').skip(1).step_by(2);
    spans
        .filter(|span| span.ends_with(".rs") && !span.contains([' ', '{', '*']))
        .collect()
}

/// Returns whether a tracked file has this path or a path that ends with it.
fn exists(path: &str, tracked: &BTreeSet<&str>) -> bool {
    tracked.iter().any(|file| {
        file.strip_suffix(path)
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_measured_and_tables_and_code_are_not() {
        let long = "word ".repeat(30);
        assert!(has_long_prose(&long));
        for exempt in [
            format!("| {long} |"),
            format!("```\n{long}\n```"),
            format!("[{long}](a)"),
        ] {
            assert!(!has_long_prose(&exempt), "{exempt}");
        }
    }

    #[test]
    fn files_are_found_by_the_end_of_their_path() {
        let tracked = BTreeSet::from(["engine/core/src/session/run.rs"]);
        assert!(exists("session/run.rs", &tracked));
        assert!(!exists("ion/run.rs", &tracked));
        assert_eq!(
            rust_files("see `session/run.rs` and `Run`"),
            ["session/run.rs"]
        );
    }
}
