//! Commands that query a model: `evaluate`, `fill-mask`, `explain`, `neighbours` and `attention`.
//! Results are JSON on stdout; messages for users go to stderr.

use crate::args::{Attention, Common, Evaluate, Explain, FillMask, Neighbours};
use crate::commands::run::files_of;
use crate::host::NativeHost;
use crate::inputs;
use crate::run_dir::record::Record;
use crate::terminal::output;
use crate::text_refusals::naming;
use data::{Opened, ReadOptions};
use engine::error::Error;
use engine::interop::{CONFIG_FILE, config_from_json};
use engine::model::ProblemType;
use engine::model::config::ModelConfig;
use engine::session::{DecisionRule, ModelFiles, Session};
use futures_lite::future::block_on;
use protocol::{
    Candidate, FileRole, MaskPrediction, Message, RunConfig, Setting, WordEvidence, message,
};
use serde::Serialize;

/// Run name in the events of a query, which has no run of its own.
const RUN: &str = "evaluate";

#[derive(Serialize)]
struct Explanation<'a> {
    label: &'a str,
    score: f64,
    words: Vec<ExplainedWord>,
    more: u64,
}

#[derive(Serialize)]
struct ExplainedWord {
    word: String,
    #[serde(flatten)]
    evidence: WordEvidence,
}

#[derive(Serialize)]
struct Neighbourhood<'a> {
    word: &'a str,
    neighbours: Vec<Candidate>,
}

#[derive(Serialize)]
struct MaskedPositions {
    masks: Vec<MaskPrediction>,
}

#[derive(Serialize)]
struct Attentions {
    tokens: Vec<String>,
    layers: Vec<Vec<Vec<Vec<f32>>>>,
}

/// Runs the `evaluate` command.
///
/// # Errors
/// Returns an error if the model, the data or the threshold cannot be used.
pub(crate) fn evaluate(common: &Common, args: &Evaluate) -> Result<(), Error> {
    let model = inputs::read_model(&args.model)?;
    let rule = match &args.threshold {
        _ if args.seed_metrics => DecisionRule::Seed,
        None => DecisionRule::Tuned,
        Some(given) => threshold(given, &model)?,
    };
    // A classifier is evaluated on labelled test documents, a language model on held-out text as
    // during training.
    let is_classifier = !config_of(&model)?.labels.is_empty();
    let (role, split) = if is_classifier {
        (FileRole::Test, "test")
    } else {
        (FileRole::Valid, "valid")
    };
    let files = files_of(inputs::read(&args.data, Some(role))?);
    // Show the corpus summary unless --quiet: documents that were dropped are not evaluated.
    let mut session = session(common, model, common.quiet)?;
    let mut options = ReadOptions {
        reads_folder_classes: true,
        ..args.table.read_options()?
    };
    match Record::read(&args.model) {
        Ok(record) => read_labels_as(&record.config, args, &mut options),
        // The settings of a newer version cannot be read, so the labels might not match.
        Err(error) if error.code() == "newer-version" && !args.table.renames_labels() => {
            return Err(error);
        }
        Err(_) => {}
    }
    let options = session.reading_as_trained(options);
    let mut config = RunConfig::default();
    common.settings.apply(&mut config)?;
    let metrics = session
        .set_corpus(&Opened::new(&files), &options)
        .and_then(|()| block_on(session.evaluate(RUN, split, rule, config.seed)))
        .map_err(|error| naming(error, &files))?;
    output::json_line(&metrics).map(drop)
}

/// Sets the options for labels that were not given to those of the training run. A table without its
/// label columns, or a file of lines, is read as any other.
fn read_labels_as(trained: &RunConfig, args: &Evaluate, options: &mut ReadOptions) {
    let is_given = |key: &str| args.table.settings.value(key).is_some();
    if !is_given("label-map") {
        options.label_map = trained.label_map.clone();
    }
    options.trained_labels = trained.label_column.clone();
    if !is_given("label-separator") {
        options.label_separator = trained.label_separator.clone();
    }
}

/// Runs the `fill-mask` command.
///
/// # Errors
/// Returns an error if the model cannot be used or the text has no `[MASK]`.
pub(crate) fn fill_mask(common: &Common, args: &FillMask) -> Result<(), Error> {
    let mut session = session(common, inputs::read_model(&args.model)?, true)?;
    let masks = block_on(session.fill_mask(&args.text, args.top_k))?;
    output::json_line(&MaskedPositions { masks }).map(drop)
}

