//! `cargo xtask tidy`: rules of structure and language that no compiler checks. Breaches that
//! existed when a rule was added are listed in `xtask/tidy.txt`; the list may only shrink.

mod circles;
mod modules;
mod names;
mod prose;
mod sizes;
mod sources;

use crate::error::Error;
use crate::project::Project;
use sources::Source;
use std::collections::BTreeSet;
use std::fs;

/// A breach of a rule, e.g. `long-file app/src/state.rs`. It contains no numbers, so that an
/// exception stays the same line until it is fixed.
type Finding = String;

/// Checks all rules.
///
/// # Errors
/// Returns [`Error::Untidy`], which lists the new breaches and the exceptions that are no longer
/// needed.
pub fn check(project: &Project) -> Result<(), Error> {
    let sources = sources::read(project.root())?;
    let found = findings(&sources);
    let path = project.root().join("xtask").join("tidy.txt");
    let text = fs::read_to_string(&path).map_err(Error::file("read", &path))?;
    let expected = exceptions(&text);
    let new: Vec<Finding> = found.difference(&expected).cloned().collect();
    let gone: Vec<Finding> = expected.difference(&found).cloned().collect();
    if new.is_empty() && gone.is_empty() {
        return Ok(());
    }
    Err(Error::Untidy { new, gone })
}

fn findings(sources: &[Source]) -> BTreeSet<Finding> {
    let rust: Vec<&Source> = sources.iter().filter(|source| source.is_rust()).collect();
    let modules = modules::parse(&rust);
    circles::findings(&modules)
        .into_iter()
        .chain(sizes::findings(&modules, &rust))
        .chain(names::findings(&modules))
        .chain(prose::findings(sources))
        .collect()
}

/// Returns the lines that are neither empty nor comments.
fn exceptions(text: &str) -> BTreeSet<Finding> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(String::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_no_exceptions() {
        let expected = BTreeSet::from(["long-file a.rs".to_string()]);
        assert_eq!(exceptions("# why\n\n  long-file a.rs \n"), expected);
    }
}
