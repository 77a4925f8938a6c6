//! Limits on the size of files, folders, structs and lines.

use super::modules::Module;
use super::sources::Source;
use std::collections::BTreeMap;

/// Maximum number of lines in a file.
const MAX_LINES: usize = 400;
/// Maximum number of source files directly in a folder.
const MAX_FILES: usize = 15;
/// Maximum number of fields of a struct. Those of the protocol are messages and may have more.
const MAX_FIELDS: usize = 15;
/// Maximum line length in columns; rustfmt leaves long strings and comments unchanged.
const MAX_COLUMNS: usize = 120;

/// Returns `long-file`, `wide-folder`, `large-struct` and `long-line` findings.
pub fn findings(modules: &[Module], sources: &[&Source]) -> Vec<String> {
    let long = sources
        .iter()
        .filter(|source| source.text.lines().count() > MAX_LINES);
    let long = long.map(|source| format!("long-file {}", source.path));
    let wide = sources.iter().filter(|source| has_long_line(source));
    let wide = wide.map(|source| format!("long-line {}", source.path));
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for source in sources {
        let folder = source
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        *folders.entry(folder).or_default() += 1;
    }
    let folders = folders.into_iter().filter(|(_, files)| *files > MAX_FILES);
    let folders = folders.map(|(folder, _)| format!("wide-folder {folder}"));
    let structs = modules
        .iter()
        .filter(|module| module.path[0] != "engine/protocol")
        .flat_map(|module| module.items.iter().map(move |item| (module, item)))
        .filter(|(_, item)| item.fields > MAX_FIELDS)
        .map(|(module, item)| format!("large-struct {} {}", module.file, item.name));
    long.chain(wide).chain(folders).chain(structs).collect()
}

fn has_long_line(source: &Source) -> bool {
    // A text that a catalogue translates is one literal.
    let is_literal =
        |line: &str| line.trim_start().starts_with(['"', '#']) || line.contains("!(\"");
    source
        .text
        .lines()
        .any(|line| line.chars().count() > MAX_COLUMNS && !is_literal(line))
}

#[cfg(test)]
mod tests {
    use super::super::modules;
    use super::*;

    #[test]
    fn excesses_are_found() {
        let fields: String = (0..16).map(|field| format!("f{field}: u8,")).collect();
        let text = format!("struct A {{ {fields} }}\n{}", "\n".repeat(400));
        let source = Source {
            path: "a/src/lib.rs".into(),
            text,
        };
        let modules = modules::parse(&[&source]);
        assert_eq!(
            findings(&modules, &[&source]),
            [
                "long-file a/src/lib.rs",
                "long-line a/src/lib.rs",
                "large-struct a/src/lib.rs A"
            ]
        );
    }
}
