//! The `inspect` command: describes the model, tokenizer, run and checkpoints in a directory. Each
//! part is read on its own, so that a damaged part is reported and the others are still shown.

use crate::args::{Common, Inspect};
use crate::inputs;
use crate::run_dir::record::{Record, Status};
use crate::run_dir::store::{RECORD_FILE, shown};
use crate::run_dir::{checkpoints, journal, model_digests};
use crate::terminal::progress::count;
use crate::terminal::{output, progress};
use engine::error::Error;
use engine::interop::{
    CONFIG_FILE, InteropError, WEIGHTS_FILE, check_weights, config_from_json, weights_from_bytes,
};
use engine::model::config::ModelConfig;
use protocol::{Event, Message, message};
use serde::Serialize;
use std::path::Path;

/// Maximum number of labels in the text output.
const LISTED_LABELS: usize = 12;

/// What a directory contains; also the output of `--json`.
#[derive(Debug, Default, Serialize)]
struct Findings {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<ModelConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<WeightsFound>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tokenizer_files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Record>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluation: Option<Event>,
    checkpoints: Vec<CheckpointFound>,
    problems: Vec<String>,
}

#[derive(Debug, Serialize)]
struct WeightsFound {
    tensors: usize,
    parameters: u64,
}

#[derive(Debug, Serialize)]
struct CheckpointFound {
    step: u64,
    whole: bool,
}

/// Runs the `inspect` command.
///
/// # Errors
/// Returns an error if the directory does not exist, holds neither a model nor a run, or has a
/// damaged part.
pub(crate) fn inspect(common: &Common, args: &Inspect) -> Result<(), Error> {
    let refuse = |message: Message, hint: Message| Error::Input {
        code: "bad-directory",
        message,
        hint,
    };
    if !args.model.path().is_dir() {
        let hint = message!("Give a run directory or a Hugging Face model directory.");
        return Err(refuse(
            message!("{dir} is not a directory", dir = shown(args.model.path())),
            hint,
        ));
    }
    let findings = read_findings(args.model.path());
    if findings.is_nothing() {
        let hint = message!("Give a run directory or a Hugging Face model directory.");
        return Err(refuse(
            message!(
                "{dir} contains neither a model nor a run",
                dir = shown(args.model.path())
            ),
            hint,
        ));
    }
    if common.json {
        output::json_line(&findings)?
    } else {
        output::result(&findings.to_text())?
    };
    match findings.problems.first() {
        None => Ok(()),
        Some(problem) => Err(refuse(
            Message::verbatim(problem.as_str()),
            message!("The other parts were shown; recreate the damaged part or copy it again."),
        )),
    }
}

fn read_findings(dir: &Path) -> Findings {
    let mut findings = Findings {
        path: shown(dir),
        ..Findings::default()
    };
    findings.read_model_files(dir);
    let tokenizer_files = [
        "tokenizer.json",
        "vocab.txt",
        "tokenizer_config.json",
        "special_tokens_map.json",
    ];
    findings.tokenizer_files = tokenizer_files
        .iter()
        .filter(|name| dir.join(name).is_file())
        .map(|name| name.to_string())
        .collect();
    if dir.join(RECORD_FILE).exists() {
        findings.run = findings.ok_or_problem(Record::read(dir).map_err(|error| error.to_string()));
        findings
            .ok_or_problem(model_digests::check_on_disk(dir).map_err(|error| error.to_string()));
    }
    let evaluated = |event: &Event| matches!(event, Event::Evaluated { .. });
    findings.last_evaluation = journal::events(dir).into_iter().rfind(evaluated);
    for step in checkpoints::steps(dir) {
        let read = checkpoints::read(dir, step)
            .map_err(|reason| format!("the checkpoint of step {step} is damaged: {reason}"));
        let whole = findings.ok_or_problem(read).is_some();
        findings.checkpoints.push(CheckpointFound { step, whole });
    }
    findings
}

impl Findings {
    fn is_nothing(&self) -> bool {
        self.config.is_none()
            && self.weights.is_none()
            && self.run.is_none()
            && self.problems.is_empty()
            && self.checkpoints.is_empty()
    }

    /// Returns the value, or adds the error to the problems.
    fn ok_or_problem<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn read_model_files(&mut self, dir: &Path) {
        let read = |name: &str| std::fs::read(dir.join(name)).ok();
        let to_message = |error: InteropError| error.to_string();
        self.config = read(CONFIG_FILE)
            .and_then(|bytes| self.ok_or_problem(config_from_json(&bytes).map_err(to_message)));
        let is_run = dir.join(RECORD_FILE).exists();
        let Some(bytes) = read(WEIGHTS_FILE).or_else(|| {
            if is_run {
                None
            } else {
                self.other_weights(dir)
            }
        }) else {
            return;
        };
        let Some(weights) = self.ok_or_problem(weights_from_bytes(&bytes).map_err(to_message))
        else {
            return;
        };
        let agree = self
            .config
            .as_ref()
            .map_or(Ok(()), |config| check_weights(config, &weights).map(drop))
            .map_err(to_message);
        self.ok_or_problem(agree);
        let parameters = weights
            .values()
            .map(|tensor| tensor.data.len() as u64)
            .sum();
        self.weights = Some(WeightsFound {
            tensors: weights.len(),
            parameters,
        });
    }

