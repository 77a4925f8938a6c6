//! Turns files from an input, a drop or the bundle into [`Source`]s, and these into what is sent to
//! the engine: handles to the files, which the engine reads itself. The page never reads the text.

use crate::model_files::{WEIGHTS, model_folder, name_in_model};
use crate::tr;
use js_sys::{Array, Reflect};
use protocol::{FileInfo, FileRole, Phase};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, DataTransfer, File, FileList, FileSystemDirectoryEntry, FileSystemDirectoryReader,
    FileSystemEntry, FileSystemFileEntry, Response,
};

/// A larger number of files is more likely a mistaken folder than a corpus.
const MAX_FILES: usize = 5_000;

/// Bundled corpus, relative to the page.
const BUNDLE: [(&str, FileRole); 4] = [
    ("train.txt", FileRole::Train),
    ("pretrain_extra.txt", FileRole::Train),
    ("valid.txt", FileRole::Valid),
    ("test.txt", FileRole::Test),
];

/// Models that were pre-trained and fine-tuned on the bundled corpus, relative to the page.
const FINISHED_MODEL: &str = "finished-model.zip";
const FINISHED_CLASSIFIER: &str = "finished-classifier.zip";

/// Number of bytes at the end of an archive that are searched for the name of a weights file: a
/// saved model has about thirty entries.
const ARCHIVE_DIRECTORY_BYTES: f64 = 65_536.0;

/// A file that the page retains, so that it can be sent to a restarted engine.
#[derive(Clone)]
pub struct Source {
    /// Name as shown to the user, including its folder if it has one.
    pub name: String,
    /// Role of the file; `None` lets the engine decide.
    pub role: Option<FileRole>,
    /// Roles of the files inside an archive, by member name prefixed with the archive's name.
    pub member_roles: BTreeMap<String, FileRole>,
    /// Whether it is an archive that contains a model.
    holds_model: bool,
    blob: Blob,
    bundled: bool,
    /// Whether it was typed or pasted: its encoding is then known.
    typed: bool,
}

/// Description of a file in the browser's storage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredSource {
    name: String,
    role: Option<FileRole>,
    member_roles: BTreeMap<String, FileRole>,
    typed: bool,
}

impl StoredSource {
    /// Returns the source with its bytes.
    pub fn with(self, blob: Blob) -> Source {
        let Self {
            name,
            role,
            member_roles,
            typed,
        } = self;
        Source {
            role,
            member_roles,
            typed,
            ..Source::of_blob(&name, blob)
        }
    }
}

/// Fetches the bundled corpus.
///
/// # Errors
/// Returns a message if a file cannot be fetched.
pub async fn bundle() -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for (name, role) in BUNDLE {
        let blob = fetch(&format!("./bundle/{name}"))
            .await
            .map_err(|error| format!("{name}: {}", error_message(&error)))?;
        sources.push(Source {
            role: Some(role),
            bundled: true,
            ..Source::of_blob(name, blob)
        });
    }
    Ok(sources)
}

/// Fetches the bundled model of a phase.
///
/// # Errors
/// Returns a message if it cannot be fetched.
pub async fn finished_model(phase: Phase) -> Result<Vec<Source>, String> {
    let name = if phase == Phase::Pretrain {
        FINISHED_MODEL
    } else {
        FINISHED_CLASSIFIER
    };
    let blob = fetch(&format!("./bundle/{name}"))
        .await
        .map_err(|error| error_message(&error))?;
    Ok(vec![Source {
        bundled: true,
        ..Source::of_blob(name, blob)
    }])
}

/// Returns the files of an `<input type=file>`, folders included. Hidden files in folders are
/// skipped, as in a dropped folder.
///
/// # Errors
/// Returns a message if there are too many files.
pub fn from_input(files: &FileList) -> Result<Vec<Source>, String> {
    let files = (0..files.length())
        .filter_map(|index| files.get(index))
        .map(from_file);
    let is_hidden = |source: &Source| {
        source
            .name
            .split('/')
            .skip(1)
            .any(|part| part.starts_with('.'))
    };
    let sources: Vec<Source> = files
        .filter(|source| !is_hidden(source))
        .take(MAX_FILES + 1)
        .collect();
    if sources.len() > MAX_FILES {
        Err(too_many())
    } else {
        Ok(sources)
    }
}

fn too_many() -> String {
    tr!(
        "more than {most} files; drop fewer, or join them",
        most = MAX_FILES
    )
}

