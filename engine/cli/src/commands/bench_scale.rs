//! Measures the cost of reading a large corpus: memory, and seconds to the first step without and
//! with cached tokens. The corpus has the shape of CAIL2018 (Xiao et al. 2018) as the 2018 system
//! read it: documents of 300 anonymised words, each with one of 202 labels, and word frequencies
//! that follow Zipf's law.

use crate::args::Common;
use crate::commands::run::files_of;
use crate::commands::stopwatch::Stopwatch;
use crate::exit::ExitStatus;
use crate::inputs;
use crate::run_dir::token_cache::TokenCache;
use crate::terminal::output;
use data::random::{Purpose, below, generator, unit_f64};
use data::{Opened, ReadOptions};
use engine::error::Error;
use engine::session::Session;
use futures_lite::future::block_on;
use protocol::{Event, FileRole, RunConfig, TokenizerKind, message};
use serde::Serialize;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Tokens per document, number of labels and number of distinct words.
const TOKENS: usize = 300;
const LABELS: u64 = 202;
const WORDS: f64 = 200_000.0;
/// Size of the vocabulary.
const VOCAB_SIZE: usize = 8000;
/// Default number of steps per run; only the first one is measured.
const STEPS: u64 = 3;

/// Measurements of one corpus, which is read twice.
#[derive(Clone, Debug, Serialize)]
struct Measured {
    documents: u64,
    tokens: u64,
    text_bytes: u64,
    first: Times,
    /// The second run, with the cached tokens of the first.
    again: Times,
    /// Peak resident memory in bytes; `null` if the system does not report it.
    peak_memory_bytes: Option<u64>,
}

/// Durations within one run, in seconds.
#[derive(Clone, Debug, Serialize)]
struct Times {
    /// From the start until all files are read and the held-out documents are chosen.
    read_secs: f64,
    /// To build the vocabulary; `null` if it was cached.
    vocabulary_secs: Option<f64>,
    /// From the end of building the vocabulary to the end of the first step.
    first_step_secs: f64,
}

/// Measures two runs on a generated corpus of `documents` documents.
///
/// # Errors
/// Returns an error if the corpus cannot be written or a run fails.
pub(crate) fn bench(
    common: &Common,
    config: &RunConfig,
    documents: u64,
) -> Result<ExitStatus, Error> {
    let failed = |error: io::Error| Error::Io {
        message: message!(
            "the corpus could not be generated: {error}",
            error = error.to_string()
        ),
        hint: message!("Free some space, or ask for fewer documents."),
    };
    let folder = tempfile::tempdir().map_err(failed)?;
    let corpus = folder.path().join("corpus.txt");
    output::print_stderr(&format!(
        "Generating {documents} documents of {TOKENS} tokens."
    ));
    write(&corpus, documents, config.seed).map_err(failed)?;
    let cache = folder.path().join("tokens");
    let config = RunConfig {
        tokenizer: TokenizerKind::Word,
        vocab_size: VOCAB_SIZE,
        steps: Some(config.steps.unwrap_or(STEPS)),
        ..config.clone()
    };
    let run = || measure(&config, &corpus, &cache);
    let measured = Measured {
        documents,
        tokens: documents * TOKENS as u64,
        text_bytes: fs::metadata(&corpus).map_err(failed)?.len(),
        first: run()?,
        again: run()?,
        peak_memory_bytes: peak_memory_bytes(),
    };
    if common.json {
        output::json_line(&measured)
    } else {
        output::result(&describe(&measured))
    }?;
    Ok(ExitStatus::Done)
}

fn measure(config: &RunConfig, corpus: &Path, cache: &Path) -> Result<Times, Error> {
    let watch = Stopwatch::start(TokenCache::new(cache.to_str()));
    let mut session = block_on(Session::open(watch.clone(), config.device))?;
    let sources = inputs::read(&[corpus.into()], Some(FileRole::Train))?;
    session.set_corpus(&Opened::new(&files_of(sources)), &ReadOptions::default())?;
    block_on(session.pretrain("bench", config, None))?;
    let message_time = |words: &str| {
        watch.first(|event| matches!(event, Event::Compiling { message, .. } if message.template() == words))
    };
    let read_secs = watch
        .first(|event| matches!(event, Event::Corpus { .. }))
        .expect("a corpus is told");
    let learning = message_time("learning the vocabulary");
    let known = message_time("tokenising the text").unwrap_or(read_secs);
    let first_step = watch
        .first(|event| matches!(event, Event::Step { .. }))
        .expect("a run tells its steps");
    Ok(Times {
        read_secs,
        vocabulary_secs: learning.map(|start| known - start),
        first_step_secs: first_step - known,
    })
}

fn write(path: &Path, documents: u64, seed: u64) -> io::Result<()> {
    let mut out = BufWriter::new(fs::File::create_new(path)?);
    let rng = &mut generator(seed, Purpose::Preview, 0, documents);
    for _ in 0..documents {
        for _ in 0..TOKENS {
            // Words whose rank has a uniformly distributed logarithm follow Zipf's law.
            write!(
                out,
                "{} ",
                libm::exp(unit_f64(rng) * libm::log(WORDS)) as u64
            )?;
        }
        writeln!(out, "__label__{}", below(rng, LABELS))?;
    }
    out.flush()
}

/// Returns the peak resident set size (`VmHWM`), which only Linux reports.
fn peak_memory_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes << 10)
}

fn describe(measured: &Measured) -> String {
    let Measured {
        documents,
        tokens,
        text_bytes,
        first,
        again,
        peak_memory_bytes,
    } = measured;
    let times = |times: &Times| {
        let vocabulary = times
            .vocabulary_secs
            .map_or(String::new(), |secs| format!("vocabulary {secs:.1} s, "));
        format!(
            "reading {:.1} s, {vocabulary}then {:.1} s to the first step",
            times.read_secs, times.first_step_secs
        )
    };
    let memory = peak_memory_bytes.map_or("unknown".into(), |bytes| format!("{} MiB", bytes >> 20));
    format!(
        "{documents} documents, {tokens} tokens, {} MiB of text\nfirst run: {}\nsecond run, with cached tokens: {}\npeak \
         memory: {memory}\n",
        text_bytes >> 20,
        times(first),
        times(again),
    )
}
