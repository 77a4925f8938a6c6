//! Files from wherever they come (an input, a drop, the bundle) to [`Source`]s, and these to what travels to the engine:
//! the files themselves, which it reads where they lie. The text is never looked at here.

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

/// More files than this are a mistaken folder rather than a corpus.
const MAX_FILES: usize = 5_000;

/// The bundled corpus, relative to the page.
const BUNDLE: [(&str, FileRole); 4] = [
    ("train.txt", FileRole::Train),
    ("pretrain_extra.txt", FileRole::Train),
    ("valid.txt", FileRole::Valid),
    ("test.txt", FileRole::Test),
];

/// Models that were pre-trained and fine-tuned on the bundled corpus, relative to the page.
const FINISHED_MODEL: &str = "finished-model.zip";
const FINISHED_CLASSIFIER: &str = "finished-classifier.zip";

/// Bytes at the end of an archive that are searched for the name of weights: a saved model has some thirty entries.
const ARCHIVE_DIRECTORY_BYTES: f64 = 65_536.0;

/// A file that the page holds on to, so that a restarted engine can be given it again.
#[derive(Clone)]
pub struct Source {
    /// Name as the person sees it, with its folder where there is one.
    pub name: String,
    /// What it is for; `None` lets the engine decide.
    pub role: Option<FileRole>,
    /// Of an archive: what files inside it are for, by their names with the archive's before them.
    pub member_roles: BTreeMap<String, FileRole>,
    /// Whether it is an archive with a model in it.
    holds_model: bool,
    blob: Blob,
    bundled: bool,
    /// Whether it was typed or pasted: then its encoding is known.
    typed: bool,
}

/// A file as the browser's storage describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredSource {
    name: String,
    role: Option<FileRole>,
    member_roles: BTreeMap<String, FileRole>,
    typed: bool,
}

impl StoredSource {
    /// The file with its bytes.
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

/// Fetches the corpus that ships with the page.
///
/// # Errors
/// In words, when a file cannot be fetched.
pub async fn bundle() -> Result<Vec<Source>, String> {
    let mut sources = Vec::new();
    for (name, role) in BUNDLE {
        let blob = fetch(&format!("./bundle/{name}"))
            .await
            .map_err(|error| format!("{name}: {}", words(&error)))?;
        sources.push(Source {
            role: Some(role),
            bundled: true,
            ..Source::of_blob(name, blob)
        });
    }
    Ok(sources)
}

/// Fetches the model of a phase that ships with the page.
///
/// # Errors
/// In words, when it cannot be fetched.
pub async fn finished_model(phase: Phase) -> Result<Vec<Source>, String> {
    let name = if phase == Phase::Pretrain {
        FINISHED_MODEL
    } else {
        FINISHED_CLASSIFIER
    };
    let blob = fetch(&format!("./bundle/{name}"))
        .await
        .map_err(|error| words(&error))?;
    Ok(vec![Source {
        bundled: true,
        ..Source::of_blob(name, blob)
    }])
}

/// The files of an `<input type=file>`, folders included; hidden ones are passed over, as in a folder that is dropped.
///
/// # Errors
/// In words, when there are too many.
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
    /// What lies in the browser's storage, as a file.
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

    /// What is stored of it beside its bytes.
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

    /// Its bytes.
    pub fn blob(&self) -> Blob {
        self.blob.clone()
    }

