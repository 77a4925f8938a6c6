//! The worker's side: has archives opened by the module, which `worker.js` fetches when it is first needed.

use crate::file::{WebFile, blob_of};
use crate::message::{Described, Found};
use data::{DataError, InputFile, Opened, is_archive};
use js_sys::{Array, Reflect};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::Blob;

#[wasm_bindgen]
extern "C" {
    /// Of `worker.js`: hands files to the module.
    #[wasm_bindgen(catch, js_name = openArchives)]
    async fn open_archives(described: &str, blobs: &Array) -> Result<JsValue, JsValue>;
}

/// `files`, with the texts inside of archives, workbooks and Word documents in their place.
pub async fn opened(files: Vec<InputFile>) -> Opened {
    // One that cannot be read is reported where it is read.
    if !files
        .iter()
        .any(|file| is_archive(&*file.content).unwrap_or(false))
    {
        return Opened {
            files,
            refused: Vec::new(),
        };
    }
    if let Ok(opened) = ask(&files).await {
        return opened;
    }
    // One of them may be too much for the module's memory: each has an instance of its own then.
    let mut opened = Opened::default();
    for file in files {
        if !is_archive(&*file.content).unwrap_or(false) {
            opened.files.push(file);
            continue;
        }
        match ask(std::slice::from_ref(&file)).await {
            Ok(found) => {
                opened.files.extend(found.files);
                opened.refused.extend(found.refused);
            }
            Err(reason) => opened.refused.push(failed(&file, &reason)),
        }
    }
    opened
}

async fn ask(files: &[InputFile]) -> Result<Opened, JsValue> {
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
    let said = Reflect::get(reason, &"message".into())
        .ok()
        .and_then(|message| message.as_string());
    let reason = said
        .or_else(|| reason.as_string())
        .unwrap_or_else(|| "no reason was given".into());
    DataError::NotOpened {
        code: "archive-not-opened",
        message: format!("{} could not be opened: {reason}", data::quoted(&file.name)),
        hint: "Check the connection and give the file again, or give what it holds as text or CSV."
            .into(),
    }
}
