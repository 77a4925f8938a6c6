//! The origin private file system: a model per run (`KEY.zip`), written by the page, and its
//! checkpoints (`runs/KEY/0/`, `runs/KEY/1/`), written by the worker.

use super::storage;
use crate::tr;
use js_sys::{ArrayBuffer, Reflect};
use serde::Deserialize;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetFileOptions,
    FileSystemRemoveOptions, FileSystemWritableFileStream,
};

/// Folder with the checkpoints of all runs.
const RUNS: &str = "runs";

/// File name of a checkpoint's manifest.
const MANIFEST: &str = "manifest.json";

/// The part of the manifest that the page reads.
#[derive(Deserialize)]
struct Manifest {
    step: u64,
}

/// Names of a run's checkpoints, which are written alternately.
const CHECKPOINTS: [&str; 2] = ["0", "1"];

/// Deletes the model stored under a run's key; most runs have one.
pub async fn forget_model(key: &str) {
    if let Ok(folder) = folder().await {
        let _ = JsFuture::from(folder.remove_entry(&file_name(key))).await;
    }
}

/// Stores a model's archive under a run's key.
///
/// # Errors
/// Returns the browser's message if access is denied or the quota is exceeded.
pub async fn put_model(key: &str, bytes: &ArrayBuffer) -> Result<(), String> {
    let options = FileSystemGetFileOptions::new();
    options.set_create(true);
    let folder = folder().await.map_err(error_message)?;
    let write = async {
        let file: FileSystemFileHandle =
            JsFuture::from(folder.get_file_handle_with_options(&file_name(key), &options))
                .await?
                .unchecked_into();
        needs(&file, "createWritable")?;
        let stream: FileSystemWritableFileStream = JsFuture::from(file.create_writable())
            .await?
            .unchecked_into();
        JsFuture::from(stream.write_with_buffer_source(bytes)?).await?;
        // The file appears under its name only here, complete.
        JsFuture::from(stream.close()).await
    };
    write.await.map(drop).map_err(error_message)
}

/// Returns the model stored under a run's key.
///
/// # Errors
/// Returns the browser's message if there is none.
pub async fn model(key: &str) -> Result<Blob, String> {
    let read = async {
        let folder = folder().await?;
        let file: FileSystemFileHandle = JsFuture::from(folder.get_file_handle(&file_name(key)))
            .await?
            .unchecked_into();
        JsFuture::from(file.get_file()).await
    };
    read.await
        .map(JsCast::unchecked_into)
        .map_err(error_message)
}

/// Returns the files of a run's checkpoints, each named by checkpoint and file (`1/state.json`).
///
/// # Errors
/// Returns the browser's message if access is denied.
pub async fn checkpoints(key: &str) -> Result<Vec<(String, Blob)>, String> {
    let read = async {
        let runs = subfolder(&folder().await?, RUNS).await?;
        let run = subfolder(&runs, &folder_name(key)).await?;
        let mut files = Vec::new();
        for checkpoint in CHECKPOINTS {
            // The second checkpoint exists only if the run lasted long enough.
            let Ok(inside) = subfolder(&run, checkpoint).await else {
                continue;
            };
            for (name, handle) in entries(&inside).await? {
                let file: File =
                    JsFuture::from(handle.unchecked_into::<FileSystemFileHandle>().get_file())
                        .await?
                        .into();
                files.push((format!("{checkpoint}/{name}"), file.into()));
            }
        }
        Ok(files)
    };
    read.await.map_err(error_message)
}

/// Returns the files of a run's newest checkpoint according to the manifests; the engine checks
/// their contents.
pub async fn newest_checkpoint(key: &str) -> Option<Vec<(String, Blob)>> {
    let files = checkpoints(key).await.ok()?;
    let mut newest = None;
    for (name, manifest) in &files {
        let Some(checkpoint) = name.strip_suffix(MANIFEST) else {
            continue;
        };
        let text = JsFuture::from(manifest.text())
            .await
            .ok()
            .and_then(|text| text.as_string());
        let Ok(Manifest { step }) = serde_json::from_str(&text.unwrap_or_default()) else {
            continue;
        };
        if newest.is_none_or(|(newest_step, _)| step > newest_step) {
            newest = Some((step, checkpoint));
        }
    }
    let (_, checkpoint) = newest?;
    let own_file = |(name, blob): &(String, Blob)| {
        let name = name.strip_prefix(checkpoint)?;
        (name != MANIFEST).then(|| (name.to_string(), blob.clone()))
    };
    Some(files.iter().filter_map(own_file).collect())
}

