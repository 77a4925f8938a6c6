//! The browser's private file system: a model per run (`KEY.zip`), which the page writes, and its checkpoints
//! (`runs/KEY/0/`, `runs/KEY/1/`), which the worker writes.

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

/// Folder of the checkpoints of all runs.
const RUNS: &str = "runs";

/// End of the name of a checkpoint's list of files.
const MANIFEST: &str = "manifest.json";

/// What the page reads of that list.
#[derive(Deserialize)]
struct Manifest {
    step: u64,
}

/// Checkpoints of a run, written in turn.
const CHECKPOINTS: [&str; 2] = ["0", "1"];

/// Forgets the model that is kept under a run's key; most runs have one.
pub async fn forget_model(key: &str) {
    if let Ok(folder) = folder().await {
        let _ = JsFuture::from(folder.remove_entry(&file_name(key))).await;
    }
}

/// Keeps a model's archive under a run's key.
///
/// # Errors
/// In words, where the browser denies it or has no room.
pub async fn put_model(key: &str, bytes: &ArrayBuffer) -> Result<(), String> {
    let options = FileSystemGetFileOptions::new();
    options.set_create(true);
    let folder = folder().await.map_err(said)?;
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
        // What was written appears under its name here, whole.
        JsFuture::from(stream.close()).await
    };
    write.await.map(drop).map_err(said)
}

/// The model that is kept under a run's key.
///
/// # Errors
/// In words, where there is none.
pub async fn model(key: &str) -> Result<Blob, String> {
    let read = async {
        let folder = folder().await?;
        let file: FileSystemFileHandle = JsFuture::from(folder.get_file_handle(&file_name(key)))
            .await?
            .unchecked_into();
        JsFuture::from(file.get_file()).await
    };
    read.await.map(JsCast::unchecked_into).map_err(said)
}

/// The files of a run's checkpoints, each under the name of its checkpoint and its own (`1/state.json`).
///
/// # Errors
/// In words, where the browser denies it.
pub async fn checkpoints(key: &str) -> Result<Vec<(String, Blob)>, String> {
    let read = async {
        let runs = subfolder(&folder().await?, RUNS).await?;
        let run = subfolder(&runs, &folder_name(key)).await?;
        let mut files = Vec::new();
        for checkpoint in CHECKPOINTS {
            // The second one is written only when the run lasts.
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
    read.await.map_err(said)
}

/// The files of the newest checkpoint of a run, by its manifest; the engine checks what it reads of them.
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
        if newest.is_none_or(|(before, _)| step > before) {
            newest = Some((step, checkpoint));
        }
    }
    let (_, checkpoint) = newest?;
    let own = |(name, blob): &(String, Blob)| {
        let name = name.strip_prefix(checkpoint)?;
        (name != MANIFEST).then(|| (name.to_string(), blob.clone()))
    };
    Some(files.iter().filter_map(own).collect())
}

/// Forgets the checkpoints of a run, if it has any.
pub async fn forget_checkpoints(key: &str) {
    let forget = async {
        let runs = subfolder(&folder().await?, RUNS).await?;
        JsFuture::from(runs.remove_entry_with_options(&folder_name(key), &with_contents())).await
    };
    let _: Result<JsValue, JsValue> = forget.await;
}

/// Forgets every model and every checkpoint.
///
/// # Errors
/// In words, where the browser denies it.
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
    clear.await.map_err(said)
}

/// Whether an entry of the private file system is this page's: other pages of the same site have theirs.
fn is_own(name: &str) -> bool {
    let of_run = |word: &&str| name.starts_with(&format!("{word}-")) && name.ends_with(".zip");
    name == RUNS
        || ["pretrain", "finetune", "compare", "counting"]
            .iter()
            .any(of_run)
}

/// Name of the folder in `runs/` for a run's checkpoints.
pub fn folder_name(key: &str) -> String {
    key.replace(
        |letter: char| !letter.is_ascii_alphanumeric() && letter != '-',
        "_",
    )
}

/// The names and handles in a folder.
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

/// A method that older browsers lack would end the page's own code.
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

fn said(error: JsValue) -> String {
    let message = Reflect::get(&error, &"message".into())
        .ok()
        .and_then(|message| message.as_string());
    message
        .or_else(|| error.as_string())
        .unwrap_or_else(|| tr!("the browser refused"))
}
