//! The model card, `README.md` of a run directory: what a model is, what it was trained on, how
//! good it is, how to use it, and what it reveals of its training text. It holds no date, path or
//! device.

use super::RunOutcome;
use super::loaded_model::LoadedModel;
use crate::data::Corpus;
use crate::model::{Architecture, ModelConfig, ProblemType};
use crate::session::run::plan::{Budget, Plan};
use crate::session::run::task::Split;
use protocol::{ClassifierMetrics, FileRole, Metrics, Pooling, RunConfig};
use std::fmt::Write as _;

/// Maximum number of rows in the table of labels.
const MAX_LABELS: usize = 100;
/// Maximum number of characters shown of a label.
const MAX_LABEL_CHARS: usize = 80;

/// The run that trained a model.
pub struct Provenance<'a> {
    /// The corpus it was trained on.
    pub corpus: Option<&'a Corpus>,
    /// The configuration as requested.
    pub config: &'a RunConfig,
    /// The checked plan of the run.
    pub plan: &'a Plan,
    /// How the run ended.
    pub outcome: RunOutcome,
    /// The last metrics of each split.
    pub measured: &'a [(Split, Metrics)],
}

/// Returns the card of `model`; `from` is the run that trained it, if known.
pub fn card(model: &LoadedModel, from: Option<&Provenance<'_>>) -> String {
    let mut out = String::new();
    front_matter(&mut out, &model.config);
    summary(&mut out, model);
    usage(&mut out, &model.config);
    if let Some(from) = from {
        scores(&mut out, from);
        training(&mut out, from);
    }
    if !model.config.labels.is_empty() {
        labels(&mut out, &model.config, from.and_then(figures));
    }
    privacy(&mut out, model);
    out
}

/// Appends a formatted paragraph and a blank line.
macro_rules! paragraph {
    ($out:expr, $($text:tt)*) => {
        writeln!($out, "{}\n", format_args!($($text)*)).expect("memory")
    };
}

fn front_matter(out: &mut String, config: &ModelConfig) {
    let task = if config.labels.is_empty() {
        "fill-mask"
    } else {
        "text-classification"
    };
    paragraph!(
        out,
        "---\nlibrary_name: transformers\npipeline_tag: {task}\ntags:\n- clozelab\n---"
    );
}

fn summary(out: &mut String, model: &LoadedModel) {
    let ModelConfig {
        architecture,
        labels,
        problem_type,
        vocab_size,
        num_hidden_layers,
        hidden_size,
        ..
    } = &model.config;
    let (kind, task) = match (labels.len(), problem_type) {
        (0, _) => ("Masked language model", "It guesses masked words.".into()),
        (n, Some(ProblemType::MultiLabelClassification)) => (
            "Text classifier",
            format!("It assigns any number of {n} labels to a text."),
        ),
        (n, _) => (
            "Text classifier",
            format!("It assigns one of {n} labels to a text."),
        ),
    };
    paragraph!(out, "# {kind}");
    let (title, parameters) = (architecture.backbone().title(), model.parameters());
    let layers = if *num_hidden_layers == 1 {
        "one layer".into()
    } else {
        format!("{num_hidden_layers} layers")
    };
    paragraph!(
        out,
        "Trained with Clozelab {}. {task} Each network is a {title} with {layers} of width {hidden_size}, \
         {parameters} parameters and a vocabulary of {vocab_size} tokens.",
        env!("CARGO_PKG_VERSION")
    );
    if let Some(length) = model.config.trained_len.filter(|_| !labels.is_empty()) {
        paragraph!(
            out,
            "It reads the first {length} tokens of a text; `clozelab predict --long split` reads all of it."
        );
    }
    if let Some(sentence) = model
        .ensemble
        .as_ref()
        .and_then(|ensemble| ensemble.sentence())
    {
        let sentence = sentence.to_string();
        let mut letters = sentence.chars();
        let first = letters
            .next()
            .map(|letter| letter.to_uppercase().to_string())
            .unwrap_or_default();
        paragraph!(out, "{first}{}.", letters.as_str());
    }
}

