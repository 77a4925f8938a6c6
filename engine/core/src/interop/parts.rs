//! The parts of a classifier besides its first network. `classifier.json` defines how they are
//! combined, and safetensors files under `parts/` hold their weights. A directory without
//! `classifier.json` contains a single network.

use super::error::InteropError;
use super::weights::check_header;
use crate::linear::{LinearData, Member, TableData, Weights};
use crate::train::Fusion;
use protocol::{Message, message};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// File name of [`ClassifierFile`].
pub const CLASSIFIER_FILE: &str = "classifier.json";
/// File name of the linear part.
pub const LINEAR_FILE: &str = "parts/linear.safetensors";
/// Version of [`ClassifierFile`]; other versions are rejected.
const VERSION: u32 = 1;
/// Maximum number of networks.
const MAX_NETWORKS: usize = 16;

/// Returns the file name of the weights of the network with index `index`, from 1. The weights of
/// network 0 are those of the model.
pub fn network_file(index: usize) -> String {
    format!("parts/network-{}.safetensors", index + 1)
}

/// The content of `classifier.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassifierFile {
    /// Version of the file format.
    version: u32,
    /// Number of networks with the shape in `config.json`, including the model itself.
    pub networks: usize,
    /// Description of the linear part, if there is one.
    pub linear: Option<LinearHeader>,
    /// Weights of the parts' logits, with the linear part last, and the bias.
    #[serde(flatten)]
    pub fusion: Fusion,
    /// Share of each part in the decision, summing to 1, in the same order.
    pub shares: Vec<f64>,
    /// Decision threshold on the probability.
    pub threshold: Option<f64>,
    /// Factors on `threshold` per label.
    pub threshold_scales: Option<Vec<f64>>,
    /// Individually tuned decision threshold of each label.
    pub thresholds: Option<Vec<f64>>,
    /// Whether the parts were trained on the documents that were used to fit their weights, by
    /// cross-validation.
    #[serde(default)]
    pub cross_validated: bool,
}

/// Description of the linear part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearHeader {
    /// The feature set that the classifier uses.
    pub member: Member,
    /// Whether it was trained with balanced class weights.
    #[serde(default)]
    pub balanced: bool,
    /// Maximum number of words per n-gram.
    pub longest: usize,
    /// Number of dense features per document, from word vectors.
    pub dense: usize,
}

impl LinearHeader {
    /// Describes a linear part.
    pub fn of(part: &LinearTensors) -> Self {
        let LinearData {
            member,
            balanced,
            longest,
            dense,
            ..
        } = part.data;
        Self {
            member,
            balanced,
            longest,
            dense,
        }
    }
}

impl ClassifierFile {
    /// Creates a file for `networks` networks and an optional linear part, without thresholds.
    pub fn new(
        networks: usize,
        linear: Option<LinearHeader>,
        fusion: Fusion,
        shares: Vec<f64>,
    ) -> Self {
        let (threshold, threshold_scales, thresholds) = (None, None, None);
        let cross_validated = false;
        Self {
            version: VERSION,
            networks,
            linear,
            fusion,
            shares,
            threshold,
            threshold_scales,
            thresholds,
            cross_validated,
        }
    }

    /// Encodes the file as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("plain data serialises");
        bytes.push(b'\n');
        bytes
    }

    /// Reads the file for a classifier of `classes` labels.
    ///
    /// # Errors
    /// Returns an error if it is not JSON of this format and version, or is inconsistent.
    pub fn from_json(bytes: &[u8], classes: usize) -> Result<Self, InteropError> {
        let refuse = |reason: Message| InteropError::Classifier { reason };
        let file: Self = serde_json::from_slice(bytes)
            .map_err(|error| refuse(Message::verbatim(error.to_string())))?;
        if file.version != VERSION {
            return Err(refuse(message!(
                "its version is {version}; this program reads version {supported}",
                version = file.version,
                supported = VERSION
            )));
        }
        let (networks, weights) = (file.networks, file.fusion.weights.len());
        if !(1..=MAX_NETWORKS).contains(&networks) {
            return Err(refuse(message!(
                "networks is {networks}; it must be from 1 to {max}",
                networks,
                max = MAX_NETWORKS
            )));
        }
        let parts = networks + usize::from(file.linear.is_some());
        if weights != parts || file.shares.len() != parts {
            return Err(refuse(message!(
                "weights and shares must have one number for each of its {parts} parts (weights found: {weights})",
                parts,
                weights
            )));
        }
        let is_valid = |weight: &f64| weight.is_finite() && *weight >= 0.0;
        if !file.fusion.weights.iter().all(is_valid) || !file.fusion.bias.is_finite() {
            return Err(refuse(message!("a weight is negative or not a number")));
        }
        let label_bias = &file.fusion.label_bias;
        let is_number = |bias: &f64| (*bias as f32).is_finite();
        if !(label_bias.is_empty() || label_bias.len() == classes)
            || !label_bias.iter().all(is_number)
        {
            return Err(refuse(message!(
                "label_bias must have one finite number per label ({classes})",
                classes
            )));
        }
        let is_probability = |x: &f64| (0.0..=1.0).contains(x);
        let fits = |list: &Vec<f64>| list.len() == classes && list.iter().all(is_probability);
        let fit = file.thresholds.iter().all(fits) && file.threshold_scales.iter().all(fits);
        if !fit || !file.threshold.iter().all(is_probability) {
            return Err(refuse(message!(
                "its thresholds must be numbers from 0 to 1, one per label ({classes})",
                classes
            )));
        }
        Ok(file)
    }
}