impl Source {
    /// Returns a source for a blob from the browser's storage.
    pub fn of_blob(name: &str, blob: Blob) -> Self {
        Self {
            name: name.into(),
            role: None,
            member_roles: BTreeMap::new(),
            holds_model: false,
            blob,
            bundled: false,
            typed: false,
        }
    }

    /// Returns the description that is stored alongside the bytes.
    pub fn description(&self) -> StoredSource {
        let Self {
            name,
            role,
            member_roles,
            typed,
            ..
        } = self.clone();
        StoredSource {
            name,
            role,
            member_roles,
            typed,
        }
    }

    /// Returns a handle to its bytes.
    pub fn blob(&self) -> Blob {
        self.blob.clone()
    }

    /// Returns whether the source is the file `name`, or the archive that contains it.
    pub fn contains(&self, name: &str) -> bool {
        name.strip_prefix(&self.name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns whether the source is a file of the user, whose encoding is unknown.
    fn has_unknown_encoding(&self) -> bool {
        !self.bundled && !self.typed
    }

    /// Returns whether the source is bundled with the page.
    pub fn is_bundled(&self) -> bool {
        self.bundled
    }
}

/// Returns typed text as a file.
///
/// # Errors
/// Returns a message if the browser refuses to create the blob.
pub fn from_text(name: &str, text: &str) -> Result<Source, String> {
    let blob = Blob::new_with_str_sequence(&Array::of1(&text.into()))
        .map_err(|error| error_message(&error))?;
    Ok(Source {
        typed: true,
        ..Source::of_blob(name, blob)
    })
}

/// Appends new sources to the present ones. A new file replaces one of the same name and inherits
/// its role; typed text gets a unique name instead.
pub fn joined(mut present: Vec<Source>, new: Vec<Source>) -> Vec<Source> {
    // Index of the first source with each name.
    let first_indices = present
        .iter()
        .enumerate()
        .rev()
        .map(|(index, source)| (source.name.clone(), index));
    let mut indices: BTreeMap<String, usize> = first_indices.collect();
    for mut source in new {
        if source.typed
            && let Some((stem, ending)) = source.name.clone().rsplit_once('.')
        {
            let names = (2..).map(|number| format!("{stem}-{number}.{ending}"));
            let unused_name = std::iter::once(source.name.clone())
                .chain(names)
                .find(|name| !indices.contains_key(name));
            source.name = unused_name.unwrap_or(source.name);
        }
        match indices.get(&source.name) {
            Some(&index) => {
                let before = &mut present[index];
                let member_roles = std::mem::take(&mut before.member_roles);
                *before = Source {
                    role: before.role,
                    member_roles,
                    ..source
                };
            }
            None => {
                indices.insert(source.name.clone(), present.len());
                present.push(source);
            }
        }
    }
    present
}

/// Reads the files of a drop. The entries are taken before the first await, since the browser
/// empties the list after the event.
pub fn from_drop(
    dropped: &DataTransfer,
) -> impl Future<Output = Result<Vec<Source>, String>> + 'static {
    let items = dropped.items();
    let mut entries = Vec::new();
    let mut sources = Vec::new();
    for item in (0..items.length())
        .filter_map(|index| items.get(index))
        .filter(|item| item.kind() == "file")
    {
        match item.webkit_get_as_entry() {
            Ok(Some(entry)) => entries.push(entry),
            _ => sources.extend(item.get_as_file().ok().flatten().map(from_file)),
        }
    }
    async move {
        walk(entries, &mut sources)
            .await
            .map_err(|error| error_message(&error))?;
        Ok(sources)
    }
}

/// Returns the files of a model if the sources are one: a single `.zip`, or a run directory with
/// weights. Names are made relative to the model's folder.
pub fn as_model(sources: &[Source]) -> Option<Vec<Source>> {
    if let [single] = sources {
        return single.holds_model.then(|| vec![single.clone()]);
    }
    let folder = model_folder(sources.iter().map(|source| source.name.as_str()))?;
    let inside = |source: &Source| {
        let name = name_in_model(&source.name, folder)?;
        Some(Source {
            name: name.into(),
            ..source.clone()
        })
    };
    Some(sources.iter().filter_map(inside).collect())
}

/// Marks the archives that contain a model.
pub async fn mark_models(mut sources: Vec<Source>) -> Vec<Source> {
    for source in &mut sources {
        if source.name.to_ascii_lowercase().ends_with(".zip") {
            source.holds_model = lists_weights(&source.blob).await.unwrap_or(false);
        }
    }
    sources
}

/// Returns whether an archive lists a weights file. A ZIP archive's directory is at its end.
async fn lists_weights(archive: &Blob) -> Result<bool, JsValue> {
    let end = archive.size();
    let directory =
        archive.slice_with_f64_and_f64((end - ARCHIVE_DIRECTORY_BYTES).max(0.0), end)?;
    let bytes = js_sys::Uint8Array::new(&JsFuture::from(directory.array_buffer()).await?).to_vec();
    let lists = |name: &str| {
        bytes
            .windows(name.len())
            .any(|window| window == name.as_bytes())
    };
    Ok(WEIGHTS.iter().any(|name| lists(name)))
}

/// Returns the descriptions and blobs to send to the engine. `encoding`, if selected, applies to
/// the user's own files.
pub fn to_transfer(sources: &[Source], encoding: Option<&str>) -> (Vec<FileInfo>, Vec<Blob>) {
    let info = |source: &Source| FileInfo {
        name: source.name.clone(),
        role: source.role,
        encoding: encoding
            .filter(|_| source.has_unknown_encoding())
            .map(String::from),
        member_roles: source.member_roles.clone(),
    };
    (
        sources.iter().map(info).collect(),
        sources.iter().map(|source| source.blob.clone()).collect(),
    )
}

async fn fetch(path: &str) -> Result<Blob, JsValue> {
    let window = web_sys::window().expect("a page has a window");
    let response: Response = JsFuture::from(window.fetch_with_str(path))
        .await?
        .unchecked_into();
    if !response.ok() {
        return Err(tr!("the server answered {status}", status = response.status()).into());
    }
    Ok(JsFuture::from(response.blob()?).await?.unchecked_into())
}

fn from_file(file: File) -> Source {
    let path = Reflect::get(&file, &"webkitRelativePath".into())
        .ok()
        .and_then(|path| path.as_string());
    let name = path
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| file.name());
    Source::of_blob(&name, file.into())
}

