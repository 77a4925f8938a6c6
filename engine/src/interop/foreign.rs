//! Forms of weights that are not read here, by the names of their files, and the way that converts each of them.
//!
//! Source of the names: `transformers.utils` (`WEIGHTS_NAME` and its kin), `peft.utils`, Google's BERT releases.

use super::CONFIG_FILE;
use super::directory::Directory;
use super::error::InteropError;
use serde_json::Value;

/// A form of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `pytorch_model.bin`, whole or in shards.
    PyTorch,
    /// An adapter of the library PEFT, such as LoRA.
    Adapter,
    /// Keras weights of `transformers`.
    Keras,
    /// A checkpoint of TensorFlow, as Google released BERT.
    TensorFlow,
    /// Flax weights of `transformers`.
    Flax,
    /// Safetensors under another name.
    OtherName,
    /// Made for inference alone.
    Exported(&'static str),
    /// A checkpoint of some program on top of PyTorch.
    State,
}

impl Form {
    /// All of them, that of which most is known first.
    pub const ALL: [Self; 13] = [
        Self::PyTorch,
        Self::Adapter,
        Self::Keras,
        Self::TensorFlow,
        Self::Flax,
        Self::Exported("an ONNX model"),
        Self::Exported("a GGUF model"),
        Self::Exported("a TensorFlow SavedModel"),
        Self::Exported("a TensorFlow Lite model"),
        Self::Exported("an OpenVINO model"),
        Self::Exported("a model for Rust's tch"),
        Self::OtherName,
        Self::State,
    ];

    /// Whether a file of this name, without folders, tells of this form.
    pub fn is_of(self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let ends = |ending: &str| name.ends_with(ending);
        match self {
            Self::PyTorch => {
                name.starts_with("pytorch_model") && (ends(".bin") || ends(".bin.index.json"))
            }
            Self::Adapter => {
                name == ADAPTER_CONFIG || (name.starts_with("adapter_model.") && !ends(".json"))
            }
            Self::Keras => ends(".h5") || ends(".keras"),
            Self::TensorFlow => {
                name.contains(".ckpt")
                    && (ends(".index") || ends(".meta") || name.contains(".data-"))
            }
            Self::Flax => ends(".msgpack"),
            Self::Exported("an ONNX model") => ends(".onnx"),
            Self::Exported("a GGUF model") => ends(".gguf"),
            Self::Exported("a TensorFlow SavedModel") => name == "saved_model.pb",
            Self::Exported("a TensorFlow Lite model") => ends(".tflite"),
            Self::Exported("an OpenVINO model") => name.starts_with("openvino_model"),
            Self::Exported(_) => ends(".ot"),
            Self::OtherName => ends(".safetensors"),
            Self::State => {
                let is_state = [".bin", ".pt", ".pth", ".ckpt"]
                    .iter()
                    .any(|ending| ends(ending));
                is_state && !TRAINING_STATE.iter().any(|stem| name.starts_with(stem))
            }
        }
    }
}

/// The file that names an adapter's base.
const ADAPTER_CONFIG: &str = "adapter_config.json";
/// Files of a training run that are no weights.
const TRAINING_STATE: [&str; 5] = [
    "training_args",
    "optimizer",
    "scheduler",
    "scaler",
    "rng_state",
];
/// What follows every command that writes a directory.
const TOKENIZER_TOO: &str = "then copy the tokenizer files there";

/// That the weights have another form, and how they are converted. `name` is the file that tells it.
pub(super) fn converted(directory: &Directory<'_>, form: Form, name: &str) -> InteropError {
    let Directory { place, path, .. } = directory;
    let (what, remedy) = match form {
        Form::PyTorch => ("PyTorch weights", command(directory, "")),
        Form::Keras => ("TensorFlow weights", command(directory, ", from_tf=True")),
        Form::Flax => ("Flax weights", command(directory, ", from_flax=True")),
        Form::TensorFlow => ("a TensorFlow checkpoint", google_command(directory, name)),
        Form::Adapter => (
            "an adapter (PEFT, such as LoRA) without its base model",
            adapter_command(directory),
        ),
        Form::OtherName => {
            let remedy = format!(
                "Rename it to model.safetensors if these are the model's weights: {path}/{name}"
            );
            ("safetensors under another name", remedy)
        }
        Form::Exported(what) => (what, EXPORTED.into()),
        Form::State => ("a checkpoint of PyTorch", state_command(directory, name)),
    };
    let found = format!("{place} holds {what} ({name}), but no model.safetensors");
    InteropError::NotAModel { found, remedy }
}

const EXPORTED: &str = "Such a file serves inference alone: give the directory with model.safetensors that it was exported from.";

fn command(directory: &Directory<'_>, flags: &str) -> String {
    let (class, path) = (class_of(directory), directory.path);
    format!(
        "Convert it with Hugging Face transformers: \
         {class}.from_pretrained(\"{path}\"{flags}).save_pretrained(\"OUT\", safe_serialization=True); {TOKENIZER_TOO}."
    )
}

/// A checkpoint of Google's has both heads of BERT.
fn google_command(directory: &Directory<'_>, name: &str) -> String {
    let path = directory.path;
    let stem = name.split(".data-").next().unwrap_or(name);
    let stem = stem.trim_end_matches(".index").trim_end_matches(".meta");
    format!(
        "Convert it with transformers 4 and TensorFlow: BertForPreTraining.from_pretrained(\"{path}/{stem}.index\", \
         from_tf=True, config=\"{path}/bert_config.json\").save_pretrained(\"OUT\"); then copy vocab.txt there."
    )
}

fn adapter_command(directory: &Directory<'_>) -> String {
    let config = directory.json(ADAPTER_CONFIG);
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    let base = text("base_model_name_or_path")
        .filter(|base| is_plain(base))
        .unwrap_or("BASE");
    let class = match text("task_type") {
        Some("SEQ_CLS") => "AutoModelForSequenceClassification".into(),
        Some("TOKEN_CLS") => "AutoModelForTokenClassification".into(),
        _ => class_of(directory),
    };
    let path = directory.path;
    format!(
        "Merge it into its base with peft: PeftModel.from_pretrained({class}.from_pretrained(\"{base}\"), \"{path}\")\
         .merge_and_unload().save_pretrained(\"OUT\"); {TOKENIZER_TOO}."
    )
}

fn state_command(directory: &Directory<'_>, name: &str) -> String {
    let (class, path) = (class_of(directory), directory.path);
    format!(
        "Load it into its model in Python: model = {class}.from_config(AutoConfig.from_pretrained(\"{path}\")); \
         model.load_state_dict(torch.load(\"{path}/{name}\")); model.save_pretrained(\"OUT\"); {TOKENIZER_TOO}."
    )
}

/// The class of `transformers` that loads the model with its head.
fn class_of(directory: &Directory<'_>) -> String {
    let config = directory.json(CONFIG_FILE);
    let class = config
        .get("architectures")
        .and_then(|classes| classes.get(0)?.as_str())
        .unwrap_or_default();
    let heads = [
        "MaskedLM",
        "PreTraining",
        "SequenceClassification",
        "TokenClassification",
        "QuestionAnswering",
    ];
    let head = heads
        .iter()
        .find(|head| class.ends_with(&format!("For{head}")));
    head.map_or_else(|| "AutoModel".into(), |head| format!("AutoModelFor{head}"))
}

/// Whether a name from a file can stand in a command.
fn is_plain(name: &str) -> bool {
    name.len() < 200
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}
