//! Checkpoints of the page's runs, in the origin private file system: `runs/FOLDER/0/` and
//! `runs/FOLDER/1/`, written alternately, so that one of them is complete whenever the tab closes.
//! `worker.js` accesses the file system.

use engine::interop::HISTORY_FILE;
use engine::session::{MANIFEST_FILE, Manifest, Snapshot, interval_secs};
use js_sys::{Reflect, Uint8Array};
use protocol::Event;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

/// Seconds after the start of a run until its first checkpoint.
const FIRST_SECS: f64 = 2.0;

#[wasm_bindgen]
extern "C" {
    /// Writes the file `runs/FOLDER/CHECKPOINT/NAME`; implemented in `worker.js`.
    #[wasm_bindgen(catch, js_name = saveFile)]
    async fn save_file(
        folder: &str,
        checkpoint: &str,
        name: &str,
        bytes: &Uint8Array,
    ) -> Result<JsValue, JsValue>;

    /// Reads that file; implemented in `worker.js`.
    #[wasm_bindgen(catch, js_name = loadFile)]
    async fn load_file(folder: &str, checkpoint: &str, name: &str) -> Result<JsValue, JsValue>;
}

/// Saves checkpoints of the run that was announced last.
#[derive(Default)]
pub struct Checkpoints(RefCell<Option<Saved>>);

/// The state of the saved run.
struct Saved {
    run: String,
    folder: String,
    /// Its events so far, one per line.
    log: Vec<u8>,
    /// The checkpoint to write next, 0 or 1.
    next: usize,
    /// Host time at which it is due, in seconds; `None` until the run starts.
    due_secs: Option<f64>,
    /// Host time at which the run began to prepare it, in seconds.
    began_secs: Option<f64>,
    /// Why the last one could not be saved.
    failure: Option<String>,
}

impl Checkpoints {
    /// Saves `run` in `folder` from now on.
    pub fn announce(&self, run: &str, folder: &str) {
        let saved = Saved {
            run: run.into(),
            folder: folder.into(),
            log: Vec::new(),
            next: 0,
            due_secs: None,
            began_secs: None,
            failure: None,
        };
        self.0.replace(Some(saved));
    }

    /// Continues after `checkpoint`, which is overwritten last, and after the events of `log`.
    pub fn resume(&self, checkpoint: &str, log: &[u8]) {
        if let Some(saved) = &mut *self.0.borrow_mut() {
            saved.next = usize::from(checkpoint == "0");
            saved.log = log.to_vec();
        }
    }

    /// Whether checkpoints of `run` are saved.
    pub fn has(&self, run: &str) -> bool {
        self.0
            .borrow()
            .as_ref()
            .is_some_and(|saved| saved.run == run)
    }

    /// Appends an event to the log of the saved run. Previews depend on the clock and are not
    /// logged.
    pub fn log(&self, event: &Event, text: &str) {
        let mut saved = self.0.borrow_mut();
        let Some(saved) = saved.as_mut() else { return };
        let run = match event {
            Event::Started { run, .. }
            | Event::RolledBack { run, .. }
            | Event::Step { run, .. }
            | Event::Evaluated { run, .. }
            | Event::Checkpoint { run, .. }
            | Event::Warning { run, .. } => run,
            _ => return,
        };
        if *run == saved.run {
            saved.log.extend_from_slice(text.as_bytes());
            saved.log.push(b'\n');
        }
    }

    /// Whether a checkpoint of `run` is due at `now_secs`.
    pub fn is_due(&self, run: &str, now_secs: f64) -> bool {
        let mut saved = self.0.borrow_mut();
        let Some(saved) = saved.as_mut().filter(|saved| saved.run == run) else {
            return false;
        };
        let is_due = now_secs >= *saved.due_secs.get_or_insert(now_secs + FIRST_SECS);
        saved.began_secs = is_due.then_some(now_secs);
        is_due
    }

    /// Overwrites the older checkpoint and returns the path of the new one, or why it could not be
    /// written. `now_secs` reads the clock.
    pub async fn save(
        &self,
        snapshot: &Snapshot,
        now_secs: impl Fn() -> f64,
    ) -> Result<String, String> {
        let (began, folder, next, log) = {
            let mut saved = self.0.borrow_mut();
            let saved = saved
                .as_mut()
                .expect("only a run that was announced is saved");
            let began = saved.began_secs.take().unwrap_or_else(&now_secs);
            (began, saved.folder.clone(), saved.next, saved.log.clone())
        };
        let files = snapshot
            .files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let files: Vec<(&str, &[u8])> = files.chain([(HISTORY_FILE, log.as_slice())]).collect();
        let written = write(&folder, &next.to_string(), snapshot.step, &files).await;
        let size = files.iter().map(|(_, bytes)| bytes.len()).sum();
        if let Some(saved) = &mut *self.0.borrow_mut() {
            let now = now_secs();
            saved.due_secs = Some(now + interval_secs(now - began, size));
            if written.is_ok() {
                saved.next = 1 - next;
                saved.failure = None;
            }
        }
        written
            .map(|()| format!("runs/{folder}/{next}"))
            .map_err(|error| error_message(&error))
    }

    /// Reads the newest checkpoint or, if it is damaged, the other one.
    pub async fn newest(&self) -> Option<Snapshot> {
        let (folder, next) = self
            .0
            .borrow()
            .as_ref()
            .map(|saved| (saved.folder.clone(), saved.next))?;
        for checkpoint in [1 - next, next] {
            if let Some(snapshot) = read(&folder, &checkpoint.to_string()).await {
                return Some(snapshot);
            }
        }
        None
    }

    /// Whether `reason` differs from that of the previous failure.
    pub fn is_new_failure(&self, reason: &str) -> bool {
        let mut saved = self.0.borrow_mut();
        let Some(saved) = saved.as_mut() else {
            return false;
        };
        saved
            .failure
            .replace(reason.into())
            .is_none_or(|before| before != reason)
    }
}

/// Writes the files of a checkpoint. Its manifest is invalid from the first write until the last.
async fn write(
    folder: &str,
    checkpoint: &str,
    step: u64,
    files: &[(&str, &[u8])],
) -> Result<(), JsValue> {
    // Copy the bytes: the memory of the module may move while the browser writes.
    let save = async |name: &str, bytes: &[u8]| {
        save_file(folder, checkpoint, name, &Uint8Array::from(bytes)).await
    };
    save(MANIFEST_FILE, b"").await?;
    for (name, bytes) in files {
        save(name, bytes).await?;
    }
    save(
        MANIFEST_FILE,
        &Manifest::of(step, files.iter().copied()).to_json(),
    )
    .await
    .map(drop)
}

/// Reads a checkpoint; `None` if it is missing or damaged.
async fn read(folder: &str, checkpoint: &str) -> Option<Snapshot> {
    let load = async |name: &str| {
        let bytes = load_file(folder, checkpoint, name).await.ok()?;
        Some(Uint8Array::new(&bytes).to_vec())
    };
    let manifest: Manifest = serde_json::from_slice(&load(MANIFEST_FILE).await?).ok()?;
    let mut files = Vec::new();
    for digest in manifest.files {
        let bytes = load(&digest.name).await?;
        digest.check(&bytes).ok()?;
        files.push((digest.name, bytes));
    }
    Some(Snapshot {
        step: manifest.step,
        files,
    })
}

/// Returns the message of a browser error.
fn error_message(error: &JsValue) -> String {
    let message = Reflect::get(error, &"message".into())
        .ok()
        .and_then(|message| message.as_string());
    message.unwrap_or_else(|| "the browser refused".into())
}
