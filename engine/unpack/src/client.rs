//! The worker's side: passes archives to the archive module, which `worker.js` fetches when it is
//! first needed.

use crate::file::{WebFile, blob_of};
use crate::message::{Described, Found};
use data::{DataError, InputFile, Opened, is_archive};
use js_sys::{Array, Reflect};
use protocol::message;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::Blob;

#[wasm_bindgen]
extern "C" {
    /// Passes files to the archive module; defined in `worker.js`.
    #[wasm_bindgen(catch, js_name = openArchives)]
    async fn open_archives(described: &str, blobs: &Array) -> Result<JsValue, JsValue>;
}

/// Returns `files` with each archive, workbook and Word document replaced by the texts it contains.
pub async fn opened(files: Vec<InputFile>) -> Opened {
    // A file that cannot be read is reported later, when it is read.
    if !files
        .iter()
        .any(|file| is_archive(&*file.content).unwrap_or(false))
    {
        return Opened {
            files,
            refused: Vec::new(),
        };
    }
    if let Ok(opened) = open_in_module(&files).await {
        return opened;
    }
    // Together they may exceed the module's memory: retry each archive in an instance of its own.
    let mut opened = Opened::default();
    for file in files {
        if !is_archive(&*file.content).unwrap_or(false) {
            opened.files.push(file);
            continue;
        }
        match open_in_module(std::slice::from_ref(&file)).await {
            Ok(found) => {
                opened.files.extend(found.files);
                opened.refused.extend(found.refused);
            }
            Err(reason) => opened.refused.push(failed(&file, &reason)),
        }
    }
    opened
}

async fn open_in_module(files: &[InputFile]) -> Result<Opened, JsValue> {
    let described: Vec<Described> = files.iter().map(Described::of).collect();
    let described = serde_json::to_string(&described).expect("plain data");
    let blobs = files
        .iter()
        .map(|file| blob_of(&file.content))
        .collect::<Result<Array, JsValue>>()?;
    let reply = open_archives(&described, &blobs).await?;
    let field = |name: &str| Reflect::get(&reply, &name.into());
    let found: Found = serde_json::from_str(&field("found")?.as_string().unwrap_or_default())
        .map_err(|error| JsValue::from(error.to_string()))?;
    let blobs: Array = field("blobs")?.dyn_into()?;
    if blobs.length() as usize != found.files.len() {
        return Err("the module lost a file".into());
    }
    let file = |(described, blob): (Described, JsValue)| {
        let blob: Blob = blob.dyn_into()?;
        Ok::<_, JsValue>(described.with(Rc::new(WebFile(blob))))
    };
    Ok(Opened {
        files: found
            .files
            .into_iter()
            .zip(blobs.iter())
            .map(file)
            .collect::<Result<_, _>>()?,
        refused: found.refused.into_iter().map(Into::into).collect(),
    })
}

fn failed(file: &InputFile, reason: &JsValue) -> DataError {
    let message = Reflect::get(reason, &"message".into())
        .ok()
        .and_then(|message| message.as_string());
    let reason = message
        .or_else(|| reason.as_string())
        .unwrap_or_else(|| "no reason was given".into());
    DataError::NotOpened {
        code: "archive-not-opened",
        message: message!(
            "{file} could not be opened: {reason}",
            file = data::quoted(&file.name),
            reason
        ),
        hint: message!(
            "Check the connection and try the file again, or use its contents as text or CSV."
        ),
    }
}
