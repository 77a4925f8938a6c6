//! A folder per class: text files without labels whose folders tell theirs, as scikit-learn, Keras and many data sets lay
//! them out. Of many files, each is one document; a few large ones hold one document per line.

use super::Document;
use crate::byte_source::InputFile;
use crate::error::DataError;
use crate::file::{FileRows, ReadFile, Warning, read_file};
use crate::label_map::Renaming;
use crate::table::{ReadOptions, Shape};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use unicode_normalization::UnicodeNormalization;

/// Files of a class, on average, from which on each is one document.
const MIN_FILES_PER_CLASS: usize = 3;
/// Larger files are no single documents.
const MAX_DOCUMENT_BYTES: u64 = 1 << 20;
/// Files beside the folders of classes, such as a README or `desktop.ini`: so many at most, or one in so many.
const MAX_STRAYS: usize = 3;
const STRAYS_ONE_IN: usize = 10;
/// Share of the files that lie at one depth where the folders right above them are the classes.
const MIN_USUAL_PERCENT: usize = 90;
/// Files that are looked at for labels of their own.
const MAX_LOOKED_AT: usize = 5;
/// Classes that a sentence names.
const MAX_LISTED: usize = 5;

/// What a file's folder says of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderClass {
    /// The label of its documents.
    pub label: String,
    /// Whether all of it is one document.
    pub is_whole: bool,
}

/// The class of each file, where folders beside each other tell it: at least two folders, nothing but lines of text, and no
/// labels in these. A few files that lie in none of the folders have no class.
pub fn classes(files: &[InputFile], options: &ReadOptions) -> Option<Vec<Option<FolderClass>>> {
    if !options.reads_folder_classes {
        return None;
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let folders = class_folders(&names)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    folders
        .iter()
        .flatten()
        .for_each(|folder| *counts.entry(folder).or_default() += 1);
    let are_splits = counts
        .keys()
        .all(|name| super::roles::split_role(name).is_some());
    let classed: Vec<&InputFile> = files
        .iter()
        .zip(&folders)
        .filter(|(_, f)| f.is_some())
        .map(|(file, _)| file)
        .collect();
    if counts.len() < 2
        || are_splits
        || options.wants_columns()
        || !hold_plain_lines(&classed, options)
    {
        return None;
    }
    let are_small = classed
        .iter()
        .all(|file| file.content.size() <= MAX_DOCUMENT_BYTES);
    let is_whole = are_small && classed.len() >= MIN_FILES_PER_CLASS * counts.len();
    // Some systems write accents as letters of their own.
    let class = |folder: &str| FolderClass {
        label: folder.nfc().collect(),
        is_whole,
    };
    Some(
        folders
            .into_iter()
            .map(|folder| folder.map(class))
            .collect(),
    )
}

/// The folder that tells the class of each file: the one it lies in, or, where some lie deeper than others, the first one
/// below the folder that holds them all. Nothing where many files lie in no such folder.
fn class_folders<'a>(names: &[&'a str]) -> Option<Vec<Option<&'a str>>> {
    let paths: Vec<Vec<&str>> = names.iter().map(|name| folders(name)).collect();
    let depth = paths.first()?.len();
    let shared = (0..depth).take_while(|&level| {
        paths
            .iter()
            .all(|path| path.get(level) == Some(&paths[0][level]))
    });
    let shared = shared.count();
    let mut depths: BTreeMap<usize, usize> = BTreeMap::new();
    paths
        .iter()
        .filter(|path| path.len() > shared)
        .for_each(|path| *depths.entry(path.len()).or_default() += 1);
    let (usual, count) = depths.into_iter().max_by_key(|(_, count)| *count)?;
    let is_few = |others: usize| others <= MAX_STRAYS.max(paths.len() / STRAYS_ONE_IN);
    // A folder at the top is what was given, not one beside others.
    let found: Vec<Option<&str>> =
        if usual > 1 && (count == paths.len() || count * 100 >= paths.len() * MIN_USUAL_PERCENT) {
            paths
                .iter()
                .map(|path| path.last().copied().filter(|_| path.len() == usual))
                .collect()
        } else {
            paths
                .iter()
                .map(|path| path.get(shared).copied().filter(|_| shared > 0))
                .collect()
        };
    let strays = found.iter().filter(|folder| folder.is_none()).count();
    (strays == 0 || is_few(strays) && strays < paths.len() / 2).then_some(found)
}

/// The folders above a file.
fn folders(name: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = name
        .split(['/', '\\'])
        .filter(|part| !part.is_empty())
        .collect();
    parts.pop();
    parts
}

/// Whether a few of the files hold lines without labels.
fn hold_plain_lines(files: &[&InputFile], options: &ReadOptions) -> bool {
    let spread = (files.len() / MAX_LOOKED_AT).max(1);
    files.iter().step_by(spread).all(|file| {
        let Ok(mut rows) = FileRows::open(file, options, false) else {
            return true;
        };
        let mut labelled = false;
        for _ in 0..MAX_LOOKED_AT {
            let Ok(Some(taken)) = rows.next() else { break };
            labelled |= taken
                .document
                .is_some_and(|document| !document.labels.is_empty());
        }
        rows.shape == Shape::Lines && !labelled
    })
}

