//! The OpenAPI 3.1 description of the `serve-model` interface, for client generators.

use super::{DEFAULT_TOP_K, MAX_TEXTS, MAX_TOP_K};
use serde_json::{Value, json};

/// Returns the OpenAPI document of a service that is described by `service`, as at `/healthz`: the
/// paths that its model supports.
pub fn document(service: &Value) -> Value {
    let text =
        json!({ "type": "string", "description": "A tab separates the two texts of a pair." });
    let top_k = json!({ "type": "integer", "minimum": 1, "maximum": MAX_TOP_K });
    let mut top_k_of_question = top_k.clone();
    top_k_of_question["default"] = DEFAULT_TOP_K.into();
    let question = json!({
        "type": "object",
        "required": ["text"],
        "additionalProperties": false,
        "properties": { "text": text, "top_k": top_k_of_question },
    });
    let scored = |name: &str| {
        json!({
            "type": "object",
            "properties": { name: { "type": "string" }, "score": { "type": "number" } },
        })
    };
    let list = |items: Value| json!({ "type": "array", "items": items });
    let object =
        |name: &str, value: Value| json!({ "type": "object", "properties": { name: value } });
    let mask = json!({
        "type": "object",
        "properties": { "position": { "type": "integer" }, "candidates": list(scored("token")) },
    });
    let mut label = scored("label");
    label["properties"]["raw"] =
        json!({ "type": "number", "description": "The score before calibration." });
    let mut document = scored("text");
    document["properties"]["line"] = json!({ "type": "integer" });
    let classify = json!({
        "type": "object",
        "description": "Either text or texts. Without top_k: the best label, and all others that pass the threshold.",
        "additionalProperties": false,
        "properties": {
            "text": text,
            "texts": { "type": "array", "items": text, "minItems": 1, "maxItems": MAX_TEXTS },
            "top_k": top_k,
        },
    });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Clozelab model", "version": env!("CARGO_PKG_VERSION") },
        "paths": {
            "/healthz": { "get": operation("healthz", "Whether the model is ready, and what it can do", None, json!({ "type": "object" })) },
            "/classify": { "post": operation("classify", "Labels of texts, with probabilities", Some(classify), object("results", list(object("labels", list(label))))) },
            "/fill-mask": { "post": operation("fillMask", "Predictions for each [MASK] in a text", Some(question.clone()), object("masks", list(mask))) },
            "/similar": { "post": operation("similar", "The documents most similar to a text", Some(question), object("documents", list(document))) },
        },
    });
    let paths = document["paths"].as_object_mut().expect("an object");
    paths.retain(|path, _| match path.as_str() {
        "/classify" => service["classifies"] == true,
        "/fill-mask" => service["classifies"] == false,
        "/similar" => service["documents"] != 0,
        _ => true,
    });
    document
}

fn operation(id: &str, summary: &str, body: Option<Value>, answer: Value) -> Value {
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let error = json!({
        "type": "object",
        "properties": { "error": { "type": "object", "properties": {
            "code": { "type": "string" }, "message": { "type": "string" }, "hint": { "type": "string" },
        } } },
    });
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "responses": {
            "200": { "description": "The answer", "content": content(answer) },
            "default": { "description": "The error", "content": content(error) },
        },
    });
    if let Some(body) = body {
        operation["requestBody"] = json!({ "required": true, "content": content(body) });
    }
    operation
}
