//! A model as it is kept between runs: its shape, its words and its values on the device; and as files.

use crate::data::Tokenizer;
use crate::error::{Error, Result};
use crate::interop::{
    self, CARD_FILE, CONFIG_FILE, Fit, HostTensor, Notice, SentenceEncoder, WEIGHTS_FILE, Weights,
};
use crate::model::{
    Architecture, Heads, Layout, ModelConfig, ParamTensors, ParameterGroup, ProblemType, specs,
};
use crate::session::card::card;
use crate::session::host::ModelFiles;
use crate::session::parts::Ensemble;
use crate::session::read::read_groups;
use burn::tensor::{Device, Tensor, TensorData};
use protocol::Pooling;
use std::rc::Rc;

/// A model that can be asked, exported and trained further.
#[derive(Clone)]
pub struct LoadedModel {
    /// The shape.
    pub config: ModelConfig,
    /// Which heads it carries.
    pub heads: Heads,
    /// The words.
    pub tokenizer: Rc<Tokenizer>,
    /// Where each parameter lies.
    pub layout: Layout,
    /// Values, one flat array per group of the layout.
    pub groups: Vec<Tensor<1>>,
    /// Further parts of a classifier, where it has any.
    pub ensemble: Option<Rc<Ensemble>>,
    /// What its directory said besides, where sentence-transformers saved it.
    pub sentence_encoder: Option<SentenceEncoder>,
    /// What a person should know of its files.
    pub notices: Vec<Notice>,
    /// Its model card, where a run has written one.
    pub card: Option<Rc<str>>,
}

/// What became of each tensor of a model that another one started from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Taken, by name and shape.
    pub restored: Vec<String>,
    /// Not in the source: drawn afresh.
    pub new: Vec<String>,
    /// In the source under this name, but of another shape: drawn afresh.
    pub refused: Vec<String>,
    /// In the source, without a place here.
    pub unused: Vec<String>,
}

impl Restored {
    /// In one sentence.
    pub fn sentence(&self) -> String {
        let listed = |names: &[String]| (!names.is_empty()).then(|| names.join(", "));
        let others = [
            listed(&self.new).map(|names| format!("new: {names}")),
            listed(&self.refused).map(|names| format!("refused for their shape: {names}")),
            listed(&self.unused).map(|names| format!("not used: {names}")),
        ];
        let restored = format!(
            "the values of the model before were taken over ({} tensors)",
            self.restored.len()
        );
        others
            .into_iter()
            .flatten()
            .fold(restored, |all, part| format!("{all}; {part}"))
    }
}

impl LoadedModel {
    /// The parameters as plain tensors.
    pub fn params(&self, device: &Device) -> ParamTensors {
        self.layout.params(&self.groups, device)
    }

    /// The number of trainable values.
    pub fn parameters(&self) -> u64 {
        self.layout.len() as u64
    }

    /// The values on the host, by name.
    ///
    /// # Errors
    /// When the device no longer answers.
    pub async fn weights(&self) -> Result<Weights> {
        Ok(weights_of(&self.layout, &read_groups(&self.groups).await?))
    }

    /// A run directory's model files.
    ///
    /// # Errors
    /// When the device no longer answers.
    pub async fn to_files(&self) -> Result<ModelFiles> {
        let weights = self.weights().await?;
        let mut files = self.tokenizer.to_files(self.config.max_position_embeddings);
        files.push((
            CONFIG_FILE.into(),
            interop::config_to_json(&self.config_alone()),
        ));
        files.extend(interop::python_files(&self.config));
        let card = self
            .card
            .as_deref()
            .map_or_else(|| card(self, None), String::from);
        files.push((CARD_FILE.into(), card.into_bytes()));
        files.extend(self.part_files().await?);
        files.push((WEIGHTS_FILE.into(), interop::weights_to_bytes(&weights)));
        Ok(files)
    }

    /// The shape with the thresholds of the first network: programs that know no other part take those.
    fn config_alone(&self) -> ModelConfig {
        match &self.ensemble {
            None => self.config.clone(),
            Some(ensemble) => {
                let (threshold, thresholds) = ensemble.alone.clone();
                ModelConfig {
                    threshold,
                    threshold_scales: None,
                    thresholds,
                    ..self.config.clone()
                }
            }
        }
    }

    /// Reads a run directory's model files, ours or Hugging Face's, onto `device`.
    ///
    /// # Errors
    /// When a file is missing or damaged, or files contradict each other.
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
        // A table may have more rows: they pad it, or are kept for tokens to come.
        if tokenizer.len() > config.vocab_size {
            return Err(Error::input(
                "vocabulary-contradicts-config",
                format!(
                    "the tokenizer has {} tokens, config.json says {}",
                    tokenizer.len(),
                    config.vocab_size
                ),
                "Use the tokenizer files that were saved with the model.",
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

/// Bytes of a model card at most; a longer one is not carried along.
const MAX_CARD_BYTES: usize = 1 << 20;

/// Named tensors as a layout's groups on `device`; `None` where one is missing or has another size.
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

/// Host values of a layout's groups as named tensors.
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

/// RunSetup values for `layout`: from `source` where name and shape agree, else drawn from `seed`.
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

/// A model of our own forms without a segment table has one segment, whatever an earlier version wrote.
fn settle_segments(config: &mut ModelConfig, weights: &Weights) {
    let table = |name: &String| name.ends_with("token_type_embeddings.weight");
    if config.architecture != Architecture::Bert && !weights.keys().any(table) {
        config.type_vocab_size = 1;
    }
}

/// A classifier has labels and a task; any other model has neither.
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
    let message = "vocab.txt has capitals and no tokenizer_config.json says do_lower_case: upper case is kept";
    Notice {
        code: "inferred-case",
        message: message.into(),
    }
}

/// Tensors that a notice lists.
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
    let message = format!(
        "{count} tensors belong to no head that is known here and are not used: {listed}{more}"
    );
    Notice {
        code: "unused-tensors",
        message,
    }
}

fn no_head() -> Notice {
    let message =
        "config.json names labels, but the weights hold no classifier: only the encoder is used";
    Notice {
        code: "no-head",
        message: message.into(),
    }
}

fn missing(name: &str) -> Error {
    Error::input(
        "not-a-model",
        format!("there is no {name}: this is not a model directory, or not a whole one"),
        "Give all files of a model that was saved here, or by Hugging Face transformers.",
    )
}
