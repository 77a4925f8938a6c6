//! A classifier as an ensemble: one network or several, a linear part, and the fusion of their
//! outputs.

use crate::data::examples::{EncodedDocument, EncodedDocuments};
use crate::data::{Document, Tokenizer};
use crate::linear::{Linear, LinearInput};
use crate::model::ProblemType;
use crate::train::{Fusion, Logits};
use burn::tensor::Tensor;
use protocol::{Message, message};
use std::rc::Rc;

/// Word vectors scaled by inverse document frequency, whose sum describes a document.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentVectors {
    /// Vector width, `D`.
    pub width: usize,
    /// The vectors, `[V, D]`, row by row.
    pub values: Vec<f32>,
}

impl DocumentVectors {
    /// Normalises vectors `[V, D]` and scales each by the inverse document frequency of its token
    /// in `documents`.
    pub fn new(mut values: Vec<f32>, width: usize, documents: &EncodedDocuments) -> Self {
        let tokens = values.len() / width;
        let mut frequencies = vec![0_u32; tokens];
        for index in 0..documents.len() {
            let mut ids = token_ids(&documents.document(index));
            ids.sort_unstable();
            ids.dedup();
            ids.into_iter().for_each(|id| frequencies[id as usize] += 1);
        }
        let n = documents.len() as f32;
        for (row, frequency) in values.chunks_mut(width).zip(frequencies) {
            let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            let weight = ((1.0 + n) / (1.0 + frequency as f32)).ln() + 1.0;
            let scale = if norm > f32::MIN_POSITIVE {
                weight / norm
            } else {
                0.0
            };
            row.iter_mut().for_each(|x| *x *= scale);
        }
        Self { width, values }
    }

    /// Returns the sum of the vectors of a document's tokens, `[D]`.
    pub fn describe(&self, tokenizer: &Tokenizer, document: &Document) -> Vec<f32> {
        let mut sum = vec![0.0; self.width];
        for id in token_ids(&EncodedDocument::of_text(tokenizer, document)) {
            let row = &self.values[id as usize * self.width..][..self.width];
            sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        sum
    }
}

fn token_ids(document: &EncodedDocument) -> Vec<u32> {
    document
        .first
        .iter()
        .chain(document.second.iter().flatten())
        .copied()
        .collect()
}

/// A linear classifier and the word vectors that it uses.
#[derive(Clone, Debug)]
pub struct LinearPart {
    /// The linear classifier itself.
    pub linear: Linear,
    /// The vectors, if its feature set includes them.
    pub vectors: Option<Rc<DocumentVectors>>,
}

impl LinearPart {
    /// Computes the margins of each document, `[documents][C]`.
    pub fn margins(&self, tokenizer: Option<&Tokenizer>, documents: &[Document]) -> Logits {
        let described = describe_all(self.vectors.as_deref(), tokenizer, documents);
        self.linear.margins(&inputs(documents, &described))
    }
}

/// Returns the dense features of each document, `[documents][D]`; `D` is 0 without vectors.
pub(crate) fn describe_all(
    vectors: Option<&DocumentVectors>,
    tokenizer: Option<&Tokenizer>,
    documents: &[Document],
) -> Vec<Vec<f32>> {
    let Some((vectors, tokenizer)) = vectors.zip(tokenizer) else {
        return vec![Vec::new(); documents.len()];
    };
    documents
        .iter()
        .map(|document| vectors.describe(tokenizer, document))
        .collect()
}

/// Pairs documents with their dense features.
pub(crate) fn inputs<'a>(
    documents: &'a [Document],
    described: &'a [Vec<f32>],
) -> Vec<LinearInput<'a>> {
    documents
        .iter()
        .zip(described)
        .map(|(document, dense)| LinearInput { document, dense })
        .collect()
}

