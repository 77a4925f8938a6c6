//! A model between runs: configuration, tokenizer and parameters on the device, and its conversion
//! from files (`model_files` writes them).

use crate::data::Tokenizer;
use crate::error::{Error, Result};
use crate::interop::{
    self, CARD_FILE, CONFIG_FILE, Fit, HostTensor, Notice, SentenceEncoder, WEIGHTS_FILE, Weights,
};
use crate::model::{
    Architecture, Heads, Layout, ModelConfig, ParamTensors, ParameterGroup, ProblemType, specs,
};
use crate::session::classifier::ensemble::Ensemble;
use crate::session::read::read_groups;
use burn::tensor::{Device, Tensor, TensorData};
use protocol::{Message, Pooling, message};
use std::rc::Rc;

/// A model ready for inference, export and further training.
#[derive(Clone)]
pub struct LoadedModel {
    /// Architecture, sizes, labels and thresholds.
    pub config: ModelConfig,
    /// The heads it has.
    pub heads: Heads,
    /// The tokenizer it was trained with.
    pub tokenizer: Rc<Tokenizer>,
    /// Position of each parameter in the groups.
    pub layout: Layout,
    /// Parameters, one flat array per group of the layout.
    pub groups: Vec<Tensor<1>>,
    /// Further parts of a classifier: more networks, a linear part.
    pub ensemble: Option<Rc<Ensemble>>,
    /// Settings of the sentence-transformers directory that it was loaded from.
    pub sentence_encoder: Option<SentenceEncoder>,
    /// Notices about its files, for the user.
    pub notices: Vec<Notice>,
    /// Its model card, if it was loaded from or written by a run.
    pub card: Option<Rc<str>>,
}

/// What was initialised from the tensors of another model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Copied: same name and shape.
    pub restored: Vec<String>,
    /// Not in the source: initialised randomly.
    pub new: Vec<String>,
    /// In the source with another shape: initialised randomly.
    pub refused: Vec<String>,
    /// In the source, but not in this model.
    pub unused: Vec<String>,
}

impl Restored {
    /// Summarises it in one sentence.
    pub fn sentence(&self) -> Message {
        let listed = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
        let others = [
            listed(&self.new).map(|names| message!("new: {names}", names)),
            listed(&self.refused).map(|names| message!("shape mismatch: {names}", names)),
            listed(&self.unused).map(|names| message!("not used: {names}", names)),
        ];
        let restored = message!(
            "initialised {count} tensors from the previous model",
            count = self.restored.len()
        );
        others
            .into_iter()
            .flatten()
            .fold(restored, |all, part| message!("{all}; {part}", all, part))
    }
}

impl LoadedModel {
    /// Returns the parameters as tensors in the shapes of the model, on `device`.
    pub fn params(&self, device: &Device) -> ParamTensors {
        self.layout.params(&self.groups, device)
    }

    /// Returns the number of trainable parameters.
    pub fn parameters(&self) -> u64 {
        self.layout.len() as u64
    }

    /// Checks that a model has a masked-LM head.
    ///
    /// # Errors
    /// Returns an error if it has none.
    pub fn require_masked_lm(&self) -> Result<()> {
        if self.heads.masked_lm {
            return Ok(());
        }
        let hint = message!("Use a pre-trained model: a fine-tuned model can only predict labels.");
        Err(Error::input(
            "no-masked-lm",
            message!("this model cannot predict masked tokens"),
            hint,
        ))
    }

    /// Reads the weights back to the host, by name.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    pub async fn weights(&self) -> Result<Weights> {
        Ok(weights_of(&self.layout, &read_groups(&self.groups).await?))
    }

    /// Loads the model files of a run directory, ours or Hugging Face's, onto `device`.
    ///
    /// # Errors
    /// Returns an error if a file is missing or damaged, or files contradict each other.
    pub fn from_files(files: &[(String, Vec<u8>)], device: &Device) -> Result<Self> {
        let file = |name: &str| {
            files
                .iter()
                .find(|(file, _)| file == name)
                .map(|(_, bytes)| bytes.clone())
        };
        let (mut config, mut notices) =
            interop::read_config(&file(CONFIG_FILE).ok_or_else(|| missing(CONFIG_FILE))?)?;
        let weights =
            interop::weights_from_bytes(&file(WEIGHTS_FILE).ok_or_else(|| missing(WEIGHTS_FILE))?)?;
        let tokenizer = Tokenizer::from_files(&file)?;
        // The embedding may have more rows than the tokenizer has tokens: padding, or room for new
        // tokens.
        if tokenizer.len() > config.vocab_size {
            return Err(Error::input(
                "vocabulary-contradicts-config",
                message!(
                    "the tokenizer has {count} tokens, but vocab_size in config.json is {vocab_size}",
                    count = tokenizer.len(),
                    vocab_size = config.vocab_size
                ),
                message!("Use the tokenizer files that were saved with the model."),
            ));
        }
        notices.extend(Tokenizer::infers_case(&file).then(inferred_case));
        let sentence_encoder = interop::sentence_encoder(&file)?;
        if config.architecture == Architecture::Bert && config.pooling.is_none() {
            config.pooling = sentence_encoder
                .as_ref()
                .map(|encoder| encoder.pooling.clone().unwrap_or(Pooling::Mean));
        }
        settle_segments(&mut config, &weights);
        let Fit { heads, unused } = interop::check_weights(&config, &weights)?;
        notices.extend((!unused.is_empty()).then(|| left_out(&unused)));
        notices.extend((!config.labels.is_empty() && heads == Heads::default()).then(no_head));
        settle_labels(&mut config, heads);
        let layout = Layout::new(specs(&config, heads));
        let groups = groups_of(&layout, &weights, device).expect("the weights were checked");
        let tokenizer = Rc::new(tokenizer);
        let card = file(CARD_FILE).filter(|bytes| bytes.len() <= MAX_CARD_BYTES);
        let card = card
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(Rc::from);
        let mut trained = Self {
            config,
            heads,
            tokenizer,
            layout,
            groups,
            ensemble: None,
            sentence_encoder,
            notices,
            card,
        };
        trained.read_parts(&file, device)?;
        Ok(trained)
    }
}

