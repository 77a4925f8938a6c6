//! A browser file as a byte source of the engine. It is read in slices and stays on the user's
//! disk.

use data::ByteSource;
use js_sys::{Array, Reflect, Uint8Array};
use std::any::Any;
use std::io::{self, Read};
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use web_sys::{Blob, FileReaderSync};

/// Size of a slice in bytes (4 MiB): large enough that the cost of a request is small compared to
/// reading.
const SLICE_BYTES: f64 = 4_194_304.0;

/// A browser file or any other blob.
pub struct WebFile(pub Blob);

impl ByteSource for WebFile {
    fn size(&self) -> u64 {
        self.0.size() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        let reader = FileReaderSync::new().map_err(|error| failed(&error))?;
        Ok(Box::new(Slices {
            blob: &self.0,
            reader,
            next: 0.0,
            slice: Vec::new(),
            shown: 0,
        }))
    }
}

/// Returns `content` as a blob: the original one if there is one, else a new blob with a copy of
/// its bytes.
///
/// # Errors
/// The error of the browser, if the content cannot be read or copied.
pub fn blob_of(content: &Rc<dyn ByteSource>) -> Result<Blob, JsValue> {
    let found: &dyn Any = &**content;
    if let Some(WebFile(blob)) = found.downcast_ref() {
        return Ok(blob.clone());
    }
    let mut bytes = Vec::new();
    let read = content
        .open()
        .and_then(|mut content| content.read_to_end(&mut bytes));
    read.map_err(|error| JsValue::from(error.to_string()))?;
    let parts: JsValue = Array::from_iter([Uint8Array::from(bytes.as_slice())]).into();
    Blob::new_with_u8_array_sequence(&parts)
}

/// Reads a blob slice by slice.
struct Slices<'a> {
    blob: &'a Blob,
    reader: FileReaderSync,
    /// Offset of the next slice in bytes. File sizes are `f64` in browsers, exact up to 2^53.
    next: f64,
    slice: Vec<u8>,
    shown: usize,
}

impl Read for Slices<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.shown == self.slice.len() && self.next < self.blob.size() {
            let end = self.next + SLICE_BYTES;
            let slice = self
                .blob
                .slice_with_f64_and_f64(self.next, end)
                .map_err(|error| failed(&error))?;
            let buffer = self
                .reader
                .read_as_array_buffer(&slice)
                .map_err(|error| failed(&error))?;
            let bytes = Uint8Array::new(&buffer);
            self.slice.resize(bytes.length() as usize, 0);
            bytes.copy_to(&mut self.slice);
            (self.next, self.shown) = (end, 0);
        }
        let taken = out.len().min(self.slice.len() - self.shown);
        out[..taken].copy_from_slice(&self.slice[self.shown..][..taken]);
        self.shown += taken;
        Ok(taken)
    }
}

/// Converts an error of the browser, such as that of a file that was removed or changed since it
/// was chosen.
fn failed(error: &JsValue) -> io::Error {
    let message = Reflect::get(error, &"message".into())
        .ok()
        .and_then(|message| message.as_string());
    io::Error::other(message.unwrap_or_else(|| "the browser could not read it".into()))
}
