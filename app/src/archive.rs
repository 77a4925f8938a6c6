//! Storage of runs in the browser for later visits: metrics in IndexedDB, models and checkpoints in
//! the origin private file system. Only this module and `files` access either. Metrics contain
//! label names and a model contains its vocabulary; the corpus itself is stored only if the user
//! allows it.

mod files;

pub use files::{
    checkpoints, clear_files, folder_name, forget_checkpoints, forget_model, model,
    newest_checkpoint, put_model,
};

use idb::{Database, DatabaseEvent, Factory, ObjectStoreParams, TransactionMode};
use js_sys::{Array, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, StorageManager};

const DATABASE: &str = "clozelab";
const RUNS: &str = "runs";
/// Object store of corpus texts, by fingerprint.
const TEXTS: &str = "texts";
const VERSION: u32 = 2;

/// Field names of a stored text.
const DESCRIPTION: &str = "description";
const BLOBS: &str = "blobs";

/// The browser's IndexedDB storage for this origin.
pub struct Archive {
    database: Database,
}

impl Archive {
    /// Opens the database and creates its object stores if they do not exist yet.
    ///
    /// # Errors
    /// Returns the browser's message if access is denied.
    pub async fn open() -> Result<Self, String> {
        let mut request = Factory::new()
            .and_then(|factory| factory.open(DATABASE, Some(VERSION)))
            .map_err(error_message)?;
        request.on_upgrade_needed(|event| {
            let Ok(database) = event.database() else {
                return;
            };
            let present = database.store_names();
            for store in [RUNS, TEXTS]
                .into_iter()
                .filter(|store| !present.contains(&(*store).into()))
            {
                if database
                    .create_object_store(store, ObjectStoreParams::new())
                    .is_err()
                {
                    web_sys::console::warn_1(&"the storage for runs could not be made".into());
                }
            }
        });
        Ok(Self {
            database: request.await.map_err(error_message)?,
        })
    }

    /// Returns all stored runs, serialised as they were stored.
    ///
    /// # Errors
    /// Returns the browser's message if access is denied.
    pub async fn runs(&self) -> Result<Vec<String>, String> {
        let transaction = self
            .database
            .transaction(&[RUNS], TransactionMode::ReadOnly)
            .map_err(error_message)?;
        let store = transaction.object_store(RUNS).map_err(error_message)?;
        let all = store
            .get_all(None, None)
            .map_err(error_message)?
            .await
            .map_err(error_message)?;
        Ok(all.iter().filter_map(JsValue::as_string).collect())
    }

    /// Returns the run stored under `key`, serialised as it was stored.
    ///
    /// # Errors
    /// Returns the browser's message if access is denied.
    pub async fn run(&self, key: &str) -> Result<Option<String>, String> {
        let found = self.get(RUNS, key).await?;
        Ok(found.and_then(|value| value.as_string()))
    }

    /// Stores a run, replacing any run under the same key.
    ///
    /// # Errors
    /// Returns the browser's message if access is denied or the quota is exceeded.
    pub async fn put(&self, key: &str, run: &str) -> Result<(), String> {
        self.put_into(RUNS, key, &run.into()).await
    }

    /// Deletes a run, its model and its checkpoints.
    ///
    /// # Errors
    /// Returns the browser's message if access is denied.
    pub async fn remove(&self, key: &str) -> Result<(), String> {
        self.remove_from(RUNS, key).await?;
        forget_model(key).await;
        forget_checkpoints(key).await;
        Ok(())
    }

    /// Stores the files of a corpus and their description under its fingerprint.
    ///
    /// # Errors
    /// Returns the browser's message if access is denied or the quota is exceeded.
    pub async fn put_text(
        &self,
        fingerprint: &str,
        description: &str,
        blobs: &[Blob],
    ) -> Result<(), String> {
        let text = Object::new();
        let blobs: Array = blobs.iter().collect();
        for (field, value) in [
            (DESCRIPTION, JsValue::from(description)),
            (BLOBS, blobs.into()),
        ] {
            // Setting a field of a new object cannot fail.
            let _ = Reflect::set(&text, &field.into(), &value);
        }
        self.put_into(TEXTS, fingerprint, &text).await
    }

    /// Returns the description and the files of the corpus with this fingerprint, if it is stored.
    ///
    /// # Errors
    /// Returns the browser's message if access is denied.
    pub async fn text(&self, fingerprint: &str) -> Result<Option<(String, Vec<Blob>)>, String> {
        let Some(text) = self.get(TEXTS, fingerprint).await? else {
            return Ok(None);
        };
        let field = |name: &str| Reflect::get(&text, &name.into()).unwrap_or_default();
        let blobs: Vec<Blob> = Array::from(&field(BLOBS))
            .iter()
            .filter_map(|blob| blob.dyn_into().ok())
            .collect();
        Ok(field(DESCRIPTION)
            .as_string()
            .map(|description| (description, blobs)))
    }