/// Collects the files below the entries, folder by folder. Uses a work list instead of recursion,
/// since folders can be deeply nested.
async fn walk(mut entries: Vec<FileSystemEntry>, sources: &mut Vec<Source>) -> Result<(), JsValue> {
    entries.reverse();
    while let Some(entry) = entries.pop() {
        if sources.len() >= MAX_FILES {
            return Err(too_many().into());
        }
        if entry.is_directory() {
            let folder: FileSystemDirectoryEntry = entry.unchecked_into();
            let mut inside = list(&folder.create_reader()).await?;
            inside.sort_by_key(|entry| std::cmp::Reverse(entry.name()));
            entries.extend(
                inside
                    .into_iter()
                    .filter(|entry| !entry.name().starts_with('.')),
            );
        } else {
            sources.push(read_file_entry(entry.unchecked_into()).await?);
        }
    }
    Ok(())
}

/// Returns all entries of a folder. A reader returns them in batches (100 in Chromium) and ends
/// with an empty one.
async fn list(reader: &FileSystemDirectoryReader) -> Result<Vec<FileSystemEntry>, JsValue> {
    let mut all = Vec::new();
    loop {
        let reader = reader.clone();
        let batch = promise(move |done, failed| {
            reader.read_entries_with_callback_and_callback(done, failed)
        });
        let batch = Array::from(&batch.await?);
        if batch.length() == 0 {
            return Ok(all);
        }
        all.extend(batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
    }
}

async fn read_file_entry(entry: FileSystemFileEntry) -> Result<Source, JsValue> {
    let path = entry.full_path();
    let file = promise(move |done, failed| {
        entry.file_with_callback_and_callback(done, failed);
        Ok(())
    });
    let file: File = file.await?.unchecked_into();
    Ok(Source::of_blob(path.trim_start_matches('/'), file.into()))
}

/// Wraps the file system's callbacks in a future.
fn promise(
    start: impl Fn(&js_sys::Function, &js_sys::Function) -> Result<(), JsValue> + 'static,
) -> impl Future<Output = Result<JsValue, JsValue>> {
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        if let Err(error) = start(&resolve, &reject) {
            reject.call1(&JsValue::NULL, &error).unwrap_or_default();
        }
    });
    JsFuture::from(promise)
}

fn error_message(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into())
        .ok()
        .and_then(|message| message.as_string());
    message
        .or_else(|| error.as_string())
        .unwrap_or_else(|| tr!("it could not be read"))
}
