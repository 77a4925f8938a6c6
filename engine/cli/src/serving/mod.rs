//! Serves a model to other programs: over HTTP (`serve-model`) and as tools of a language model's
//! client (`mcp`). Both query a [`Service`]; neither writes any files.

mod http;
mod mcp;
mod openapi;

pub(super) use http::serve_model;
pub(super) use mcp::mcp;

use super::host::NativeHost;
use super::inputs;
use crate::args::{Common, Served};
use crate::commands::query;
use crate::run_dir::store::shown;
use crate::terminal::output;
use data::{DataError, Document, FileRows, Opened, ReadOptions};
use engine::error::Error;
use engine::session::{Long, Session, SimilarDocuments};
use futures_lite::future::block_on;
use protocol::{FileRole, LabelScore, Setting, message};
use serde::Serialize;
use serde_json::{Value, json};

/// Maximum number of texts per request.
const MAX_TEXTS: usize = 256;
/// Maximum value of `top_k`.
const MAX_TOP_K: usize = 1000;
/// Default value of `top_k` for masks and similar documents.
const DEFAULT_TOP_K: usize = 5;

/// A model, and optionally documents to search.
struct Service {
    session: Session<NativeHost>,
    labels: usize,
    documents: Option<Documents>,
}

struct Documents {
    texts: Vec<(u64, String)>,
    index: SimilarDocuments,
}

/// The labels of one text.
#[derive(Serialize)]
struct Classified {
    labels: Vec<LabelScore>,
}

impl Service {
    /// Loads the model and reads the documents, if any.
    ///
    /// # Errors
    /// Returns an error if the model or the documents cannot be read.
    fn open(common: &Common, args: &Served) -> Result<Self, Error> {
        let model = inputs::read_model(args.model.path())?;
        let session = query::session(common, model, true)?;
        let labels = session.labels().len();
        let mut service = Self {
            session,
            labels,
            documents: None,
        };
        if let Some(path) = &args.documents {
            if path.is_dir() {
                let hint = message!("Give a single file: one document per line, a table or JSON.");
                return Err(Error::input(
                    "not-a-file",
                    message!("{path} is a folder", path = shown(path)),
                    hint,
                ));
            }
            let text_column = args.text_column.clone();
            let options = ReadOptions {
                is_for_prediction: true,
                text_column,
                ..ReadOptions::default()
            };
            let file = inputs::read(std::slice::from_ref(path), Some(FileRole::Train))?
                .remove(0)
                .file;
            let name = file.name.clone();
            let file = Opened::new(&[file]).single(&name)?;
            let mut rows = FileRows::open(&file, &options, false)?;
            let mut texts: Vec<(u64, String)> = Vec::new();
            while let Some(row) = rows.next()? {
                texts.extend(
                    row.document
                        .as_ref()
                        .map(|document| (document.line, Document::joined(document))),
                );
            }
            if texts.is_empty() {
                return Err(DataError::NoText { file: name }.into());
            }
            let all: Vec<String> = texts.iter().map(|(_, text)| text.clone()).collect();
            let column = rows
                .finish()?
                .columns
                .map(|columns| format!(", column {}", columns.text.join(" + ")));
            let column = column.unwrap_or_default();
            output::print_stderr(&format!(
                "{} documents from {}{}",
                texts.len(),
                shown(path),
                output::plain(&column)
            ));
            let index = block_on(service.session.similar_documents(&all))?;
            service.documents = Some(Documents { texts, index });
        }
        Ok(service)
    }

    /// Describes the service: its version, labels and documents.
    fn described(&self) -> Value {
        json!({
            "status": "ok",
            "version": env!("CARGO_PKG_VERSION"),
            "classifies": self.labels > 0,
            "labels": self.labels,
            "documents": self.documents.as_ref().map_or(0, |documents| documents.texts.len()),
        })
    }

    /// Returns the labels of each text: the `top_k` best, or by default the best one and all others
    /// that pass the threshold.
    fn classify(
        &mut self,
        texts: &[String],
        top_k: Option<usize>,
    ) -> Result<Vec<Classified>, Error> {
        let answers = block_on(self.session.predict(texts, top_k, Long::Cut))?;
        Ok(answers
            .into_iter()
            .map(|labels| Classified { labels })
            .collect())
    }

    fn fill_mask(&mut self, text: &str, top_k: usize) -> Result<Value, Error> {
        Ok(json!({ "masks": block_on(self.session.fill_mask(text, top_k))? }))
    }

    fn similar(&mut self, text: &str, top_k: usize) -> Result<Value, Error> {
        let Some(Documents { texts, index }) = &self.documents else {
            let hint = message!(
                "Start the server with {documents} FILE.",
                documents = Setting::named("documents")
            );
            return Err(Error::input(
                "no-documents",
                message!("the server was started without documents"),
                hint,
            ));
        };
        let found = block_on(self.session.similar(index, text, top_k))?;
        let document = |(number, score): (usize, f64)| {
            let (line, text) = &texts[number];
            json!({ "line": line, "text": text, "score": score })
        };
        Ok(json!({ "documents": found.into_iter().map(document).collect::<Vec<_>>() }))
    }
}

/// Returns `top_k` if it is within its range.
///
/// # Errors
/// Returns an error if it is 0 or above [`MAX_TOP_K`].
fn checked_top_k(top_k: Option<usize>) -> Result<Option<usize>, Error> {
    match top_k {
        Some(number) if !(1..=MAX_TOP_K).contains(&number) => {
            let hint = message!("Give a whole number from 1 to {max}.", max = MAX_TOP_K);
            Err(Error::input(
                "bad-top-k",
                message!("top_k is out of range: {number}", number),
                hint,
            ))
        }
        top_k => Ok(top_k),
    }
}

/// Formats an error as JSON.
fn error_json(code: &str, message: &str, hint: &str) -> Value {
    json!({ "error": { "code": code, "message": message, "hint": hint } })
}