/// The parts of a classifier besides its first network, and their fusion.
#[derive(Clone, Debug)]
pub struct Ensemble {
    /// Parameters of further networks of the same configuration, one flat array per group of the
    /// layout.
    pub networks: Vec<Vec<Tensor<1>>>,
    /// The linear part, if it has any weight.
    pub linear: Option<LinearPart>,
    /// Weights of all networks and, last, of the linear part.
    pub fusion: Fusion,
    /// Share of the decision that each of them has; they sum to 1.
    pub shares: Vec<f64>,
    /// Threshold and per-label thresholds of the first network alone, written to `config.json` for
    /// other programs.
    pub alone: (Option<f64>, Option<Vec<f64>>),
    /// Out-of-fold probabilities of the training documents, `[documents][C]`, if the classifier was
    /// cross-validated in this session.
    pub out_of_fold: Option<Rc<Vec<Vec<f64>>>>,
    /// Whether it was cross-validated, so that its parts were trained on all labelled documents.
    pub cross_validated: bool,
}

/// Shares below this are reported as none.
const MIN_SHARE: f64 = 0.005;

impl Ensemble {
    /// Adds the trained `networks`, the first of which is the model's own. Parts with weight 0 are
    /// dropped.
    pub fn with_networks(mut self, networks: Vec<Vec<Tensor<1>>>) -> Self {
        let count = networks.len();
        let is_kept = |index: usize, weights: &[f64]| index == 0 || weights[index] > 0.0;
        let weights = self.fusion.weights.clone();
        let kept = networks
            .into_iter()
            .enumerate()
            .filter(|(index, _)| is_kept(*index, &weights));
        self.networks = kept.skip(1).map(|(_, groups)| groups).collect();
        if weights.get(count).is_none_or(|weight| *weight == 0.0) {
            self.linear = None;
        }
        let stays = |index: usize| {
            if index < count {
                is_kept(index, &weights)
            } else {
                weights[index] > 0.0
            }
        };
        let keep = |numbers: Vec<f64>| {
            numbers
                .into_iter()
                .enumerate()
                .filter(|(i, _)| stays(*i))
                .map(|(_, x)| x)
                .collect()
        };
        self.shares = keep(self.shares);
        self.fusion.weights = keep(self.fusion.weights);
        self
    }

    /// Describes the parts and their shares in a sentence; `None` for a single network.
    pub fn sentence(&self) -> Option<Message> {
        let networks = 1 + self.networks.len();
        let percent = |shares: &[f64]| format!("{:.0} %", 100.0 * shares.iter().sum::<f64>());
        let of_networks = percent(&self.shares[..networks]);
        let names = if networks == 1 {
            message!("one network")
        } else {
            message!("the average of {networks} networks", networks)
        };
        match &self.linear {
            None if networks == 1 => None,
            None => Some(message!("the classifier is {names}", names)),
            Some(part) if self.shares[..networks].iter().sum::<f64>() < MIN_SHARE => {
                let member = part.linear.name();
                Some(message!(
                    "the classifier is a linear classifier on {member}; the network adds nothing to it",
                    member
                ))
            }
            Some(part) => {
                let (member, of_linear) = (part.linear.name(), percent(&self.shares[networks..]));
                Some(message!(
                    "the classifier is {names} ({of_networks} of each decision) and a linear classifier on {member} ({of_linear})",
                    names,
                    of_networks,
                    member,
                    of_linear
                ))
            }
        }
    }

    /// Computes the probabilities of each document from the outputs of all parts,
    /// `[parts][documents][C]`.
    pub fn probabilities(&self, parts: &[&Logits], problem: ProblemType) -> Vec<Vec<f64>> {
        let documents = parts.first().map_or(0, |part| part.len());
        let of_document = |index: usize| {
            let outputs: Vec<&[f32]> = parts.iter().map(|part| part[index].as_slice()).collect();
            self.fusion.probabilities(&outputs, problem)
        };
        (0..documents).map(of_document).collect()
    }
}

