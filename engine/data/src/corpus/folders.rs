//! One folder per class: unlabelled text files whose folder names are their labels, a layout used
//! by scikit-learn, Keras and many datasets. If there are many files, each is one document;
//! otherwise each line is.

use crate::document::Document;
use crate::error::DataError;
use crate::labels::label_map::Renaming;
use crate::reading::byte_source::InputFile;
use crate::reading::file::{FileRows, ReadFile, read_file};
use crate::reading::warning::Warning;
use crate::table::{ReadOptions, Shape};
use protocol::{Message, message};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use unicode_normalization::UnicodeNormalization;

/// Minimum average number of files per class for each file to be one document.
const MIN_FILES_PER_CLASS: usize = 3;
/// Maximum size of a file that is one document.
const MAX_DOCUMENT_BYTES: u64 = 1 << 20;
/// Maximum number of files outside the class folders, such as a README or `desktop.ini`: this many,
/// or one in [`STRAYS_ONE_IN`] if that is more.
const MAX_STRAYS: usize = 3;
const STRAYS_ONE_IN: usize = 10;
/// Minimum percentage of files at one depth for their parent folders to be the classes.
const MIN_USUAL_PERCENT: usize = 90;
/// Approximate number of files, and maximum rows of each, that are checked for labels of their own.
const MAX_LOOKED_AT: usize = 5;
/// Maximum classes named in a message.
const MAX_LISTED: usize = 5;

/// Class given by a file's folder.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderClass {
    /// Label of the file's documents.
    pub label: String,
    /// Whether the whole file is one document.
    pub is_whole: bool,
}

/// Returns the class of each file if sibling folders name classes: there must be at least two
/// folders, with nothing but unlabelled lines of text in them. A few files outside these folders
/// have no class.
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
        .all(|name| super::split_names::split_role(name).is_some());
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
    // Some file systems store accents as separate combining characters.
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

/// Returns the folder that names the class of each file: its parent, or, if files lie at different
/// depths, the first folder below the common prefix. Returns `None` if many files lie outside such
/// folders.
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
    // A top-level folder is the input itself, not one class among several.
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

/// Returns the folders of a path, outermost first.
fn folders(name: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = name
        .split(['/', '\\'])
        .filter(|part| !part.is_empty())
        .collect();
    parts.pop();
    parts
}

/// Returns whether a sample of the files consists of unlabelled lines.
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

/// Reads a file, labelling its documents with the class of its folder if there is one.
///
/// # Errors
/// Same as [`read_file`].
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
            let mut document = Document {
                labels: labels.clone(),
                ..document
            };
            options.annotate(&mut document);
            sink(document)
        })?;
        return Ok(ReadFile {
            renamed: renaming,
            ..found
        });
    }
    let mut merged: Option<Document> = None;
    let found = read_file(file, options, &mut |document| {
        match &mut merged {
            None => {
                merged = Some(Document {
                    labels: labels.clone(),
                    second: None,
                    block: 0,
                    ..document
                })
            }
            Some(merged) => {
                merged.text.push(' ');
                merged.text.push_str(&document.text);
            }
        }
        ControlFlow::Continue(())
    })?;
    if let Some(mut document) = merged {
        options.annotate(&mut document);
        // Whether the sink breaks does not matter: this is the only document.
        let _ = sink(document);
    }
    Ok(ReadFile {
        renamed: renaming,
        ..found
    })
}

/// Reports the classes found, and whether files or lines are documents.
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
        message!("each file is a document")
    } else {
        message!("each line is a document")
    };
    let strays = classes.iter().filter(|class| class.is_none()).count();
    let stray_note = if strays > 0 {
        message!(
            "; files outside these folders, without a label: {strays}",
            strays
        )
    } else {
        Message::default()
    };
    (
        "folder-classes",
        message!(
            "folder names are used as labels, and {unit}: {labels}{stray_note}",
            unit,
            labels = named + rest,
            stray_note
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], text: &str) -> Vec<String> {
        let files: Vec<InputFile> = names
            .iter()
            .map(|name| InputFile::in_memory(*name, text, None))
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
    fn sibling_folders_name_classes() {
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
        let file = InputFile::in_memory("d/boat/1.txt", "a b\n\nc d\n", None);
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