    /// Whether it is the file `name`, or the archive that holds it.
    pub fn contains(&self, name: &str) -> bool {
        name.strip_prefix(&self.name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether its bytes are a person's own, in whatever encoding.
    fn is_foreign(&self) -> bool {
        !self.bundled && !self.typed
    }

    /// Whether it ships with the page.
    pub fn is_bundled(&self) -> bool {
        self.bundled
    }
}

/// Text that was typed, as a file.
///
/// # Errors
/// In words, when the browser refuses to make one.
pub fn from_text(name: &str, text: &str) -> Result<Source, String> {
    let blob =
        Blob::new_with_str_sequence(&Array::of1(&text.into())).map_err(|error| words(&error))?;
    Ok(Source {
        typed: true,
        ..Source::of_blob(name, blob)
    })
}

/// The present files and new ones behind them. A new file takes the place of one of its name; a text that was typed gets a
/// name of its own.
pub fn joined(mut present: Vec<Source>, new: Vec<Source>) -> Vec<Source> {
    // Where each name comes first.
    let named = present
        .iter()
        .enumerate()
        .rev()
        .map(|(place, source)| (source.name.clone(), place));
    let mut places: BTreeMap<String, usize> = named.collect();
    for mut source in new {
        if source.typed
            && let Some((stem, ending)) = source.name.clone().rsplit_once('.')
        {
            let names = (2..).map(|number| format!("{stem}-{number}.{ending}"));
            let free = std::iter::once(source.name.clone())
                .chain(names)
                .find(|name| !places.contains_key(name));
            source.name = free.unwrap_or(source.name);
        }
        match places.get(&source.name) {
            Some(&place) => {
                let before = &mut present[place];
                let member_roles = std::mem::take(&mut before.member_roles);
                *before = Source {
                    role: before.role,
                    member_roles,
                    ..source
                };
            }
            None => {
                places.insert(source.name.clone(), present.len());
                present.push(source);
            }
        }
    }
    present
}

/// What was dropped. The entries are taken before the first wait, since the browser empties the list after the event.
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
            .map_err(|error| words(&error))?;
        Ok(sources)
    }
}

/// The files of a model, where these are one: a single `.zip`, or a run directory with its weights. Names lose their folder.
pub fn as_model(sources: &[Source]) -> Option<Vec<Source>> {
    if let [only] = sources {
        return only.holds_model.then(|| vec![only.clone()]);
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

/// The same files, with archives that hold a model marked.
pub async fn mark_models(mut sources: Vec<Source>) -> Vec<Source> {
    for source in &mut sources {
        if source.name.to_ascii_lowercase().ends_with(".zip") {
            source.holds_model = lists_weights(&source.blob).await.unwrap_or(false);
        }
    }
    sources
}

/// Whether an archive lists a file of weights: its directory stands at its end.
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

/// What travels to the engine: the names and the files. Those that a person brought are in `encoding`, where it was chosen.
pub fn to_transfer(sources: &[Source], encoding: Option<&str>) -> (Vec<FileInfo>, Vec<Blob>) {
    let info = |source: &Source| FileInfo {
        name: source.name.clone(),
        role: source.role,
        encoding: encoding.filter(|_| source.is_foreign()).map(String::from),
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

/// Files below the entries, folder by folder: a list of work to do rather than recursion, since folders nest deeply.
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
            sources.push(file_of(entry.unchecked_into()).await?);
        }
    }
    Ok(())
}

/// All entries of a folder. A reader gives them in portions (100 in Chromium) and ends with an empty one.
async fn list(reader: &FileSystemDirectoryReader) -> Result<Vec<FileSystemEntry>, JsValue> {
    let mut all = Vec::new();
    loop {
        let reader = reader.clone();
        let portion = promise(move |done, failed| {
            reader.read_entries_with_callback_and_callback(done, failed)
        });
        let portion = Array::from(&portion.await?);
        if portion.length() == 0 {
            return Ok(all);
        }
        all.extend(
            portion
                .iter()
                .map(JsCast::unchecked_into::<FileSystemEntry>),
        );
    }
}

async fn file_of(entry: FileSystemFileEntry) -> Result<Source, JsValue> {
    let path = entry.full_path();
    let file = promise(move |done, failed| {
        entry.file_with_callback_and_callback(done, failed);
        Ok(())
    });
    let file: File = file.await?.unchecked_into();
    Ok(Source::of_blob(path.trim_start_matches('/'), file.into()))
}

/// The file system's callbacks as a future.
fn promise(
    ask: impl Fn(&js_sys::Function, &js_sys::Function) -> Result<(), JsValue> + 'static,
) -> impl Future<Output = Result<JsValue, JsValue>> {
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        if let Err(error) = ask(&resolve, &reject) {
            reject.call1(&JsValue::NULL, &error).unwrap_or_default();
        }
    });
    JsFuture::from(promise)
}

fn words(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into())
        .ok()
        .and_then(|message| message.as_string());
    message
        .or_else(|| error.as_string())
        .unwrap_or_else(|| tr!("it could not be read"))
}