/// The saved form of a linear part.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearTensors {
    /// The linear classifier.
    pub data: LinearData,
    /// The word vectors for its dense features, `[V, dense]`.
    pub vectors: Vec<f32>,
}

/// Writes a linear part as safetensors. Equal parts give equal bytes.
pub fn linear_to_bytes(part: &LinearTensors) -> Vec<u8> {
    let LinearData {
        words,
        characters,
        weights,
        ..
    } = &part.data;
    let tables = [("words", Some(words)), ("characters", characters.as_ref())];
    let mut tensors: Vec<(String, Dtype, Vec<u8>)> = Vec::new();
    for (name, table) in tables
        .into_iter()
        .filter_map(|(name, table)| Some((name, table?)))
    {
        tensors.push((
            format!("{name}.hash"),
            Dtype::U64,
            table.hashes.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ));
        tensors.push((format!("{name}.idf"), Dtype::F32, floats(&table.idf)));
    }
    let ids = |ids: &[u32]| ids.iter().flat_map(|x| x.to_le_bytes()).collect();
    tensors.push(("weights.starts".into(), Dtype::U32, ids(&weights.starts)));
    tensors.push(("weights.labels".into(), Dtype::U32, ids(&weights.labels)));
    tensors.push(("weights.values".into(), Dtype::F32, floats(&weights.values)));
    tensors.push(("bias".into(), Dtype::F32, floats(&weights.bias)));
    tensors.push(("vectors".into(), Dtype::F32, floats(&part.vectors)));
    let views = tensors.iter().map(|(name, dtype, bytes)| {
        let size = if *dtype == Dtype::U64 { 8 } else { 4 };
        let view = TensorView::new(*dtype, vec![bytes.len() / size], bytes);
        (
            name.as_str(),
            view.expect("a list holds as many numbers as it has"),
        )
    });
    safetensors::serialize(views, Some(HashMap::new()))
        .expect("checked views with distinct names serialise")
}

/// Reads the linear part of a classifier of `classes` labels and a vocabulary of `vocab_size`
/// tokens.
///
/// # Errors
/// Returns an error if the bytes are not safetensors, a tensor is missing, or the values are
/// inconsistent or not finite.
pub fn linear_from_bytes(
    bytes: &[u8],
    header: LinearHeader,
    classes: usize,
    vocab_size: usize,
) -> Result<LinearTensors, InteropError> {
    check_header(bytes)?;
    let refuse = |reason: Message| InteropError::Classifier {
        reason: message!("{version}: {reason}", version = LINEAR_FILE, reason),
    };
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| refuse(Message::verbatim(error.to_string())))?;
    let raw = |name: &str, dtype: Dtype| match file.tensor(name) {
        Ok(view) if view.dtype() == dtype => Ok(view.data().to_vec()),
        _ => Err(refuse(message!(
            "there is no tensor {name} of type {dtype}",
            name,
            dtype = format!("{dtype:?}")
        ))),
    };
    let floats = |name: &str| {
        let bytes = raw(name, Dtype::F32)?;
        let numbers: Vec<f32> = bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        let finite = numbers.iter().all(|x| x.is_finite());
        if finite {
            Ok(numbers)
        } else {
            Err(refuse(message!(
                "{name} contains a value that is not a finite number",
                name
            )))
        }
    };
    let ids = |name: &str| {
        let bytes = raw(name, Dtype::U32)?;
        Ok::<Vec<u32>, InteropError>(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| u32::from_le_bytes(*b))
                .collect(),
        )
    };
    let table = |name: &str| {
        let bytes = raw(&format!("{name}.hash"), Dtype::U64)?;
        let hashes = bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| u64::from_le_bytes(*b))
            .collect();
        Ok::<TableData, InteropError>(TableData {
            hashes,
            idf: floats(&format!("{name}.idf"))?,
        })
    };
    let LinearHeader {
        member,
        balanced,
        longest,
        dense,
    } = header;
    let has_characters = file.tensor("characters.hash").is_ok();
    let characters = if has_characters {
        Some(table("characters")?)
    } else {
        None
    };
    let weights = Weights {
        bias: floats("bias")?,
        starts: ids("weights.starts")?,
        labels: ids("weights.labels")?,
        values: floats("weights.values")?,
    };
    let data = LinearData {
        member,
        balanced,
        longest,
        words: table("words")?,
        characters,
        dense,
        weights,
    };
    let vectors = floats("vectors")?;
    if Some(vectors.len()) != dense.checked_mul(vocab_size) {
        return Err(refuse(message!(
            "vectors has {count} numbers instead of {width} for each of the {vocab_size} tokens",
            count = vectors.len(),
            width = dense,
            vocab_size
        )));
    }
    data.check(classes).map_err(refuse)?;
    Ok(LinearTensors { data, vectors })
}