    /// Reads weights that are sharded over several files. An unsupported format is a problem.
    fn other_weights(&mut self, dir: &Path) -> Option<Vec<u8>> {
        self.config.as_ref()?;
        let files =
            self.ok_or_problem(inputs::read_model(dir).map_err(|error| error.to_string()))?;
        files
            .into_iter()
            .find(|(name, _)| name == WEIGHTS_FILE)
            .map(|(_, bytes)| bytes)
    }

    fn to_text(&self) -> String {
        let mut lines = vec![self.path.clone()];
        lines.extend(self.config.as_ref().map(|config| self.model_line(config)));
        lines.extend(self.config.as_ref().and_then(labels_line));
        if !self.tokenizer_files.is_empty() {
            lines.push(format!("  tokenizer: {}", self.tokenizer_files.join(", ")));
        }
        lines.extend(self.run.as_ref().map(run_line));
        if let Some(Event::Evaluated {
            split,
            metrics,
            step,
            ..
        }) = &self.last_evaluation
        {
            lines.push(format!(
                "  last evaluated on {} at step {step}: {}",
                output::plain(split),
                progress::measured(metrics)
            ));
        }
        if !self.checkpoints.is_empty() {
            let steps = self.checkpoints.iter().map(|found| {
                format!(
                    "step {}{}",
                    found.step,
                    if found.whole { "" } else { " (damaged)" }
                )
            });
            lines.push(format!(
                "  checkpoints: {}",
                steps.collect::<Vec<_>>().join(", ")
            ));
        }
        lines.extend(
            self.problems
                .iter()
                .map(|problem| format!("  problem: {problem}")),
        );
        lines.join("\n") + "\n"
    }

    fn model_line(&self, config: &ModelConfig) -> String {
        let form = config.architecture.backbone().title();
        let head = if config.labels.is_empty() {
            "masked LM"
        } else {
            "classifier"
        };
        let (layers, width, heads) = (
            config.num_hidden_layers,
            config.hidden_size,
            config.num_attention_heads,
        );
        let weights = self
            .weights
            .as_ref()
            .map_or("no weights".to_string(), |found| {
                format!("{} parameters", count(found.parameters as f64))
            });
        let (vocab, positions) = (config.vocab_size, config.max_position_embeddings);
        format!(
            "  model: {form}, {head}, {layers} layers of {width}, {heads} heads, vocabulary {vocab}, up to {positions} tokens, \
             {weights}"
        )
    }
}

fn labels_line(config: &ModelConfig) -> Option<String> {
    let labels = &config.labels;
    let listed: Vec<String> = labels
        .iter()
        .take(LISTED_LABELS)
        .map(|label| output::plain(label))
        .collect();
    let rest = if labels.len() > LISTED_LABELS {
        ", .."
    } else {
        ""
    };
    (!labels.is_empty()).then(|| format!("  {} labels: {}{rest}", labels.len(), listed.join(", ")))
}

fn run_line(run: &Record) -> String {
    let status = match run.status {
        Status::Running => "unfinished; continue with --resume",
        Status::Interrupted => "interrupted; continue with --resume",
        Status::Finished => "finished",
    };
    let inputs: Vec<String> = run
        .inputs
        .iter()
        .map(|input| output::plain(&input.name))
        .collect();
    // With `--from` the model has its own shape, whatever the preset.
    let shape = match &run.from {
        Some(origin) => format!("from {}", output::plain(&origin.path.to_string_lossy())),
        None => format!("preset {}", output::plain(&run.config.preset)),
    };
    format!(
        "  run: {} ({status}), {shape}, seed {}, on {}",
        output::plain(&run.run),
        run.seed,
        inputs.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a scratch folder");
        for name in [CONFIG_FILE, WEIGHTS_FILE] {
            let from = format!(
                "{}/../../tests/golden/model/multi-label/{name}",
                env!("CARGO_MANIFEST_DIR")
            );
            std::fs::copy(from, dir.path().join(name))
                .expect("the golden model is in the repository");
        }
        dir
    }

    #[test]
    fn a_hugging_face_directory_is_described() {
        let findings = read_findings(golden().path());
        assert_eq!(findings.problems, Vec::<String>::new());
        let text = findings.to_text();
        for expected in [
            "BERT, classifier, 2 layers of 64, 8 heads",
            "6 labels: LABEL_0",
            "up to 64 tokens",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_damaged_part_is_reported_and_the_others_are_shown() {
        let dir = golden();
        let weights = std::fs::read(dir.path().join(WEIGHTS_FILE)).expect("there");
        std::fs::write(dir.path().join(WEIGHTS_FILE), &weights[..1000]).expect("writable");
        let findings = read_findings(dir.path());
        assert!(
            findings.config.is_some() && findings.problems.len() == 1,
            "{findings:?}"
        );
        let config = std::fs::read_to_string(dir.path().join(CONFIG_FILE)).expect("there");
        std::fs::write(dir.path().join(WEIGHTS_FILE), weights).expect("writable");
        std::fs::write(
            dir.path().join(CONFIG_FILE),
            config.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
        )
        .expect("writable");
        assert!(read_findings(dir.path()).problems[0].contains("do not match"));
    }

    #[test]
    fn a_directory_without_a_model_or_a_run_is_refused() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        for path in [dir.path().to_path_buf(), dir.path().join("missing")] {
            let error =
                inspect(&Common::default(), &Inspect { model: path.into() }).expect_err("refused");
            assert_eq!(error.code(), "bad-directory");
        }
    }
}
