//! Questions to a model: measure it, label with it, fill masks, look at its attention. Answers are JSON on stdout;
//! whatever is meant for people goes to stderr.

use super::args::{Attention, Common, Evaluate, FillMask, Neighbours, Predict};
use super::host::NativeHost;
use super::inputs;
use super::output::{self, Reader};
use super::train::files_of;
use crate::data::{Decoding, document_of};
use crate::error::Error;
use crate::interop::{CONFIG_FILE, config_from_json};
use crate::model::ProblemType;
use crate::model::config::ModelConfig;
use crate::session::{LabelRule, ModelFiles, Session};
use futures_lite::future::block_on;
use protocol::{Candidate, FileRole, LabelScore, MaskGuess, RunConfig};
use serde::Serialize;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Lines that are answered together: enough to fill a batch, few enough to answer while more are typed.
const CHUNK_LINES: usize = 32;
/// Bytes of a line at most; what a model reads of it is a few hundred tokens.
const MAX_LINE_BYTES: u64 = 16 << 20;
/// How much of a stream the guess of its encoding looks at.
const SAMPLE_BYTES: usize = 64 << 10;
/// Names the events of a question, which has no run of its own.
const RUN: &str = "evaluate";

/// The answer for one line of `predict`.
#[derive(Serialize)]
struct Prediction {
    line: u64,
    labels: Vec<LabelScore>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    sureness: Option<Sureness>,
}

/// How far an answer can be relied on.
#[derive(Serialize)]
struct Sureness {
    /// Probability of the best label, 0 without labels.
    confidence: f64,
    /// Whether that is below what was asked for, or no word of the text occurred in a training document.
    unsure: bool,
    /// Share of the text's different words that occurred in no training document, where the classifier knows those.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen_words: Option<f64>,
}

#[derive(Serialize)]
struct Neighbourhood<'a> {
    word: &'a str,
    neighbours: Vec<Candidate>,
}

#[derive(Serialize)]
struct Guesses {
    masks: Vec<MaskGuess>,
}

#[derive(Serialize)]
struct Attentions {
    tokens: Vec<String>,
    layers: Vec<Vec<Vec<Vec<f32>>>>,
}

/// The `evaluate` command.
///
/// # Errors
/// When the model, the data or the threshold cannot be used.
pub(super) fn evaluate(common: &Common, args: &Evaluate) -> Result<(), Error> {
    let model = inputs::read_model(&args.model)?;
    let rule = match &args.threshold {
        _ if args.seed_metrics => LabelRule::Seed,
        None => LabelRule::Tuned,
        Some(given) => threshold(given, &model)?,
    };
    // A classifier is measured on labelled test text; a language model on held-out text, as while it was trained.
    let is_classifier = !config_of(&model)?.labels.is_empty();
    let (role, split) = if is_classifier { (FileRole::Test, "test") } else { (FileRole::Valid, "valid") };
    let files = files_of(inputs::read(&args.data, Some(role))?);
    // What was read is worth a line: what was left out is not measured.
    let mut session = session(common, model, common.quiet)?;
    session.set_corpus(files, &args.read_options())?;
    let mut config = RunConfig::default();
    common.apply(&mut config)?;
    let metrics = block_on(session.evaluate(RUN, split, rule, config.seed))?;
    output::json_line(&metrics).map(drop)
}

/// The `fill-mask` command.
///
/// # Errors
/// When the model cannot be used or the text has no `[MASK]`.
pub(super) fn fill_mask(common: &Common, args: &FillMask) -> Result<(), Error> {
    let mut session = session(common, inputs::read_model(&args.model)?, true)?;
    let masks = block_on(session.fill_mask(&args.text, args.top_k))?;
    output::json_line(&Guesses { masks }).map(drop)
}

/// The `neighbours` command.
///
/// # Errors
/// When the model cannot be used or does not know the word.
pub(super) fn neighbours(common: &Common, args: &Neighbours) -> Result<(), Error> {
    let session = session(common, inputs::read_model(&args.model)?, true)?;
    let neighbours = block_on(session.neighbours(&args.word, args.top_k))?;
    output::json_line(&Neighbourhood { word: &args.word, neighbours }).map(drop)
}

/// The `attention` command.
///
/// # Errors
/// When the model cannot be used.
pub(super) fn attention(common: &Common, args: &Attention) -> Result<(), Error> {
    let mut session = session(common, inputs::read_model(&args.model)?, true)?;
    let (tokens, layers) = block_on(session.attention(&args.text))?;
    output::json_line(&Attentions { tokens, layers }).map(drop)
}

/// The `predict` command: answers while it reads, so that it can stand in a pipe.
///
/// # Errors
/// When the model or the data cannot be used.
pub(super) fn predict(common: &Common, args: &Predict) -> Result<(), Error> {
    let data = args.data.as_deref().unwrap_or(Path::new("-"));
    let mut lines = Lines { reader: decoded(unpacked(inputs::open(data)?)?, args.encoding.as_deref())?, number: 0 };
    let min_confidence = args.min_confidence;
    let mut session = session(common, inputs::read_model(&args.model)?, true)?;
    loop {
        let chunk = lines.chunk()?;
        if chunk.is_empty() || answer(&mut session, chunk, args.top_k, min_confidence)? == Reader::Gone {
            return Ok(());
        }
    }
}

