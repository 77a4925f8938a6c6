//! Maps a file of the corpus to the user's file that it comes from, by name: the file itself, or
//! the archive whose name prefixes its own (`texts.zip/a.txt`). Each function takes time
//! proportional to the number of names, not of pairs of names: a folder can hold thousands of
//! files.

use std::collections::{BTreeMap, BTreeSet};

/// Index of the names of the user's files.
pub struct SourceNames<'a> {
    /// Index of the first file with each name.
    places: BTreeMap<&'a str, usize>,
}

impl<'a> SourceNames<'a> {
    /// Indexes the names of the user's files, in order.
    pub fn new(sources: impl Iterator<Item = &'a str>) -> Self {
        let mut places = BTreeMap::new();
        for (place, name) in sources.enumerate() {
            places.entry(name).or_insert(place);
        }
        Self { places }
    }

    /// Returns the first of the user's files that is the file `name`, or contains it.
    pub fn source_of(&self, name: &str) -> Option<&'a str> {
        let found = name_and_folders(name).filter_map(|name| self.places.get_key_value(name));
        found
            .min_by_key(|(_, place)| **place)
            .map(|(name, _)| *name)
    }
}

/// Returns those of the user's files that no file of the corpus comes from, in order.
pub fn unused<'a, 'b>(
    sources: impl Iterator<Item = &'a str>,
    corpus: impl Iterator<Item = &'b str>,
) -> Vec<String> {
    let used: BTreeSet<&str> = corpus.flat_map(name_and_folders).collect();
    sources
        .filter(|name| !used.contains(name))
        .map(String::from)
        .collect()
}

/// Returns a name and the names of the folders, or archives, that contain it.
fn name_and_folders(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/')
        .map(|(end, _)| &name[..end])
        .chain([name])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_from_itself_or_from_its_archive() {
        let names =
            SourceNames::new(["d/a.txt", "d/b.zip", "d/b.zip/c.txt", "d/a.txt"].into_iter());
        for (name, source) in [
            ("d/a.txt", Some("d/a.txt")),
            ("d/b.zip/c.txt", Some("d/b.zip")),
            ("d/b.zip/inside.zip/e.txt", Some("d/b.zip")),
            ("d/b.zip.txt", None),
            ("d", None),
            ("", None),
        ] {
            assert_eq!(names.source_of(name), source, "{name}");
        }
    }

    #[test]
    fn files_without_documents_are_unused() {
        let sources = ["b.zip", "a.txt", "empty.zip", "a.png"];
        let corpus = ["a.txt", "b.zip/c.txt", "b.zip/inside.zip/e.txt"];
        assert_eq!(
            unused(sources.into_iter(), corpus.into_iter()),
            ["empty.zip", "a.png"]
        );
    }

    /// There are 4e10 pairs of names: a quadratic algorithm would not finish.
    #[test]
    fn many_files_are_looked_up() {
        let sources: Vec<String> = (0..200_000)
            .map(|number| format!("d/{number}.txt"))
            .collect();
        let all = || sources.iter().map(String::as_str);
        let names = SourceNames::new(all());
        assert!(all().all(|name| names.source_of(name) == Some(name)));
        assert_eq!(unused(all(), all().skip(1)), ["d/0.txt"]);
    }
}
