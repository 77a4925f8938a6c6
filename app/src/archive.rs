//! What a browser stores of the runs for later visits: figures in IndexedDB, models and checkpoints in its private file
//! system, both named only here and in `files`. Figures name labels and a model holds its vocabulary; the text itself is
//! stored only if the person allows it.

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
/// The texts that runs read, by fingerprint.
const TEXTS: &str = "texts";
const VERSION: u32 = 2;

/// Fields of a stored text.
const DESCRIPTION: &str = "description";
const BLOBS: &str = "blobs";

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
        let mut request = Factory::new()
            .and_then(|factory| factory.open(DATABASE, Some(VERSION)))
            .map_err(words)?;
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
            database: request.await.map_err(words)?,
        })
    }

    /// Every run that is kept, as it was put.
    ///
    /// # Errors
    /// In words, where the browser denies it.
    pub async fn runs(&self) -> Result<Vec<String>, String> {
        let transaction = self
            .database
            .transaction(&[RUNS], TransactionMode::ReadOnly)
            .map_err(words)?;
        let store = transaction.object_store(RUNS).map_err(words)?;
        let all = store
            .get_all(None, None)
            .map_err(words)?
            .await
            .map_err(words)?;
        Ok(all.iter().filter_map(JsValue::as_string).collect())
    }

    /// The run that is stored under this key, as it was put.
    ///
    /// # Errors
    /// In words, where the browser denies it.
    pub async fn run(&self, key: &str) -> Result<Option<String>, String> {
        let found = self.get(RUNS, key).await?;
        Ok(found.and_then(|value| value.as_string()))
    }

    /// Keeps a run, in place of what was kept under this key.
    ///
    /// # Errors
    /// In words, where the browser denies it or has no room.
    pub async fn put(&self, key: &str, run: &str) -> Result<(), String> {
        self.put_into(RUNS, key, &run.into()).await
    }

    /// Forgets a run, its model and its checkpoints.
    ///
    /// # Errors
    /// In words, where the browser denies it.
    pub async fn remove(&self, key: &str) -> Result<(), String> {
        self.remove_from(RUNS, key).await?;
        forget_model(key).await;
        forget_checkpoints(key).await;
        Ok(())
    }

    /// Stores the files of a text under its fingerprint, with what describes them.
    ///
    /// # Errors
    /// In words, where the browser denies it or has no room.
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

    /// The description and the files of the text of this fingerprint, if it is stored.
    ///
    /// # Errors
    /// In words, where the browser denies it.
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

    /// Forgets every stored text but those of these fingerprints, and returns how many it forgot.
    ///
    /// # Errors
    /// In words, where the browser denies it.
    pub async fn keep_texts(&self, fingerprints: &[String]) -> Result<usize, String> {
        let transaction = self
            .database
            .transaction(&[TEXTS], TransactionMode::ReadOnly)
            .map_err(words)?;
        let store = transaction.object_store(TEXTS).map_err(words)?;
        let keys = store
            .get_all_keys(None, None)
            .map_err(words)?
            .await
            .map_err(words)?;
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

    /// Forgets every run and every text.
    ///
    /// # Errors
    /// In words, where the browser denies it.
    pub async fn clear(&self) -> Result<(), String> {
        let transaction = self
            .database
            .transaction(&[RUNS, TEXTS], TransactionMode::ReadWrite)
            .map_err(words)?;
        for name in [RUNS, TEXTS] {
            transaction
                .object_store(name)
                .map_err(words)?
                .clear()
                .map_err(words)?
                .await
                .map_err(words)?;
        }
        transaction.commit().map_err(words)?.await.map_err(words)?;
        Ok(())
    }

    async fn get(&self, store: &str, key: &str) -> Result<Option<JsValue>, String> {
        let transaction = self
            .database
            .transaction(&[store], TransactionMode::ReadOnly)
            .map_err(words)?;
        let store = transaction.object_store(store).map_err(words)?;
        store
            .get(idb::Query::Key(key.into()))
            .map_err(words)?
            .await
            .map_err(words)
    }

    async fn put_into(&self, store: &str, key: &str, value: &JsValue) -> Result<(), String> {
        let transaction = self
            .database
            .transaction(&[store], TransactionMode::ReadWrite)
            .map_err(words)?;
        let store = transaction.object_store(store).map_err(words)?;
        store
            .put(value, Some(&key.into()))
            .map_err(words)?
            .await
            .map_err(words)?;
        transaction.commit().map_err(words)?.await.map_err(words)?;
        Ok(())
    }

    async fn remove_from(&self, store: &str, key: &str) -> Result<(), String> {
        let transaction = self
            .database
            .transaction(&[store], TransactionMode::ReadWrite)
            .map_err(words)?;
        let store = transaction.object_store(store).map_err(words)?;
        store
            .delete(idb::Query::Key(key.into()))
            .map_err(words)?
            .await
            .map_err(words)?;
        transaction.commit().map_err(words)?.await.map_err(words)?;
        Ok(())
    }
}

/// Bytes used and granted, where the browser tells.
pub async fn usage() -> Option<(f64, f64)> {
    let estimate = JsFuture::from(storage()?.estimate().ok()?).await.ok()?;
    let number = |name: &str| {
        Reflect::get(&estimate, &name.into())
            .ok()
            .and_then(|value| value.as_f64())
    };
    Some((number("usage")?, number("quota")?))
}

/// Asks the browser not to clear what is kept when room runs short; whether it agreed.
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

/// Whether it agreed before.
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

/// Old browsers, and pages from insecure places, have none.
fn storage() -> Option<StorageManager> {
    let navigator = web_sys::window()?.navigator();
    let storage = Reflect::get(&navigator, &"storage".into()).ok()?;
    storage.dyn_into().ok()
}

fn words(error: idb::Error) -> String {
    error.to_string()
}