fn floats(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Document;
    use crate::linear::{Linear, LinearInput, Setup};

    fn learned() -> (Linear, Vec<Document>) {
        let document = |text: &str| Document {
            text: text.into(),
            second: None,
            labels: Vec::new(),
            file: 0,
            line: 1,
            block: 0,
        };
        let documents: Vec<Document> = (0..20)
            .map(|i| document(["a cat", "a dog"][i % 2]))
            .collect();
        let inputs: Vec<LinearInput> = documents
            .iter()
            .map(|document| LinearInput {
                document,
                dense: &[0.6, 0.8],
            })
            .collect();
        let truth: Vec<Vec<usize>> = (0..20).map(|i| vec![i % 2]).collect();
        (
            Linear::learn(
                &inputs,
                &truth,
                2,
                Setup {
                    member: Member::All,
                    balanced: true,
                    seed: 1,
                },
            ),
            documents,
        )
    }

    fn part() -> (LinearTensors, Vec<Document>) {
        let (linear, documents) = learned();
        (
            LinearTensors {
                data: linear.data(),
                vectors: vec![1.0, 2.0, 3.0, 4.0],
            },
            documents,
        )
    }

    #[test]
    fn a_linear_part_round_trips() {
        let (part, documents) = part();
        let bytes = linear_to_bytes(&part);
        let back = linear_from_bytes(&bytes, LinearHeader::of(&part), 2, 2).expect("sound");
        assert_eq!(back.vectors, part.vectors);
        let input = [LinearInput {
            document: &documents[0],
            dense: &[0.6, 0.8],
        }];
        let margins = |data: LinearData| Linear::from_data(data).margins(&input);
        assert_eq!(
            linear_to_bytes(&back),
            bytes,
            "equal parts give equal bytes"
        );
        assert_eq!(margins(back.data), margins(part.data.clone()));
    }

    #[test]
    fn inconsistent_parts_are_rejected() {
        let (part, _) = part();
        let header = LinearHeader::of(&part);
        let check = |change: &dyn Fn(&mut LinearTensors), classes, vocab_size| {
            let mut changed = part.clone();
            change(&mut changed);
            linear_from_bytes(&linear_to_bytes(&changed), header, classes, vocab_size).is_err()
        };
        assert!(!check(&|_| (), 2, 2));
        assert!(check(&|_| (), 3, 2), "another number of labels");
        assert!(check(&|_| (), 2, 3), "another vocabulary");
        assert!(
            check(&|part| part.data.weights.labels[0] = 2, 2, 2),
            "a label that is not there"
        );
        assert!(check(&|part| part.data.weights.values[0] = f32::NAN, 2, 2));
        assert!(check(&|part| part.data.weights.starts[1] = u32::MAX, 2, 2));
        assert!(check(&|part| part.data.weights.starts.truncate(1), 2, 2));
        assert!(check(&|part| part.data.words.idf.truncate(1), 2, 2));
        assert!(
            check(
                &|part| part.data.words.hashes[1] = part.data.words.hashes[0],
                2,
                2
            ),
            "a feature twice"
        );
        assert!(check(&|part| part.data.characters = None, 2, 2));
        let bytes = linear_to_bytes(&part);
        assert!(
            (0..bytes.len())
                .step_by(7)
                .all(|end| linear_from_bytes(&bytes[..end], header, 2, 2).is_err())
        );
    }

    #[test]
    fn classifier_file_round_trips_and_invalid_ones_are_rejected() {
        let fusion = Fusion {
            weights: vec![0.5, 1.5],
            bias: -0.25,
            label_bias: vec![0.5, 0.0, -1.0],
        };
        let header = LinearHeader {
            member: Member::Words,
            balanced: false,
            longest: 2,
            dense: 0,
        };
        let mut file = ClassifierFile::new(1, Some(header), fusion, vec![0.4, 0.6]);
        file.thresholds = Some(vec![0.5; 3]);
        assert_eq!(
            ClassifierFile::from_json(&file.to_json(), 3).expect("sound"),
            file
        );
        assert!(ClassifierFile::from_json(&file.to_json(), 2).is_err());
        let json = String::from_utf8(file.to_json()).expect("text");
        for (from, to) in [
            ("\"version\": 1", "\"version\": 2"),
            ("0.5,", "-0.5,"),
            ("\"networks\": 1", "\"networks\": 0"),
            ("{", "["),
        ] {
            let changed = json.replacen(from, to, 1);
            assert!(
                changed != json && ClassifierFile::from_json(changed.as_bytes(), 3).is_err(),
                "{from}"
            );
        }
    }
}
