//! The model card, `README.md` of a run directory: what a model is, what it learned from, how good it is, how to use it
//! and what it reveals of its text. It holds no date, path or device: equal runs write equal cards.

use super::plan::{Budget, Plan};
use super::task::Split;
use super::trained::Trained;
use crate::data::Corpus;
use crate::model::{Architecture, ModelConfig, ProblemType};
use protocol::{ClassifierMetrics, FileRole, LabelMetrics, Metrics, RunConfig};
use std::fmt::Write as _;

/// Rows of the table of labels at most.
const MAX_LABELS: usize = 100;
/// Characters of a label that are shown.
const MAX_LABEL_CHARS: usize = 80;

/// What a run knows of the model that it leaves.
pub struct Provenance<'a> {
    /// What it read.
    pub corpus: Option<&'a Corpus>,
    /// What was asked for.
    pub config: &'a RunConfig,
    /// What it did.
    pub plan: &'a Plan,
    /// The last figures of each split.
    pub measured: &'a [(Split, Metrics)],
}

/// The card of `model`; `from` is the run that made it, where that is known.
pub fn card(model: &Trained, from: Option<&Provenance<'_>>) -> String {
    let mut out = String::new();
    front_matter(&mut out, &model.config);
    summary(&mut out, model);
    usage(&mut out, &model.config);
    if let Some(from) = from {
        scores(&mut out, from);
        training(&mut out, from);
    }
    if !model.config.labels.is_empty() {
        let test = from.and_then(|from| figures(from, Split::Test).or_else(|| figures(from, Split::Valid)));
        labels(&mut out, &model.config, test.map_or(&[], |metrics| metrics.per_label.as_slice()));
    }
    privacy(&mut out, model);
    out
}

/// Appends a formatted paragraph and an empty line.
macro_rules! paragraph {
    ($out:expr, $($text:tt)*) => {
        writeln!($out, "{}\n", format_args!($($text)*)).expect("memory")
    };
}

fn front_matter(out: &mut String, config: &ModelConfig) {
    let task = if config.labels.is_empty() { "fill-mask" } else { "text-classification" };
    paragraph!(out, "---\nlibrary_name: transformers\npipeline_tag: {task}\ntags:\n- clozelab\n---");
}

fn summary(out: &mut String, model: &Trained) {
    let ModelConfig { architecture, labels, problem_type, vocab_size, num_hidden_layers, hidden_size, .. } =
        &model.config;
    let (kind, task) = match (labels.len(), problem_type) {
        (0, _) => ("Masked language model", "It guesses masked words.".into()),
        (n, Some(ProblemType::MultiLabelClassification)) => {
            ("Text classifier", format!("It gives a text any of {n} labels."))
        }
        (n, _) => ("Text classifier", format!("It gives a text one of {n} labels.")),
    };
    paragraph!(out, "# {kind}");
    let (title, parameters) = (architecture.backbone().title(), model.parameters());
    let layers = if *num_hidden_layers == 1 { "one layer".into() } else { format!("{num_hidden_layers} layers") };
    paragraph!(
        out,
        "Trained with Clozelab {}. {task} Its network is a {title} with {layers} of width {hidden_size}, \
         {parameters} parameters and a vocabulary of {vocab_size} tokens.",
        env!("CARGO_PKG_VERSION")
    );
    if let Some(sentence) = model.ensemble.as_ref().and_then(|ensemble| ensemble.sentence()) {
        let mut letters = sentence.chars();
        let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
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
        paragraph!(
            out,
            "Without `trust_remote_code`, transformers loads the first network alone, as `BertForSequenceClassification`."
        );
    }
    let command = if config.labels.is_empty() {
        "clozelab fill-mask --model . \"a text with a [MASK] in it\""
    } else {
        "clozelab predict --model . --data table.csv --out labelled.csv"
    };
    paragraph!(out, "On the command line: `{command}`. The page of Clozelab opens the directory, too.");
}

fn scores(out: &mut String, from: &Provenance<'_>) {
    if from.measured.is_empty() {
        return;
    }
    paragraph!(out, "## Scores");
    let is_classifier = from.measured.iter().any(|(_, metrics)| matches!(metrics, Metrics::Classifier(_)));
    let head = if is_classifier {
        "| documents | number | micro F1 (95 %) | macro F1 (95 %) | calibration error |\n|---|---|---|---|---|"
    } else {
        "| text | masked tokens | loss, nats | found at the first guess |\n|---|---|---|---|"
    };
    let rows: Vec<String> = from.measured.iter().map(|(split, metrics)| score_row(*split, metrics)).collect();
    paragraph!(out, "{head}\n{}", rows.join("\n"));
}