/// Reads a file whose folder may tell its class.
///
/// # Errors
/// As [`read_file`].
pub fn read_classed(
    file: &InputFile,
    options: &ReadOptions,
    class: Option<&FolderClass>,
    sink: &mut dyn FnMut(Document) -> ControlFlow<()>,
) -> Result<ReadFile, DataError> {
    let Some(class) = class else {
        return read_file(file, options, sink);
    };
    let mut labels = vec![class.label.clone()];
    let mut renaming = Renaming::default();
    renaming.apply(&options.label_map, &mut labels);
    if !class.is_whole {
        let found = read_file(file, options, &mut |document| {
            sink(Document {
                labels: labels.clone(),
                ..document
            })
        })?;
        return Ok(ReadFile {
            renamed: renaming,
            ..found
        });
    }
    let mut whole: Option<Document> = None;
    let found = read_file(file, options, &mut |document| {
        match &mut whole {
            None => {
                whole = Some(Document {
                    labels: labels.clone(),
                    second: None,
                    block: 0,
                    ..document
                })
            }
            Some(whole) => {
                whole.text.push(' ');
                whole.text.push_str(&document.text);
            }
        }
        ControlFlow::Continue(())
    })?;
    // Nothing comes after the only document.
    let _ = whole.map(sink);
    Ok(ReadFile {
        renamed: renaming,
        ..found
    })
}

/// What a person should know of classes by folders.
pub fn warning(classes: &[Option<FolderClass>]) -> Warning {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    classes
        .iter()
        .flatten()
        .for_each(|class| *counts.entry(&class.label).or_default() += 1);
    let named = counts
        .iter()
        .take(MAX_LISTED)
        .map(|(label, files)| format!("{} ({files})", crate::quoted(label)));
    let named = named.collect::<Vec<_>>().join(", ");
    let rest = if counts.len() > MAX_LISTED {
        ", …"
    } else {
        ""
    };
    let unit = if classes.iter().flatten().any(|class| class.is_whole) {
        "each file is a document"
    } else {
        "each line is a document"
    };
    let strays = classes.iter().filter(|class| class.is_none()).count();
    let beside = if strays > 0 {
        format!("; files without a label beside them: {strays}")
    } else {
        String::new()
    };
    (
        "folder-classes",
        format!("folders name the labels of their files, and {unit}: {named}{rest}{beside}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], text: &str) -> Vec<String> {
        let files: Vec<InputFile> = names
            .iter()
            .map(|name| InputFile::held(*name, text, None))
            .collect();
        let options = ReadOptions {
            reads_folder_classes: true,
            ..ReadOptions::default()
        };
        let classes = classes(&files, &options).unwrap_or_default();
        let shown = |class: &FolderClass| {
            format!("{}{}", class.label, if class.is_whole { "!" } else { "" })
        };
        classes
            .iter()
            .map(|class| class.as_ref().map_or("-".into(), shown))
            .collect()
    }

    #[test]
    fn folders_beside_each_other_name_classes() {
        assert_eq!(
            found(&["d/boat/1.txt", "d/tree/1.txt"], "a b\nc d\n"),
            ["boat", "tree"]
        );
        let many: Vec<String> = (0..6)
            .map(|i| format!("d/{}/{i}.txt", ["boat", "tree"][i % 2]))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(found(&many, "a b\n")[..2], ["boat!", "tree!"]);
        assert_eq!(
            found(
                &["d/boat/1.txt", "d/tree/old/1.txt", "d/tree/2.txt"],
                "a b\n"
            ),
            ["boat", "tree", "tree"]
        );
        for names in [
            &["d/1.txt", "d/2.txt"][..],
            &["d/boat/1.txt", "d/2.txt"],
            &["d/train/1.txt", "d/test/1.txt"],
        ] {
            assert!(found(names, "a b\n").is_empty(), "{names:?}");
        }
        assert!(found(&["d/boat/1.txt", "d/tree/1.txt"], "a b __label__x\n").is_empty());
    }

    #[test]
    fn a_whole_file_is_one_document() {
        let file = InputFile::held("d/boat/1.txt", "a b\n\nc d\n", None);
        let class = FolderClass {
            label: "boat".into(),
            is_whole: true,
        };
        let mut documents = Vec::new();
        let read = read_classed(
            &file,
            &ReadOptions::default(),
            Some(&class),
            &mut |document| {
                documents.push((document.text, document.labels));
                ControlFlow::Continue(())
            },
        );
        assert!(read.is_ok());
        assert_eq!(
            documents,
            [("a b c d".to_string(), vec!["boat".to_string()])]
        );
    }
}
