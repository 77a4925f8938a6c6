//! The `mcp` command: serves a model as tools of the Model Context Protocol over stdin and stdout.
//! Messages are JSON-RPC 2.0, one per line (specification of 2025-06-18, "Transports: stdio").

use super::{DEFAULT_TOP_K, MAX_TEXTS, MAX_TOP_K, Service, checked_top_k};
use crate::args::{Common, Served};
use crate::terminal::output::{self, Reader};
use engine::error::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::{BufRead, Read};

/// Supported versions of the protocol, newest first; they do not differ for tools.
const VERSIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];
/// Maximum size of a message, in bytes.
const MAX_MESSAGE_BYTES: u64 = 4 << 20;

/// Error codes of JSON-RPC.
const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

#[derive(Deserialize)]
struct Message {
    id: Option<Value>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize)]
struct Texts {
    texts: Vec<String>,
    top_k: Option<usize>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    top_k: Option<usize>,
}

/// Runs the `mcp` command: answers messages until stdin ends.
///
/// # Errors
/// Returns an error if the model cannot be loaded, or reading or writing fails.
pub fn mcp(common: &Common, args: &Served) -> Result<(), Error> {
    let mut service = Service::open(common, args)?;
    let mut stdin = std::io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let failed = |error| output::stdin_error(&error);
        let read = (&mut stdin)
            .take(MAX_MESSAGE_BYTES)
            .read_until(b'\n', &mut line)
            .map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        let is_cut = line.last() != Some(&b'\n') && read as u64 == MAX_MESSAGE_BYTES;
        let answer = if is_cut {
            stdin.skip_until(b'\n').map_err(failed)?;
            Some(error(
                Value::Null,
                INVALID_REQUEST,
                "the message is longer than 4 MiB",
            ))
        } else if line.trim_ascii().is_empty() {
            None
        } else {
            answered(&mut service, &line)
        };
        if let Some(answer) = answer
            && output::json_line(&answer)? == Reader::Gone
        {
            return Ok(());
        }
    }
}

/// Returns the response to a message; `None` for notifications and responses.
fn answered(service: &mut Service, line: &[u8]) -> Option<Value> {
    let Ok(message) = serde_json::from_slice::<Message>(line) else {
        return Some(error(
            Value::Null,
            PARSE_ERROR,
            "the message is not a JSON-RPC object",
        ));
    };
    let (id, method) = (message.id?, message.method?);
    let result = match method.as_str() {
        "initialize" => Ok(initialized(&message.params)),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({ "tools": tools(service) })),
        "tools/call" => called(service, message.params),
        other => Err((METHOD_NOT_FOUND, format!("unknown method {other}"))),
    };
    Some(match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err((code, message)) => error(id, code, &message),
    })
}

fn initialized(params: &Value) -> Value {
    let asked = params["protocolVersion"].as_str().unwrap_or_default();
    let version = VERSIONS
        .into_iter()
        .find(|version| *version == asked)
        .unwrap_or(VERSIONS[0]);
    json!({
        "protocolVersion": version,
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "clozelab", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// Returns the tools that the model supports.
fn tools(service: &Service) -> Vec<Value> {
    let top_k = json!({ "type": "integer", "minimum": 1, "maximum": MAX_TOP_K });
    let of_text = json!({
        "type": "object",
        "required": ["text"],
        "properties": { "text": { "type": "string" }, "top_k": top_k },
    });
    let mut tools = Vec::new();
    if service.labels > 0 {
        let texts = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": MAX_TEXTS });
        tools.push(json!({
            "name": "classify",
            "description": format!("Classifies texts with a model of {} labels and returns their probabilities.", service.labels),
            "inputSchema": { "type": "object", "required": ["texts"], "properties": { "texts": texts, "top_k": top_k } },
        }));
    } else {
        tools.push(json!({
            "name": "fill_mask",
            "description": "Predicts the words for each [MASK] in a text.",
            "inputSchema": of_text,
        }));
    }
    if service.documents.is_some() {
        tools.push(json!({
            "name": "similar_documents",
            "description": "Finds the documents most similar to a text.",
            "inputSchema": of_text,
        }));
    }
    tools
}

fn called(service: &mut Service, params: Value) -> Result<Value, (i64, String)> {
    let invalid = |error: serde_json::Error| (INVALID_PARAMS, error.to_string());
    let Call { name, arguments } = serde_json::from_value(params).map_err(invalid)?;
    let result = match name.as_str() {
        "classify" => {
            let Texts { texts, top_k } = serde_json::from_value(arguments).map_err(invalid)?;
            if !(1..=MAX_TEXTS).contains(&texts.len()) {
                return Err((
                    INVALID_PARAMS,
                    format!("texts must have 1 to {MAX_TEXTS} entries"),
                ));
            }
            let results = checked_top_k(top_k).and_then(|top_k| service.classify(&texts, top_k));
            results.map(|results| json!({ "results": results }))
        }
        "fill_mask" | "similar_documents" => {
            let Text { text, top_k } = serde_json::from_value(arguments).map_err(invalid)?;
            checked_top_k(top_k).and_then(|top_k| {
                let top_k = top_k.unwrap_or(DEFAULT_TOP_K);
                if name == "fill_mask" {
                    service.fill_mask(&text, top_k)
                } else {
                    service.similar(&text, top_k)
                }
            })
        }
        other => return Err((INVALID_PARAMS, format!("unknown tool {other}"))),
    };
    Ok(match result {
        Ok(value) => json!({
            "content": [{ "type": "text", "text": value.to_string() }],
            "structuredContent": value,
        }),
        Err(error) => json!({
            "content": [{ "type": "text", "text": format!("{error}. {}", error.hint()) }],
            "isError": true,
        }),
    })
}

fn error(id: Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}