/// Deletes the checkpoints of a run, if it has any.
pub async fn forget_checkpoints(key: &str) {
    let forget = async {
        let runs = subfolder(&folder().await?, RUNS).await?;
        JsFuture::from(runs.remove_entry_with_options(&folder_name(key), &with_contents())).await
    };
    let _: Result<JsValue, JsValue> = forget.await;
}

/// Deletes all models and checkpoints.
///
/// # Errors
/// Returns the browser's message if access is denied.
pub async fn clear_files() -> Result<(), String> {
    let clear = async {
        let root = folder().await?;
        for (name, _) in entries(&root)
            .await?
            .into_iter()
            .filter(|(name, _)| is_own(name))
        {
            JsFuture::from(root.remove_entry_with_options(&name, &with_contents())).await?;
        }
        Ok(())
    };
    clear.await.map_err(error_message)
}

/// Returns whether an entry of the private file system belongs to this page: other pages of the
/// same origin may have their own.
fn is_own(name: &str) -> bool {
    let is_run_archive =
        |kind: &&str| name.starts_with(&format!("{kind}-")) && name.ends_with(".zip");
    name == RUNS
        || ["pretrain", "finetune", "compare", "counting"]
            .iter()
            .any(is_run_archive)
}

/// Returns the name of the folder in `runs/` for a run's checkpoints.
pub fn folder_name(key: &str) -> String {
    key.replace(
        |letter: char| !letter.is_ascii_alphanumeric() && letter != '-',
        "_",
    )
}

/// Returns the names and handles of the entries in a folder.
async fn entries(folder: &FileSystemDirectoryHandle) -> Result<Vec<(String, JsValue)>, JsValue> {
    let iterator = folder.entries();
    let mut found = Vec::new();
    loop {
        let next = JsFuture::from(iterator.next()?).await?;
        if Reflect::get(&next, &"done".into())?.is_truthy() {
            return Ok(found);
        }
        let pair: js_sys::Array = Reflect::get(&next, &"value".into())?.unchecked_into();
        found.push((pair.get(0).as_string().unwrap_or_default(), pair.get(1)));
    }
}

async fn subfolder(
    folder: &FileSystemDirectoryHandle,
    name: &str,
) -> Result<FileSystemDirectoryHandle, JsValue> {
    JsFuture::from(folder.get_directory_handle(name))
        .await
        .map(JsCast::unchecked_into)
}

fn with_contents() -> FileSystemRemoveOptions {
    let options = FileSystemRemoveOptions::new();
    options.set_recursive(true);
    options
}

async fn folder() -> Result<FileSystemDirectoryHandle, JsValue> {
    let storage = storage().ok_or_else(|| tr!("this browser has no storage for files"))?;
    needs(&storage, "getDirectory")?;
    Ok(JsFuture::from(storage.get_directory())
        .await?
        .unchecked_into())
}

/// Returns an error if the object lacks a method, which an older browser may: calling it would
/// throw in the page's code.
fn needs(object: &JsValue, method: &str) -> Result<(), JsValue> {
    let has = Reflect::has(object, &method.into()).unwrap_or(false);
    if has {
        Ok(())
    } else {
        Err(tr!("this browser cannot keep files").into())
    }
}

fn file_name(key: &str) -> String {
    format!("{}.zip", folder_name(key))
}

fn error_message(error: JsValue) -> String {
    let message = Reflect::get(&error, &"message".into())
        .ok()
        .and_then(|message| message.as_string());
    message
        .or_else(|| error.as_string())
        .unwrap_or_else(|| tr!("the browser refused"))
}