    /// Deletes all stored corpora except those with these fingerprints, and returns the number
    /// deleted.
    ///
    /// # Errors
    /// Returns the browser's message if access is denied.
    pub async fn keep_texts(&self, fingerprints: &[String]) -> Result<usize, String> {
        let transaction = self
            .database
            .transaction(&[TEXTS], TransactionMode::ReadOnly)
            .map_err(error_message)?;
        let store = transaction.object_store(TEXTS).map_err(error_message)?;
        let keys = store
            .get_all_keys(None, None)
            .map_err(error_message)?
            .await
            .map_err(error_message)?;
        let unused = keys
            .iter()
            .filter_map(JsValue::as_string)
            .filter(|key| !fingerprints.contains(key));
        let unused: Vec<String> = unused.collect();
        for key in &unused {
            self.remove_from(TEXTS, key).await?;
        }
        Ok(unused.len())
    }

    /// Deletes all runs and all corpora.
    ///
    /// # Errors
    /// Returns the browser's message if access is denied.
    pub async fn clear(&self) -> Result<(), String> {
        let transaction = self
            .database
            .transaction(&[RUNS, TEXTS], TransactionMode::ReadWrite)
            .map_err(error_message)?;
        for name in [RUNS, TEXTS] {
            transaction
                .object_store(name)
                .map_err(error_message)?
                .clear()
                .map_err(error_message)?
                .await
                .map_err(error_message)?;
        }
        transaction
            .commit()
            .map_err(error_message)?
            .await
            .map_err(error_message)?;
        Ok(())
    }

    async fn get(&self, store: &str, key: &str) -> Result<Option<JsValue>, String> {
        let transaction = self
            .database
            .transaction(&[store], TransactionMode::ReadOnly)
            .map_err(error_message)?;
        let store = transaction.object_store(store).map_err(error_message)?;
        store
            .get(idb::Query::Key(key.into()))
            .map_err(error_message)?
            .await
            .map_err(error_message)
    }

    async fn put_into(&self, store: &str, key: &str, value: &JsValue) -> Result<(), String> {
        let transaction = self
            .database
            .transaction(&[store], TransactionMode::ReadWrite)
            .map_err(error_message)?;
        let store = transaction.object_store(store).map_err(error_message)?;
        store
            .put(value, Some(&key.into()))
            .map_err(error_message)?
            .await
            .map_err(error_message)?;
        transaction
            .commit()
            .map_err(error_message)?
            .await
            .map_err(error_message)?;
        Ok(())
    }

    async fn remove_from(&self, store: &str, key: &str) -> Result<(), String> {
        let transaction = self
            .database
            .transaction(&[store], TransactionMode::ReadWrite)
            .map_err(error_message)?;
        let store = transaction.object_store(store).map_err(error_message)?;
        store
            .delete(idb::Query::Key(key.into()))
            .map_err(error_message)?
            .await
            .map_err(error_message)?;
        transaction
            .commit()
            .map_err(error_message)?
            .await
            .map_err(error_message)?;
        Ok(())
    }
}

/// Returns the bytes used and the quota, if the browser reports them.
pub async fn usage() -> Option<(f64, f64)> {
    let estimate = JsFuture::from(storage()?.estimate().ok()?).await.ok()?;
    let number = |name: &str| {
        Reflect::get(&estimate, &name.into())
            .ok()
            .and_then(|value| value.as_f64())
    };
    Some((number("usage")?, number("quota")?))
}

/// Asks the browser not to evict the stored data when space runs short; returns whether it agreed.
pub async fn persist() -> bool {
    let Some(promise) = storage().and_then(|storage| storage.persist().ok()) else {
        return false;
    };
    JsFuture::from(promise)
        .await
        .ok()
        .and_then(|answer| answer.as_bool())
        .unwrap_or(false)
}

/// Returns whether storage is persistent, that is, whether an earlier request was granted.
pub async fn is_persistent() -> bool {
    let Some(promise) = storage().and_then(|storage| storage.persisted().ok()) else {
        return false;
    };
    JsFuture::from(promise)
        .await
        .ok()
        .and_then(|answer| answer.as_bool())
        .unwrap_or(false)
}

/// Returns the storage manager. Old browsers and insecure contexts have none.
fn storage() -> Option<StorageManager> {
    let navigator = web_sys::window()?.navigator();
    let storage = Reflect::get(&navigator, &"storage".into()).ok()?;
    storage.dyn_into().ok()
}

fn error_message(error: idb::Error) -> String {
    error.to_string()
}