/// Labels one chunk; lines without text get no labels.
fn answer(
    session: &mut Session<NativeHost>,
    chunk: Vec<(u64, String)>,
    top_k: Option<usize>,
    min_confidence: Option<f64>,
) -> Result<Reader, Error> {
    let texts: Vec<String> = chunk.iter().filter(|(_, text)| !text.is_empty()).map(|(_, text)| text.clone()).collect();
    // Without any label there is no confidence to tell.
    let asked = if min_confidence.is_some() { top_k.map(|k| k.max(1)) } else { top_k };
    let scores = if texts.is_empty() { Vec::new() } else { block_on(session.predict(&texts, asked))? };
    let mut scores = scores.into_iter();
    for (line, text) in chunk {
        let labels = if text.is_empty() { Vec::new() } else { scores.next().expect("one answer per text") };
        let confidence = labels.first().map_or(0.0, |best: &LabelScore| best.score);
        let labels = labels.into_iter().take(top_k.unwrap_or(usize::MAX)).collect();
        let sureness = min_confidence.map(|min| {
            let unseen_words = session.unseen_share(&text);
            let unsure = confidence < min || unseen_words == Some(1.0);
            Sureness { confidence, unsure, unseen_words }
        });
        if output::json_line(&Prediction { line, labels, sureness })? == Reader::Gone {
            return Ok(Reader::Gone);
        }
    }
    Ok(Reader::There)
}

fn session(common: &Common, model: ModelFiles, quiet: bool) -> Result<Session<NativeHost>, Error> {
    let mut config = RunConfig::default();
    common.apply(&mut config)?;
    // Answers are the result, so events stay off stdout.
    let mut session = block_on(Session::open(NativeHost::new(false, quiet), config.device))?;
    session.import(model)?;
    Ok(session)
}

/// A threshold as it was given; `tuned` and `per-label` are those in the model's configuration.
fn threshold(given: &str, model: &ModelFiles) -> Result<LabelRule, Error> {
    let refuse = |message: String, hint: &str| Error::Input { code: "bad-threshold", message, hint: hint.into() };
    let config = config_of(model)?;
    // A model that gives the likeliest label, whatever its probability, has no threshold to tune.
    let single = config.problem_type == Some(ProblemType::SingleLabelClassification);
    let tuned = match given {
        "tuned" => Some((single || config.threshold.is_some(), LabelRule::Tuned)),
        "per-label" => Some((single || config.thresholds.is_some(), LabelRule::PerLabel)),
        _ => None,
    };
    if let Some((there, rule)) = tuned {
        let hint = "Fine-tune with --valid to tune one, or give a number from 0 to 1.";
        return if there { Ok(rule) } else { Err(refuse(format!("the model has no {given} threshold"), hint)) };
    }
    if single {
        output::to_people("warning: --threshold not used: this model gives each text its likeliest label");
    }
    let number = given.parse().ok().filter(|number| (0.0..=1.0).contains(number)).map(LabelRule::At);
    let given = output::plain(given);
    number.ok_or_else(|| {
        refuse(
            format!("--threshold {given} is not a number from 0 to 1"),
            "Give a number, or one of the words tuned and per-label.",
        )
    })
}

fn config_of(model: &ModelFiles) -> Result<ModelConfig, Error> {
    let config = model.iter().find(|(name, _)| name == CONFIG_FILE);
    let (_, bytes) = config.expect("a model was read with its configuration");
    Ok(config_from_json(bytes)?)
}

/// The text behind a reader that may be packed with gzip, with as much of it as is there ready to be looked at.
pub(super) fn unpacked(raw: Box<dyn Read>) -> Result<BufReader<Box<dyn Read>>, Error> {
    let mut raw = BufReader::with_capacity(SAMPLE_BYTES, raw);
    let start = raw.fill_buf().map_err(|error| unreadable(0, &error))?;
    if !start.starts_with(&[0x1f, 0x8b]) {
        return Ok(raw);
    }
    Ok(BufReader::with_capacity(SAMPLE_BYTES, Box::new(flate2::read::MultiGzDecoder::new(raw))))
}

/// The text in UTF-8, whatever its encoding.
fn decoded(mut raw: BufReader<Box<dyn Read>>, forced: Option<&str>) -> Result<BufReader<Box<dyn Read>>, Error> {
    let sample = raw.fill_buf().map_err(|error| unreadable(0, &error))?.to_vec();
    if sample.is_empty() {
        return Ok(raw);
    }
    raw.consume(sample.len());
    let text = Decoding::new("the input", sample, false, raw, forced)?;
    if text.guessed {
        output::to_people(&format!("The input seems to be {}; --encoding forces another.", text.encoding));
    }
    Ok(BufReader::new(Box::new(text)))
}

