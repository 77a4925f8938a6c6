//! A map of the documents: training documents in the plane, similar ones near each other.

use crate::data::{Document, Selection};
use crate::error::{Error, Result};
use crate::session::checks::no_corpus;
use crate::session::commands::proposed::{sample, with_full_text};
use crate::session::commands::review::{poll_stop, stopped};
use crate::session::query::inference::LabelSelection;
use crate::session::query::input::BATCH_SIZE;
use crate::session::query::similar::SimilarDocuments;
use crate::session::query::tsne::Tsne;
use crate::session::{Host, Session};
use protocol::{MapPoint, MapSource, RunConfig, message};

/// Maximum number of documents on the map: the layout takes quadratic time.
const MAX_DOCUMENTS: usize = 1000;
/// Seed of the draw of the documents: maps from different vectors show the same ones.
const SEED: u64 = 1;
/// Minimum number of documents; fewer have no neighbourhoods.
const MIN_DOCUMENTS: usize = 5;

impl<H: Host> Session<H> {
    /// Returns at most [`MAX_DOCUMENTS`] training documents with their places, and the number of
    /// further ones.
    ///
    /// # Errors
    /// Returns an error if there is no corpus, there are too few documents, there is no model but
    /// one is the source, or a stop arrived.
    pub(in crate::session) async fn map(
        &mut self,
        source: MapSource,
    ) -> Result<(Vec<MapPoint>, u64)> {
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let all = Selection {
            with_set_aside: true,
            ..Selection::default()
        };
        let (documents, count) = sample(corpus, &all, SEED, MAX_DOCUMENTS, |_| true)?;
        if documents.len() < MIN_DOCUMENTS {
            return Err(Error::input(
                "too-few-documents",
                message!(
                    "{documents} documents are too few for a map",
                    documents = documents.len()
                ),
                message!("Add more text: a few thousand lines are a good start."),
            ));
        }
        let vectors = match source {
            MapSource::Words => self.word_sums(&documents)?,
            MapSource::Model => self.hidden_states(&documents).await?,
        };
        let mut layout = Tsne::new(&SimilarDocuments::new(vectors).into_directions());
        while layout.step() {
            if !poll_stop(&self.host, &mut self.deferred).await? {
                return Err(stopped());
            }
        }
        let predicted = if self.models.classifier.is_some() {
            self.predictions_of(&documents, LabelSelection::Best(1), |labels| labels)
                .await?
        } else {
            vec![Vec::new(); documents.len()]
        };
        let corpus = self.dataset.corpus.as_ref().ok_or_else(no_corpus)?;
        let points = documents.iter().zip(layout.finish()).zip(predicted).map(
            |((document, [x, y]), predicted)| MapPoint {
                x: x.into(),
                y: y.into(),
                document: with_full_text(corpus, document, predicted),
            },
        );
        Ok((points.collect(), count - documents.len() as u64))
    }

    /// Returns the mean hidden states of each document, `[documents][F]`.
    async fn hidden_states(&mut self, documents: &[Document]) -> Result<Vec<Vec<f32>>> {
        let texts: Vec<String> = documents.iter().map(Document::joined).collect();
        let mut states = Vec::with_capacity(texts.len());
        for texts in texts.chunks(BATCH_SIZE) {
            states.extend(self.mean_states(texts).await?);
            if !poll_stop(&self.host, &mut self.deferred).await? {
                return Err(stopped());
            }
        }
        Ok(states)
    }

    /// Returns the sum of the word vectors of each document, `[documents][D]`.
    fn word_sums(&mut self, documents: &[Document]) -> Result<Vec<Vec<f32>>> {
        if self.dataset.learned.is_none() {
            let model = self.models.language_model.as_ref();
            let words = model.map(|model| model.tokenizer.clone());
            self.learn("", &RunConfig::default(), words)?;
        }
        let (tokenizer, vectors) = self.text_vectors(documents).ok_or_else(|| {
            Error::input(
                "no-word-vectors",
                message!("the text is too short to learn word vectors from"),
                message!("Add more text: a few thousand lines are a good start."),
            )
        })?;
        let documents = documents.iter();
        Ok(documents
            .map(|document| vectors.describe(&tokenizer, document))
            .collect())
    }
}