fn usage(out: &mut String, config: &ModelConfig) {
    paragraph!(out, "## Use");
    let is_bert = config.architecture == Architecture::Bert;
    let code = match (config.labels.is_empty(), is_bert) {
        (true, _) => {
            let trust = if is_bert { "" } else { ", trust_remote_code=True" };
            format!(
                "from transformers import pipeline\n\nfill = pipeline(\"fill-mask\", model=\".\"{trust})\n\
                 fill(\"a text with a [MASK] in it\")"
            )
        }
        (false, true) => "from transformers import AutoModelForSequenceClassification\n\n\
             model = AutoModelForSequenceClassification.from_pretrained(\".\", trust_remote_code=True)\n\
             model.predict([\"a text\", \"another text\"])"
            .into(),
        (false, false) => "from transformers import pipeline\n\n\
             classify = pipeline(\"text-classification\", model=\".\", trust_remote_code=True)\n\
             classify(\"a text\", top_k=3)"
            .into(),
    };
    paragraph!(out, "```python\n{code}\n```");
    if !config.labels.is_empty() && is_bert {
        let sentence = match config.pooling {
            None | Some(Pooling::Cls) => {
                "Without `trust_remote_code`, transformers loads the first network alone, as \
                 `BertForSequenceClassification`; `pipeline` uses that in any case."
            }
            Some(_) => {
                "It needs `trust_remote_code`: `BertForSequenceClassification` pools in another way."
            }
        };
        paragraph!(out, "{sentence}");
    }
    let command = if config.labels.is_empty() {
        "clozelab fill-mask --model . \"a text with a [MASK] in it\""
    } else {
        "clozelab predict --model . --data table.csv --out labelled.csv"
    };
    paragraph!(
        out,
        "On the command line: `{command}`. The page of Clozelab opens the directory, too."
    );
}

fn scores(out: &mut String, from: &Provenance<'_>) {
    // The last metrics of a stopped run may belong to other weights than the final ones.
    if from.measured.is_empty() || from.outcome.stopped {
        return;
    }
    paragraph!(out, "## Scores");
    let is_classifier = from
        .measured
        .iter()
        .any(|(_, metrics)| matches!(metrics, Metrics::Classifier(_)));
    let head = if is_classifier {
        "| documents | number | micro F1 (95 %) | macro F1 (95 %) | calibration error |\n|---|---|---|---|---|"
    } else {
        "| text | masked tokens | loss, nats | masked accuracy |\n|---|---|---|---|"
    };
    let rows: Vec<String> = from
        .measured
        .iter()
        .map(|(split, metrics)| score_row(*split, metrics))
        .collect();
    paragraph!(out, "{head}\n{}", rows.join("\n"));
}

fn score_row(split: Split, metrics: &Metrics) -> String {
    let name = split_name(split);
    match metrics {
        Metrics::MaskedLm(metrics) => format!(
            "| {name} | {} | {:.3} | {:.1} % |",
            metrics.n,
            metrics.masked_lm_loss,
            100.0 * metrics.masked_accuracy
        ),
        Metrics::Classifier(metrics) => {
            let within = |score: f64, interval: Option<[f64; 2]>| match interval {
                Some([low, high]) => format!("{score:.3} ({low:.3} to {high:.3})"),
                None => format!("{score:.3}"),
            };
            let interval = metrics.interval.as_ref();
            let error = metrics
                .expected_calibration_error
                .map_or_else(|| "-".into(), |error| format!("{error:.3}"));
            format!(
                "| {name} | {} | {} | {} | {error} |",
                metrics.n,
                within(metrics.micro_f1, interval.map(|interval| interval.micro_f1)),
                within(metrics.macro_f1, interval.map(|interval| interval.macro_f1)),
            )
        }
    }
}

fn training(out: &mut String, from: &Provenance<'_>) {
    paragraph!(out, "## Training");
    if let Some(corpus) = from.corpus {
        let documents = |role| corpus.documents(role);
        let labelled = |role| corpus.labelled_documents(role);
        let [train, valid, test] = [FileRole::Train, FileRole::Valid, FileRole::Test];
        paragraph!(
            out,
            "| documents | all | labelled |\n|---|---|---|\n| training | {} | {} |\n| validation | {} | {} |\n| test | {} | {} |",
            documents(train),
            labelled(train),
            documents(valid),
            labelled(valid),
            documents(test),
            labelled(test)
        );
    }
    match (from.config.limit, from.config.label_fraction) {
        (Some(limit), _) => paragraph!(out, "Of these, at most the first {limit} were trained on."),
        (None, Some(share)) => paragraph!(
            out,
            "Of the labelled ones, {:.1} % were trained on.",
            100.0 * share
        ),
        (None, None) => {}
    }
    let Plan {
        seed,
        batch_size,
        max_len,
        networks,
        schedule,
        ..
    } = from.plan;
    let RunOutcome { step, stopped, .. } = from.outcome;
    let length = match step {
        0 => "No step: only the output layer was fitted".into(),
        1 => "1 step".into(),
        steps => format!("{steps} steps"),
    };
    let planned = match from.plan.budget {
        Budget::Steps(_) if stopped => format!(" of {} planned ones", from.plan.steps()),
        Budget::Seconds(_) if stopped => " of a longer plan".into(),
        _ => String::new(),
    };
    let all = if *networks > 1 {
        format!(", for {networks} networks together")
    } else {
        String::new()
    };
    paragraph!(
        out,
        "{length}{planned}{all}, in batches of {batch_size} examples of {max_len} tokens, at a learning rate of up to {:.5}, \
         with seed {seed}. `run.json` has all settings.",
        schedule.peak
    );
}

