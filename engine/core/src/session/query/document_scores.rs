//! A classifier's scores for documents of any length.

use crate::data::Document;
use crate::error::{Error, Result};
use crate::model::{ParamTensors, ProblemType};
use crate::session::classifier::ensemble::DocumentScores;
use crate::session::loaded_model::LoadedModel;
use crate::session::query::input::{BATCH_SIZE, Row, padded};
use burn::tensor::Device;
use protocol::{Setting, message};

/// Returns the problem type of a classifier.
///
/// # Errors
/// Returns an error if the model is not a classifier.
pub(super) fn problem_type(model: &LoadedModel) -> Result<ProblemType> {
    let problem = model.config.problem_type;
    problem.filter(|_| model.heads.classifier).ok_or_else(|| {
        Error::input(
            "no-classifier",
            message!("this model has no classifier"),
            message!(
                "Fine-tune it first (clozelab finetune {from} DIR).",
                from = Setting::named("from")
            ),
        )
    })
}

/// Computes the scores of each document: the mean over its windows, weighted by their tokens. The
/// linear part reads the whole document.
pub(super) async fn averaged(
    model: &LoadedModel,
    networks: &[ParamTensors],
    windows: &[Vec<Row>],
    documents: &[Document],
    device: &Device,
) -> Result<Vec<DocumentScores>> {
    let owners = windows
        .iter()
        .zip(documents)
        .flat_map(|(rows, document)| rows.iter().map(move |row| (row, document)));
    let owners: Vec<(&Row, &Document)> = owners.collect();
    let mut scores = Vec::with_capacity(owners.len());
    for chunk in owners.chunks(BATCH_SIZE) {
        let rows: Vec<Row> = chunk.iter().map(|(row, _)| (*row).clone()).collect();
        let documents: Vec<Document> = chunk
            .iter()
            .map(|(_, document)| (*document).clone())
            .collect();
        scores.extend(
            model
                .scores(networks, &padded(model, &rows), &documents, device)
                .await?,
        );
    }
    let mut scores = scores.into_iter();
    let mean = |rows: &Vec<Row>| {
        let tokens: f64 = rows.iter().map(|row| row.0.len() as f64).sum();
        let of_windows = rows
            .iter()
            .map(|row| row.0.len() as f64 / tokens)
            .zip(scores.by_ref());
        DocumentScores::mean(of_windows)
    };
    Ok(windows.iter().map(mean).collect())
}