/// Maximum size of a model card in bytes; a longer one is dropped.
const MAX_CARD_BYTES: usize = 1 << 20;

/// Arranges named tensors as the groups of a layout on `device`; `None` if one is missing or has
/// another size.
pub fn groups_of(layout: &Layout, weights: &Weights, device: &Device) -> Option<Vec<Tensor<1>>> {
    let group_of = |group: &ParameterGroup| {
        let mut values: Vec<f32> = Vec::with_capacity(group.len());
        for spec in &layout.specs[group.members.clone()] {
            let tensor = weights
                .get(&spec.name)
                .filter(|tensor| tensor.data.len() == spec.len())?;
            values.extend_from_slice(&tensor.data);
        }
        Some(Tensor::from_data(
            TensorData::new(group.padded(values), [group.len()]),
            device,
        ))
    };
    layout.groups.iter().map(group_of).collect()
}

/// Splits the groups of a layout, on the host, into named tensors.
pub fn weights_of(layout: &Layout, groups: &[Vec<f32>]) -> Weights {
    let mut weights = Weights::new();
    for (group, values) in layout.groups.iter().zip(groups) {
        let mut start = 0;
        for spec in &layout.specs[group.members.clone()] {
            let data = values[start..start + spec.len()].to_vec();
            weights.insert(
                spec.name.clone(),
                HostTensor {
                    shape: spec.shape.clone(),
                    data,
                },
            );
            start += spec.len();
        }
    }
    weights
}

/// Returns the initial parameters for `layout`, one vector per group: from `source` where name and
/// shape match, otherwise drawn from `seed`.
pub fn starting_values(layout: &Layout, seed: u64, source: &Weights) -> (Vec<Vec<f32>>, Restored) {
    let mut report = Restored::default();
    let groups = layout.arrays(|spec| {
        match source.get(&spec.name) {
            Some(tensor) if tensor.shape == spec.shape => {
                report.restored.push(spec.name.clone());
                return tensor.data.clone();
            }
            Some(_) => report.refused.push(spec.name.clone()),
            None => report.new.push(spec.name.clone()),
        }
        crate::model::initial_values(spec, seed)
    });
    let known = |name: &String| layout.specs.iter().any(|spec| spec.name == *name);
    report.unused = source.keys().filter(|name| !known(name)).cloned().collect();
    (groups, report)
}

/// A model of our own architectures without a segment embedding has one token type, whatever an
/// earlier version wrote.
fn settle_segments(config: &mut ModelConfig, weights: &Weights) {
    let table = |name: &String| name.ends_with("token_type_embeddings.weight");
    if config.architecture != Architecture::Bert && !weights.keys().any(table) {
        config.type_vocab_size = 1;
    }
}

/// A classifier has labels and a problem type; any other model has neither.
fn settle_labels(config: &mut ModelConfig, heads: Heads) {
    if heads.classifier {
        config
            .problem_type
            .get_or_insert(ProblemType::SingleLabelClassification);
    } else {
        config.labels = Vec::new();
        config.problem_type = None;
    }
}

fn inferred_case() -> Notice {
    let message = message!(
        "vocab.txt has capital letters and no tokenizer_config.json sets do_lower_case, so text is not lower-cased"
    );
    Notice {
        code: "inferred-case",
        message,
    }
}

/// Maximum number of tensors that a notice lists.
const LISTED_TENSORS: usize = 5;

fn left_out(names: &[String]) -> Notice {
    let listed: Vec<&str> = names
        .iter()
        .take(LISTED_TENSORS)
        .map(String::as_str)
        .collect();
    let more = if names.len() > LISTED_TENSORS {
        ", .."
    } else {
        ""
    };
    let (count, listed) = (names.len(), listed.join(", "));
    let message = message!(
        "ignored tensors of unsupported heads: {count} ({names}{more})",
        count,
        names = listed,
        more
    );
    Notice {
        code: "unused-tensors",
        message,
    }
}

fn no_head() -> Notice {
    let message = message!(
        "config.json lists labels, but the weights contain no classifier, so only the encoder is used"
    );
    Notice {
        code: "no-head",
        message,
    }
}

fn missing(name: &str) -> Error {
    Error::input(
        "not-a-model",
        message!(
            "{name} is missing: this is not a model directory, or it is incomplete",
            name
        ),
        message!("Provide all files of a model saved by Clozelab or by Hugging Face transformers."),
    )
}