/// Runs the `explain` command.
///
/// # Errors
/// Returns an error if the model cannot be used, is no classifier or does not have the label.
pub(crate) fn explain(common: &Common, args: &Explain) -> Result<(), Error> {
    let session = session(common, inputs::read_model(&args.model)?, true)?;
    let evidence = block_on(session.evidence(&args.text, args.label.as_deref()))?;
    let characters: Vec<char> = args.text.chars().collect();
    let explained = |word: WordEvidence| ExplainedWord {
        word: characters[word.start as usize..word.end as usize]
            .iter()
            .collect(),
        evidence: word,
    };
    output::json_line(&Explanation {
        label: &evidence.label,
        score: evidence.score,
        words: evidence.words.into_iter().map(explained).collect(),
        more: evidence.more,
    })
    .map(drop)
}

/// Runs the `neighbours` command.
///
/// # Errors
/// Returns an error if the model cannot be used or does not know the word.
pub(crate) fn neighbours(common: &Common, args: &Neighbours) -> Result<(), Error> {
    let session = session(common, inputs::read_model(&args.model)?, true)?;
    let neighbours = block_on(session.neighbours(&args.word, args.top_k))?;
    output::json_line(&Neighbourhood {
        word: &args.word,
        neighbours,
    })
    .map(drop)
}

/// Runs the `attention` command.
///
/// # Errors
/// Returns an error if the model cannot be used.
pub(crate) fn attention(common: &Common, args: &Attention) -> Result<(), Error> {
    let mut session = session(common, inputs::read_model(&args.model)?, true)?;
    let (tokens, layers) = block_on(session.attention(&args.text))?;
    output::json_line(&Attentions { tokens, layers }).map(drop)
}

pub(crate) fn session(
    common: &Common,
    model: ModelFiles,
    quiet: bool,
) -> Result<Session<NativeHost>, Error> {
    let mut config = RunConfig::default();
    common.settings.apply(&mut config)?;
    // Stdout is for the results, so events do not go there.
    let mut session = block_on(Session::open(NativeHost::new(false, quiet), config.device))?;
    session.import(model)?;
    Ok(session)
}

/// Parses `--threshold`: a number, or `tuned` or `per-label` for the thresholds in the
/// configuration of the model.
fn threshold(given: &str, model: &ModelFiles) -> Result<DecisionRule, Error> {
    let refuse = |message: Message, hint: Message| Error::Input {
        code: "bad-threshold",
        message,
        hint,
    };
    let config = config_of(model)?;
    // A single-label model predicts the most probable label and has no threshold to tune.
    let single = config.problem_type == Some(ProblemType::SingleLabelClassification);
    let tuned = match given {
        "tuned" => Some((single || config.threshold.is_some(), DecisionRule::Tuned)),
        "per-label" => Some((
            single || config.thresholds.is_some(),
            DecisionRule::PerLabel,
        )),
        _ => None,
    };
    if let Some((is_available, rule)) = tuned {
        let hint = message!(
            "Fine-tune with {valid} to tune one, or give a number from 0 to 1.",
            valid = Setting::named("valid")
        );
        return if is_available {
            Ok(rule)
        } else {
            Err(refuse(
                message!("the model has no {given} threshold", given),
                hint,
            ))
        };
    }
    if single {
        output::print_stderr(
            "warning: --threshold not used: this model predicts the most probable label of each document",
        );
    }
    let number = given
        .parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number))
        .map(DecisionRule::At);
    let given = output::plain(given);
    number.ok_or_else(|| {
        refuse(
            message!(
                "{threshold} {given} is not a number from 0 to 1",
                given,
                threshold = Setting::named("threshold")
            ),
            message!("Give a number, \"tuned\" or \"per-label\"."),
        )
    })
}

fn config_of(model: &ModelFiles) -> Result<ModelConfig, Error> {
    let config = model.iter().find(|(name, _)| name == CONFIG_FILE);
    let (_, bytes) = config.expect("a model was read with its configuration");
    Ok(config_from_json(bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_number_or_the_tuned_one() {
        let model: ModelFiles = vec![(
            CONFIG_FILE.into(),
            include_bytes!("../../../../tests/golden/model/multi-label/config.json").to_vec(),
        )];
        assert_eq!(
            threshold("0.25", &model).expect("valid"),
            DecisionRule::At(0.25)
        );
        for bad in ["1.5", "nan", "half", "-1", "tuned", "per-label"] {
            assert_eq!(
                threshold(bad, &model).expect_err("refused").code(),
                "bad-threshold",
                "{bad}"
            );
        }
    }
}
