//! The parts of a classifier beside its first network: `classifier.json` says how they vote, and safetensors files under
//! `parts/` hold their numbers. A directory without `classifier.json` is its network alone.

use super::error::InteropError;
use super::weights::check_header;
use crate::linear::{LinearData, Member, TableData, Weights};
use crate::train::Fusion;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How the parts vote.
pub const CLASSIFIER_FILE: &str = "classifier.json";
/// The linear part.
pub const LINEAR_FILE: &str = "parts/linear.safetensors";
/// Version of [`ClassifierFile`]; others are refused.
const VERSION: u32 = 1;
/// Networks at most.
const MAX_NETWORKS: usize = 16;

/// Name of the weights of the network with index `index`, from 1; the first network's are the model's own.
pub fn network_file(index: usize) -> String {
    format!("parts/network-{}.safetensors", index + 1)
}

/// `classifier.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassifierFile {
    /// Version of this format.
    version: u32,
    /// Networks of the shape in `config.json`, the model's own included.
    pub networks: usize,
    /// The linear part, where there is one.
    pub linear: Option<LinearHeader>,
    /// Weights of the parts' outputs, the linear part's last, and the bias.
    #[serde(flatten)]
    pub fusion: Fusion,
    /// How much each part decides, as shares of 1, in the same order.
    pub shares: Vec<f64>,
    /// Probability from which a label counts as predicted.
    pub threshold: Option<f64>,
    /// What that is multiplied by for each label.
    pub threshold_scales: Option<Vec<f64>>,
    /// Probability from which each label counts, tuned by itself.
    pub thresholds: Option<Vec<f64>>,
    /// Whether the parts learned from the documents that chose how they vote.
    #[serde(default)]
    pub cross_validated: bool,
}

/// What the linear part reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearHeader {
    /// Its feature set.
    pub member: Member,
    /// Whether its labels had balanced weights in training.
    #[serde(default)]
    pub balanced: bool,
    /// Words in a row at most.
    pub longest: usize,
    /// Numbers per document from word vectors.
    pub dense: usize,
}

impl LinearHeader {
    /// Of a linear part.
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
    /// Of `networks` networks and a linear part.
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

    /// As it is written.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("plain data serialises");
        bytes.push(b'\n');
        bytes
    }

    /// Reads it for a classifier of `classes` labels.
    ///
    /// # Errors
    /// When it is not JSON of this form, of another version, or its numbers contradict each other.
    pub fn from_json(bytes: &[u8], classes: usize) -> Result<Self, InteropError> {
        let refuse = |reason: String| InteropError::Classifier { reason };
        let file: Self =
            serde_json::from_slice(bytes).map_err(|error| refuse(error.to_string()))?;
        if file.version != VERSION {
            return Err(refuse(format!(
                "its version is {}; this program reads version {VERSION}",
                file.version
            )));
        }
        let (networks, weights) = (file.networks, file.fusion.weights.len());
        if !(1..=MAX_NETWORKS).contains(&networks) {
            return Err(refuse(format!(
                "it names {networks} networks; 1 to {MAX_NETWORKS} are possible"
            )));
        }
        let parts = networks + usize::from(file.linear.is_some());
        if weights != parts || file.shares.len() != parts {
            return Err(refuse(format!(
                "it names {parts} parts and {weights} weights"
            )));
        }
        let is_sound = |weight: &f64| weight.is_finite() && *weight >= 0.0;
        if !file.fusion.weights.iter().all(is_sound) || !file.fusion.bias.is_finite() {
            return Err(refuse("a weight is negative or not a number".into()));
        }
        let label_bias = &file.fusion.label_bias;
        let is_number = |bias: &f64| (*bias as f32).is_finite();
        if !(label_bias.is_empty() || label_bias.len() == classes)
            || !label_bias.iter().all(is_number)
        {
            return Err(refuse(format!(
                "label_bias needs one finite number for each of {classes} labels"
            )));
        }
        let is_probability = |x: &f64| (0.0..=1.0).contains(x);
        let fits = |list: &Vec<f64>| list.len() == classes && list.iter().all(is_probability);
        let fit = file.thresholds.iter().all(fits) && file.threshold_scales.iter().all(fits);
        if !fit || !file.threshold.iter().all(is_probability) {
            return Err(refuse(format!(
                "it does not hold a threshold from 0 to 1 for each of {classes} labels"
            )));
        }
        Ok(file)
    }
}

/// What is saved of a linear part.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearTensors {
    /// The classifier.
    pub data: LinearData,
    /// The word vectors that it reads, `[V, dense]`.
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

/// Reads the linear part of a classifier of `classes` labels over a vocabulary of `vocab_size`.
///
/// # Errors
/// When the bytes are not safetensors, a tensor is missing, or numbers contradict each other or are not finite.
pub fn linear_from_bytes(
    bytes: &[u8],
    header: LinearHeader,
    classes: usize,
    vocab_size: usize,
) -> Result<LinearTensors, InteropError> {
    check_header(bytes)?;
    let refuse = |reason: String| InteropError::Classifier {
        reason: format!("{LINEAR_FILE}: {reason}"),
    };
    let file = SafeTensors::deserialize(bytes).map_err(|error| refuse(error.to_string()))?;
    let raw = |name: &str, dtype: Dtype| match file.tensor(name) {
        Ok(view) if view.dtype() == dtype => Ok(view.data().to_vec()),
        _ => Err(refuse(format!("there is no {name} of {dtype:?}"))),
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
            Err(refuse(format!("{name} holds what is no number")))
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
        return Err(refuse(format!(
            "vectors holds {} numbers, not {dense} for each of {vocab_size} tokens",
            vectors.len()
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
    fn a_linear_part_reads_back_as_the_same_classifier() {
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
    fn parts_that_contradict_themselves_are_refused() {
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
    fn a_vote_reads_back_and_nonsense_is_refused() {
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