fn score_row(split: Split, metrics: &Metrics) -> String {
    let name = match split {
        Split::Valid => "validation",
        Split::Test => "test",
    };
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
            let error = metrics.expected_calibration_error.map_or_else(|| "-".into(), |error| format!("{error:.3}"));
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
        (None, Some(share)) => paragraph!(out, "Of the labelled ones, {:.1} % were trained on.", 100.0 * share),
        (None, None) => {}
    }
    let Plan { seed, batch_size, max_len, networks, budget, schedule, .. } = from.plan;
    let length = match budget {
        Budget::Steps(0) => "no step: only the output layer was fitted".into(),
        Budget::Steps(steps) => format!("{steps} steps"),
        Budget::Seconds(seconds) => format!("{seconds} seconds"),
    };
    let each = if *networks > 1 { format!(" for each of {networks} networks") } else { String::new() };
    paragraph!(
        out,
        "Length: {length}{each}, in batches of {batch_size} examples of {max_len} tokens, at a learning rate of up to {}, \
         with seed {seed}. `run.json` has all settings.",
        schedule.peak
    );
}

fn labels(out: &mut String, config: &ModelConfig, per_label: &[LabelMetrics]) {
    paragraph!(out, "## Labels");
    let is_multi = config.problem_type == Some(ProblemType::MultiLabelClassification);
    let threshold = |label: usize| {
        let scale = config.threshold_scales.as_ref().and_then(|scales| scales.get(label)).copied().unwrap_or(1.0);
        config.threshold.map_or_else(|| "-".into(), |threshold| format!("{:.3}", threshold * scale))
    };
    let (head, rule) = if is_multi { (" counts from |", "---|") } else { ("", "") };
    let row = |(index, label): (usize, &String)| {
        let counts = if is_multi { format!(" {} |", threshold(index)) } else { String::new() };
        let found = per_label.iter().find(|metrics| metrics.label == *label);
        let (f1, support) = found
            .map_or(("-".into(), "-".into()), |metrics| (format!("{:.3}", metrics.f1), metrics.support.to_string()));
        format!("| {} |{counts} {f1} | {support} |", escaped(label))
    };
    let rows: Vec<String> = config.labels.iter().enumerate().take(MAX_LABELS).map(row).collect();
    paragraph!(out, "| label |{head} F1 | documents |\n|---|{rule}---|---|\n{}", rows.join("\n"));
    if config.labels.len() > MAX_LABELS {
        paragraph!(out, "And {} more, in `config.json`.", config.labels.len() - MAX_LABELS);
    }
}

fn privacy(out: &mut String, model: &Trained) {
    paragraph!(out, "## What this model reveals of its training text");
    let linear = model.ensemble.as_ref().is_some_and(|ensemble| ensemble.linear.is_some());
    let mut facts = vec!["`vocab.txt` lists words and parts of words of the training text, rare ones included."];
    if !model.config.labels.is_empty() {
        facts.push("The names of the labels stand in `config.json`.");
    }
    if linear {
        facts.push("`parts/linear.safetensors` holds hashes of words and word pairs; whoever guesses one can test it.");
    }
    facts.push(
        "No line of the text is stored. A model can still show what it has learned from a text that it saw often.",
    );
    let facts: Vec<String> = facts.into_iter().map(|fact| format!("- {fact}")).collect();
    writeln!(out, "{}", facts.join("\n")).expect("memory");
}

fn figures<'a>(from: &'a Provenance<'_>, wanted: Split) -> Option<&'a ClassifierMetrics> {
    from.measured.iter().find_map(|(split, metrics)| match metrics {
        Metrics::Classifier(metrics) if *split == wanted => Some(metrics),
        _ => None,
    })
}

/// A label in a table of Markdown: on one line, and nothing of it is markup.
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
    fn labels_are_no_markup() {
        assert_eq!(escaped("<b>|`x`\n[a](b)"), "\\<b\\>\\|\\`x\\` \\[a\\]\\(b\\)");
        assert_eq!(escaped(&"x".repeat(100)).chars().count(), MAX_LABEL_CHARS + 1);
    }
}
