//! Messages between workers: objects with fields, and buffers that are transferred.

use js_sys::{Array, ArrayBuffer, Float32Array, Object, Reflect};
use wasm_bindgen::prelude::*;

/// Creates a message with these fields.
///
/// # Errors
/// Returns an error if the engine's realm forbids it, which no browser does.
pub fn message(fields: &[(&str, &JsValue)]) -> Result<Object, JsValue> {
    let message = Object::new();
    for (name, value) in fields {
        Reflect::set(&message, &(*name).into(), value)?;
    }
    Ok(message)
}

/// Returns a field of a message; `undefined` if there is none.
pub fn field(message: &JsValue, name: &str) -> JsValue {
    Reflect::get(message, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// Copies arrays of numbers to buffers that can be transferred.
pub fn buffers(arrays: &[Vec<f32>]) -> Array {
    let buffer =
        |values: &Vec<f32>| -> ArrayBuffer { Float32Array::from(values.as_slice()).buffer() };
    arrays.iter().map(buffer).collect()
}

/// Copies arrays of numbers from transferred buffers.
pub fn arrays(buffers: &Array) -> Vec<Vec<f32>> {
    let values = |buffer: JsValue| Float32Array::new(&buffer).to_vec();
    buffers.iter().map(values).collect()
}