/// Lines as they come, in chunks that do not wait for what has not been written yet.
struct Lines<R> {
    reader: BufReader<R>,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// The next lines with their numbers: as many as are there, at most [`CHUNK_LINES`]; none at the end.
    fn chunk(&mut self) -> Result<Vec<(u64, String)>, Error> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK_LINES && (chunk.is_empty() || self.reader.buffer().contains(&b'\n')) {
            match self.line()? {
                Some(line) => chunk.push(line),
                None => break,
            }
        }
        Ok(chunk)
    }

    fn line(&mut self) -> Result<Option<(u64, String)>, Error> {
        let mut bytes = Vec::new();
        let taken = self.reader.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut bytes);
        let taken = taken.map_err(|error| unreadable(self.number, &error))?;
        if taken == 0 {
            return Ok(None);
        }
        self.number += 1;
        if taken as u64 > MAX_LINE_BYTES {
            return Err(Error::Input {
                code: "line-too-long",
                message: format!("line {} is longer than {} MiB", self.number, MAX_LINE_BYTES >> 20),
                hint: "Put one text on each line.".into(),
            });
        }
        Ok(Some((self.number, text_of(&bytes))))
    }
}

/// What a model reads of a line: the text without labels, cleaned as in training; nothing where there is no text.
fn text_of(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    // Only what ends a line is cut: a carriage return within would start a second document.
    let text = text.trim_start_matches('\u{feff}').trim().replace('\r', " ");
    document_of(&text).map(|document| document.texts().collect::<Vec<_>>().join("\t")).unwrap_or_default()
}

fn unreadable(line: u64, error: &std::io::Error) -> Error {
    Error::Input {
        code: "unreadable-input",
        message: format!("the input cannot be read after line {line}: {error}"),
        hint: "Check the file; all lines before were answered.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn all_lines(bytes: &[u8]) -> Vec<(u64, String)> {
        let reader = unpacked(Box::new(std::io::Cursor::new(bytes.to_vec()))).expect("readable");
        let mut lines = Lines { reader: decoded(reader, None).expect("text"), number: 0 };
        std::iter::from_fn(|| Some(lines.chunk().expect("readable")).filter(|chunk| !chunk.is_empty()))
            .flatten()
            .collect()
    }

    #[test]
    fn every_line_is_answered_under_its_number_and_without_its_labels() {
        let text = b"\xef\xbb\xbffirst\r\n\n  \nsecond __label__x __label__y\n__label__z\nbad \xff byte\na\tb __label__x\nlast";
        let lines = all_lines(text);
        let expected = ["first", "", "", "second", "", "bad \u{fffd} byte", "a\tb", "last"];
        assert_eq!(lines.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), expected);
        assert_eq!(lines.iter().map(|(number, _)| *number).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    }

    #[test]
    fn other_encodings_are_found_and_a_line_is_no_file() {
        let german = "\u{fc}ber allen Gipfeln ist Ruh, in allen Wipfeln sp\u{fc}rest du kaum einen Hauch\n<svg line\n";
        let latin: Vec<u8> = german.chars().map(|c| c as u8).collect();
        let utf16: Vec<u8> = german.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [&[0xff, 0xfe][..], &utf16].concat();
        for bytes in [german.as_bytes(), &latin, &utf16, &marked] {
            let texts: Vec<String> = all_lines(bytes).into_iter().map(|(_, text)| text).collect();
            assert_eq!(texts, german.lines().collect::<Vec<_>>());
        }
        let picture = unpacked(Box::new(std::io::Cursor::new(b"\x89PNG\r\n\x1a\n"))).expect("readable");
        assert!(decoded(picture, None).is_err());
    }

    #[test]
    fn packed_input_is_unpacked_and_long_input_comes_in_chunks() {
        let text: String = (1..=100).map(|n| format!("line {n}\n")).collect();
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).expect("memory takes it");
        let packed = packer.finish().expect("memory takes it");
        for bytes in [text.as_bytes(), &packed] {
            let lines = all_lines(bytes);
            assert_eq!((lines.len(), lines[99].1.as_str()), (100, "line 100"));
        }
        let mut lines = Lines { reader: BufReader::new(text.as_bytes()), number: 0 };
        assert_eq!(lines.chunk().expect("readable").len(), CHUNK_LINES);
        assert!(all_lines(b"").is_empty());
    }

    #[test]
    fn a_threshold_is_a_number_or_the_tuned_one() {
        let model: ModelFiles =
            vec![(CONFIG_FILE.into(), include_bytes!("../../../tests/golden/model/multi-label/config.json").to_vec())];
        assert_eq!(threshold("0.25", &model).expect("valid"), LabelRule::At(0.25));
        for bad in ["1.5", "nan", "half", "-1", "tuned", "per-label"] {
            assert_eq!(threshold(bad, &model).expect_err("refused").code(), "bad-threshold", "{bad}");
        }
    }
}
