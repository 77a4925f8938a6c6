//! What a browser keeps of the runs when their tab is gone: figures in IndexedDB, models in its private file system. The
//! only file that names either. No line of the text is kept; a model holds its vocabulary, and figures name its labels.

use crate::tr;
use idb::{Database, DatabaseEvent, Factory, ObjectStoreParams, TransactionMode};
use js_sys::{ArrayBuffer, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetFileOptions, FileSystemWritableFileStream,
    StorageManager,
};

const DATABASE: &str = "clozelab";
const RUNS: &str = "runs";
const VERSION: u32 = 1;

/// The storage of this browser for this site.
pub struct Archive {
    database: Database,
}

impl Archive {
    /// Opens the storage, and makes it where there is none yet.
    ///
    /// # Errors
    /// In words, where the browser denies it.
    pub async fn open() -> Result<Self, String> {
        let mut request = Factory::new().and_then(|factory| factory.open(DATABASE, Some(VERSION))).map_err(words)?;
        request.on_upgrade_needed(|event| {
            let made = event.database().map(|database| database.create_object_store(RUNS, ObjectStoreParams::new()));
            if !matches!(made, Ok(Ok(_))) {
                web_sys::console::warn_1(&"the storage for runs could not be made".into());
            }
        });
        Ok(Self { database: request.await.map_err(words)? })
    }

    /// Every run that is kept, as it was put.
    ///
    /// # Errors
    /// In words, where the browser denies it.
    pub async fn runs(&self) -> Result<Vec<String>, String> {
        let transaction = self.database.transaction(&[RUNS], TransactionMode::ReadOnly).map_err(words)?;
        let store = transaction.object_store(RUNS).map_err(words)?;
        let all = store.get_all(None, None).map_err(words)?.await.map_err(words)?;
        Ok(all.iter().filter_map(JsValue::as_string).collect())
    }

    /// Keeps a run, in place of what was kept under this key.
    ///
    /// # Errors
    /// In words, where the browser denies it or has no room.
    pub async fn put(&self, key: &str, run: &str) -> Result<(), String> {
        let transaction = self.database.transaction(&[RUNS], TransactionMode::ReadWrite).map_err(words)?;
        let store = transaction.object_store(RUNS).map_err(words)?;
        store.put(&run.into(), Some(&key.into())).map_err(words)?.await.map_err(words)?;
        transaction.commit().map_err(words)?.await.map_err(words)?;
        Ok(())
    }

    /// Forgets a run and its model.
    ///
    /// # Errors
    /// In words, where the browser denies it.
    pub async fn remove(&self, key: &str) -> Result<(), String> {
        let transaction = self.database.transaction(&[RUNS], TransactionMode::ReadWrite).map_err(words)?;
        let store = transaction.object_store(RUNS).map_err(words)?;
        store.delete(idb::Query::Key(key.into())).map_err(words)?.await.map_err(words)?;
        transaction.commit().map_err(words)?.await.map_err(words)?;
        forget_model(key).await;
        Ok(())
    }
}

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
            JsFuture::from(folder.get_file_handle_with_options(&file_name(key), &options)).await?.unchecked_into();
        needs(&file, "createWritable")?;
        let stream: FileSystemWritableFileStream = JsFuture::from(file.create_writable()).await?.unchecked_into();
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
        let file: FileSystemFileHandle =
            JsFuture::from(folder.get_file_handle(&file_name(key))).await?.unchecked_into();
        JsFuture::from(file.get_file()).await
    };
    read.await.map(JsCast::unchecked_into).map_err(said)
}

/// Bytes used and granted, where the browser tells.
pub async fn usage() -> Option<(f64, f64)> {
    let estimate = JsFuture::from(storage()?.estimate().ok()?).await.ok()?;
    let number = |name: &str| Reflect::get(&estimate, &name.into()).ok().and_then(|value| value.as_f64());
    Some((number("usage")?, number("quota")?))
}

/// Asks the browser not to clear what is kept when room runs short; whether it agreed.
pub async fn persist() -> bool {
    let Some(promise) = storage().and_then(|storage| storage.persist().ok()) else { return false };
    JsFuture::from(promise).await.ok().and_then(|answer| answer.as_bool()).unwrap_or(false)
}

/// Whether it agreed before.
pub async fn is_persistent() -> bool {
    let Some(promise) = storage().and_then(|storage| storage.persisted().ok()) else { return false };
    JsFuture::from(promise).await.ok().and_then(|answer| answer.as_bool()).unwrap_or(false)
}

async fn folder() -> Result<FileSystemDirectoryHandle, JsValue> {
    let storage = storage().ok_or_else(|| tr!("this browser has no storage for files"))?;
    needs(&storage, "getDirectory")?;
    Ok(JsFuture::from(storage.get_directory()).await?.unchecked_into())
}

/// A method that older browsers lack would end the page's own code.
fn needs(object: &JsValue, method: &str) -> Result<(), JsValue> {
    let has = Reflect::has(object, &method.into()).unwrap_or(false);
    if has { Ok(()) } else { Err(tr!("this browser cannot keep files").into()) }
}

/// Old browsers, and pages from insecure places, have none.
fn storage() -> Option<StorageManager> {
    let navigator = web_sys::window()?.navigator();
    let storage = Reflect::get(&navigator, &"storage".into()).ok()?;
    storage.dyn_into().ok()
}

fn file_name(key: &str) -> String {
    format!("{}.zip", key.replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-', "_"))
}

fn words(error: idb::Error) -> String {
    error.to_string()
}

fn said(error: JsValue) -> String {
    let message = Reflect::get(&error, &"message".into()).ok().and_then(|message| message.as_string());
    message.or_else(|| error.as_string()).unwrap_or_else(|| tr!("the browser refused"))
}
