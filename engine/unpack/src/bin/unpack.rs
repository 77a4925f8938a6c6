//! The archive module: opens archives, workbooks and Word documents in the page.

#[cfg(target_arch = "wasm32")]
mod module {
    use data::{ByteSource, InputFile, Opened};
    use js_sys::{Array, Object, Reflect};
    use std::rc::Rc;
    use unpack::message::{Described, Found};
    use unpack::{WebFile, blob_of};
    use wasm_bindgen::prelude::*;
    use web_sys::Blob;

    /// Opens the files that the JSON in `described` describes and `blobs` contains. Returns an
    /// object with the JSON of a [`Found`] as `found`, and the contents of its files as `blobs`.
    ///
    /// # Errors
    /// If the description cannot be parsed, which means that the worker has another version, or a
    /// blob cannot be created.
    #[wasm_bindgen]
    pub fn open(described: &str, blobs: &Array) -> Result<Object, JsValue> {
        let described: Vec<Described> =
            serde_json::from_str(described).map_err(|error| JsValue::from(error.to_string()))?;
        let file = |(described, blob): (Described, JsValue)| {
            let content: Rc<dyn ByteSource> = Rc::new(WebFile(blob.dyn_into::<Blob>()?));
            Ok::<_, JsValue>(described.with(content))
        };
        let files = described
            .into_iter()
            .zip(blobs.iter())
            .map(file)
            .collect::<Result<Vec<InputFile>, _>>()?;
        let Opened { files, refused } = Opened::new(&files);
        let found = Found {
            files: files.iter().map(Described::of).collect(),
            refused: refused.into_iter().map(Into::into).collect(),
        };
        let blobs = files
            .iter()
            .map(|file| blob_of(&file.content))
            .collect::<Result<Array, JsValue>>()?;
        let reply = Object::new();
        Reflect::set(
            &reply,
            &"found".into(),
            &serde_json::to_string(&found).expect("plain data").into(),
        )?;
        Reflect::set(&reply, &"blobs".into(), &blobs)?;
        Ok(reply)
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {
    std::panic::set_hook(Box::new(console_error_panic_hook::hook));
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("this is a module of the page; build it for wasm32-unknown-unknown");
    std::process::exit(2);
}