fn labels(out: &mut String, config: &ModelConfig, measured: Option<(Split, &ClassifierMetrics)>) {
    paragraph!(out, "## Labels");
    let is_multi = config.problem_type == Some(ProblemType::MultiLabelClassification);
    let threshold = |label: usize| {
        let scale = config
            .threshold_scales
            .as_ref()
            .and_then(|scales| scales.get(label))
            .copied()
            .unwrap_or(1.0);
        config.threshold.map_or_else(
            || "-".into(),
            |threshold| format!("{:.3}", threshold * scale),
        )
    };
    let mut columns = vec!["label".to_string()];
    columns.extend(is_multi.then(|| "threshold".into()));
    if let Some((split, _)) = measured {
        columns.extend([format!("F1, {}", split_name(split)), "documents".into()]);
    }
    let row = |(index, label): (usize, &String)| {
        let mut cells = vec![escaped(label)];
        cells.extend(is_multi.then(|| threshold(index)));
        if let Some((_, metrics)) = measured {
            let found = metrics
                .per_label
                .iter()
                .find(|metrics| metrics.label == *label);
            cells.push(found.map_or_else(|| "-".into(), |metrics| format!("{:.3}", metrics.f1)));
            cells.push(found.map_or_else(|| "-".into(), |metrics| metrics.support.to_string()));
        }
        format!("| {} |", cells.join(" | "))
    };
    let rows: Vec<String> = config
        .labels
        .iter()
        .enumerate()
        .take(MAX_LABELS)
        .map(row)
        .collect();
    let rule = "---|".repeat(columns.len());
    paragraph!(
        out,
        "| {} |\n|{rule}\n{}",
        columns.join(" | "),
        rows.join("\n")
    );
    if config.labels.len() > MAX_LABELS {
        paragraph!(
            out,
            "And {} more, in `config.json`.",
            config.labels.len() - MAX_LABELS
        );
    }
}

fn privacy(out: &mut String, model: &LoadedModel) {
    paragraph!(out, "## What these files reveal of the training text");
    let linear = model
        .ensemble
        .as_ref()
        .is_some_and(|ensemble| ensemble.linear.is_some());
    let mut facts: Vec<String> = Vec::new();
    facts.push(
        "`vocab.txt` lists words and parts of words of the text that it was learned from: those that occur twice or more, \
         unless `--min-count` said otherwise."
            .into(),
    );
    if !model.config.labels.is_empty() {
        facts.push("`config.json` holds the names of the labels and of the columns.".into());
    }
    if linear {
        facts.push(
            "`parts/linear.safetensors` holds hashes of words, word pairs and short runs of characters: anyone can test \
             whether a given word occurred, and all short runs can be enumerated."
                .into(),
        );
    }
    facts.push(
        "`run.json` and `metrics.jsonl` hold names and SHA-256 of the input files; they need not be passed on.".into(),
    );
    facts.push(
        "No line of the text is stored. A model can still reproduce what it read often.".into(),
    );
    let facts: Vec<String> = facts.into_iter().map(|fact| format!("- {fact}")).collect();
    writeln!(out, "{}", facts.join("\n")).expect("memory");
}

/// Returns the metrics per label: on the test set, otherwise on the validation set.
fn figures<'a>(from: &'a Provenance<'_>) -> Option<(Split, &'a ClassifierMetrics)> {
    let of = |wanted: Split| {
        from.measured
            .iter()
            .find_map(|(split, metrics)| match metrics {
                Metrics::Classifier(metrics) if *split == wanted => Some((wanted, metrics)),
                _ => None,
            })
    };
    if from.outcome.stopped {
        None
    } else {
        of(Split::Test).or_else(|| of(Split::Valid))
    }
}

fn split_name(split: Split) -> &'static str {
    match split {
        Split::Valid => "validation",
        Split::Test => "test",
    }
}

/// Escapes a label for a Markdown table: one line, without markup.
fn escaped(label: &str) -> String {
    let mut out = String::new();
    for c in label.chars().take(MAX_LABEL_CHARS) {
        match c {
            c if c.is_control() => out.push(' '),
            c if c.is_ascii_punctuation() => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    if label.chars().count() > MAX_LABEL_CHARS {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(
            escaped("<b>|`x`\n[a](b)"),
            "\\<b\\>\\|\\`x\\` \\[a\\]\\(b\\)"
        );
        assert_eq!(
            escaped(&"x".repeat(100)).chars().count(),
            MAX_LABEL_CHARS + 1
        );
    }
}