/// A classifier's scores for one document.
pub(crate) struct DocumentScores {
    /// Probabilities, `[C]`.
    pub probabilities: Vec<f64>,
    /// Probabilities before calibration, `[C]`; `None` if the classifier is not calibrated.
    pub raw: Option<Vec<f64>>,
}

impl DocumentScores {
    /// Returns the mean over the windows of a document, weighted by their shares of it.
    pub fn mean(windows: impl Iterator<Item = (f64, Self)>) -> Self {
        let scaled =
            |numbers: Vec<f64>, share: f64| numbers.into_iter().map(|x| share * x).collect();
        let added = |sum: Vec<f64>, more: Vec<f64>| {
            sum.into_iter().zip(more).map(|(sum, x)| sum + x).collect()
        };
        let windows = windows.map(|(share, window)| Self {
            probabilities: scaled(window.probabilities, share),
            raw: window.raw.map(|raw| scaled(raw, share)),
        });
        let sum = windows.reduce(|sum, window| Self {
            probabilities: added(sum.probabilities, window.probabilities),
            raw: sum.raw.zip(window.raw).map(|(sum, raw)| added(sum, raw)),
        });
        sum.expect("a document has a window")
    }
}

/// Returns the uncalibrated probabilities of one network.
pub(super) fn plain(logits: &Logits, problem: ProblemType) -> Vec<Vec<f64>> {
    logits
        .iter()
        .map(|row| crate::train::probabilities(row, problem))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::{Member, Setup};

    const SETUP: Setup = Setup {
        member: Member::Words,
        balanced: false,
        seed: 1,
    };

    fn ensemble(networks: usize, shares: &[f64], has_linear: bool) -> Ensemble {
        let document = Document {
            text: "a".into(),
            second: None,
            labels: Vec::new(),
            file: 0,
            line: 1,
            block: 0,
        };
        let input = [LinearInput {
            document: &document,
            dense: &[],
        }];
        let part = || LinearPart {
            linear: Linear::learn(&input, &[vec![0]], 1, SETUP),
            vectors: None,
        };
        Ensemble {
            networks: vec![Vec::new(); networks - 1],
            linear: has_linear.then(part),
            fusion: Fusion {
                weights: shares.to_vec(),
                ..Fusion::identity()
            },
            shares: shares.to_vec(),
            alone: (None, None),
            out_of_fold: None,
            cross_validated: false,
        }
    }

    #[test]
    fn the_sentence_describes_the_parts() {
        let check = |networks, shares: &[f64], has_linear, expected: Option<&str>| {
            assert_eq!(
                ensemble(networks, shares, has_linear)
                    .sentence()
                    .map(|message| message.to_string()),
                expected.map(String::from)
            );
        };
        check(1, &[1.0], false, None);
        check(
            3,
            &[0.3, 0.3, 0.4],
            false,
            Some("the classifier is the average of 3 networks"),
        );
        check(
            1,
            &[0.7, 0.3],
            true,
            Some(
                "the classifier is one network (70 % of each decision) and a linear classifier on words (30 %)",
            ),
        );
        check(
            1,
            &[0.0, 1.0],
            true,
            Some("the classifier is a linear classifier on words; the network adds nothing to it"),
        );
    }

    #[test]
    fn parts_without_weight_are_dropped() {
        let kept = ensemble(3, &[0.0, 0.0, 0.0, 1.0], true).with_networks(vec![Vec::new(); 3]);
        assert_eq!((kept.networks.len(), kept.linear.is_some()), (0, true));
        assert_eq!(
            (kept.fusion.weights, kept.shares),
            (vec![0.0, 1.0], vec![0.0, 1.0])
        );
        let kept = ensemble(3, &[0.2, 0.4, 0.4, 0.0], true).with_networks(vec![Vec::new(); 3]);
        assert_eq!((kept.networks.len(), kept.linear.is_some()), (2, false));
        assert_eq!(kept.fusion.weights, [0.2, 0.4, 0.4]);
    }
}
