//! Unsupported weight formats, detected by file names, and instructions to convert them.
//!
//! Source: `transformers.utils` (`WEIGHTS_NAME` and similar constants), `peft.utils`, Google's BERT
//! releases.

use crate::interop::CONFIG_FILE;
use crate::interop::directory::listing::Directory;
use crate::interop::error::InteropError;
use protocol::{Message, message, phrase};
use serde_json::Value;

/// An unsupported weight format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `pytorch_model.bin`, as one file or in shards.
    PyTorch,
    /// An adapter of the PEFT library, such as LoRA.
    Adapter,
    /// Keras weights from `transformers`.
    Keras,
    /// A TensorFlow checkpoint, as released by Google for BERT.
    TensorFlow,
    /// Flax weights from `transformers`.
    Flax,
    /// Safetensors with another file name.
    OtherName,
    /// A format for inference only; holds its description.
    Exported(&'static str),
    /// A checkpoint of some other PyTorch program.
    State,
}

impl Form {
    /// All formats, the most specific ones first.
    pub const ALL: [Self; 13] = [
        Self::PyTorch,
        Self::Adapter,
        Self::Keras,
        Self::TensorFlow,
        Self::Flax,
        Self::Exported(phrase!("an ONNX model")),
        Self::Exported(phrase!("a GGUF model")),
        Self::Exported(phrase!("a TensorFlow SavedModel")),
        Self::Exported(phrase!("a TensorFlow Lite model")),
        Self::Exported(phrase!("an OpenVINO model")),
        Self::Exported(phrase!("a model for Rust's tch")),
        Self::OtherName,
        Self::State,
    ];

    /// Returns whether a file name, without folders, indicates this format.
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

/// Configuration of an adapter, which names its base model.
const ADAPTER_CONFIG: &str = "adapter_config.json";
/// Stems of training state files that are not weights.
const TRAINING_STATE: [&str; 5] = [
    "training_args",
    "optimizer",
    "scheduler",
    "scaler",
    "rng_state",
];
/// Last step of every conversion.
const TOKENIZER_TOO: &str = phrase!("then copy the tokenizer files there");

/// Returns an error that describes the format and how to convert it. `name` is the file that
/// indicates the format.
pub(crate) fn converted(directory: &Directory<'_>, form: Form, name: &str) -> InteropError {
    let Directory { place, path, .. } = directory;
    let (what, remedy) = match form {
        Form::PyTorch => (phrase!("PyTorch weights"), command(directory, "")),
        Form::Keras => (
            phrase!("TensorFlow weights"),
            command(directory, ", from_tf=True"),
        ),
        Form::Flax => (
            phrase!("Flax weights"),
            command(directory, ", from_flax=True"),
        ),
        Form::TensorFlow => (
            phrase!("a TensorFlow checkpoint"),
            google_command(directory, name),
        ),
        Form::Adapter => (
            phrase!("an adapter (PEFT, such as LoRA) without its base model"),
            adapter_command(directory),
        ),
        Form::OtherName => {
            let remedy = message!(
                "Rename it to model.safetensors if these are the model's weights: {path}/{name}",
                path,
                name
            );
            (phrase!("safetensors under another name"), remedy)
        }
        Form::Exported(what) => (what, Message::phrase(EXPORTED)),
        Form::State => (
            phrase!("a PyTorch checkpoint"),
            state_command(directory, name),
        ),
    };
    let found = message!(
        "{place} contains {what} ({name}), but no model.safetensors",
        place,
        what = Message::phrase(what),
        name
    );
    InteropError::NotAModel { found, remedy }
}

const EXPORTED: &str = phrase!(
    "This format is for inference only; use the directory with model.safetensors that it was exported from."
);

fn command(directory: &Directory<'_>, flags: &str) -> Message {
    let (class, path) = (class_of(directory), directory.path);
    message!(
        "Convert it with Hugging Face transformers: {class}.from_pretrained(\"{path}\"{flags}).save_pretrained(\"OUT\", safe_serialization=True); {then}.",
        class,
        path,
        flags,
        then = Message::phrase(TOKENIZER_TOO)
    )
}

/// Google's checkpoints have both of BERT's pre-training heads.
fn google_command(directory: &Directory<'_>, name: &str) -> Message {
    let path = directory.path;
    let stem = name.split(".data-").next().unwrap_or(name);
    let stem = stem.trim_end_matches(".index").trim_end_matches(".meta");
    message!(
        "Convert it with transformers 4 and TensorFlow: BertForPreTraining.from_pretrained(\"{path}/{stem}.index\", from_tf=True, config=\"{path}/bert_config.json\").save_pretrained(\"OUT\"); then copy vocab.txt there.",
        path,
        stem
    )
}

fn adapter_command(directory: &Directory<'_>) -> Message {
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
    message!(
        "Merge it into its base model with peft: PeftModel.from_pretrained({class}.from_pretrained(\"{base}\"), \"{path}\").merge_and_unload().save_pretrained(\"OUT\"); {then}.",
        class,
        base,
        path,
        then = Message::phrase(TOKENIZER_TOO)
    )
}

fn state_command(directory: &Directory<'_>, name: &str) -> Message {
    let (class, path) = (class_of(directory), directory.path);
    message!(
        "Convert it in Python: model = {class}.from_config(AutoConfig.from_pretrained(\"{path}\")); model.load_state_dict(torch.load(\"{path}/{name}\")); model.save_pretrained(\"OUT\"); {then}.",
        class,
        path,
        name,
        then = Message::phrase(TOKENIZER_TOO)
    )
}

/// Returns the `transformers` class that loads the model with its head.
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

/// Returns whether a name from a file is safe to use in a command.
fn is_plain(name: &str) -> bool {
    name.len() < 200
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}
