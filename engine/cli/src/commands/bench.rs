//! The `bench` command: measures speed on this machine with the real model, training loop and data
//! path. Each preset trains on the bundled corpus for a number of steps; the first steps are left
//! out, since they compile kernels and fill caches.

use crate::args::{self, Common};
use crate::commands::bench_scale;
use crate::commands::demo;
use crate::commands::stopwatch::Stopwatch;
use crate::exit::ExitStatus;
use crate::run_dir::token_cache::TokenCache;
use crate::terminal::output;
use data::{InputFile, Opened, ReadOptions};
use engine::error::Error;
use engine::session::Session;
use futures_lite::future::block_on;
use protocol::{Event, FileRole, RunConfig};
use serde::Serialize;

/// Default number of steps per measurement, and how many of them are warm-up.
const STEPS: u64 = 60;
const WARM_UP: u64 = 3;
/// Default number of examples per step.
const BATCH_SIZE: usize = 16;
/// Presets that are measured unless `--preset` selects one.
const PRESETS: [&str; 4] = ["fast-nano", "fast-tiny", "bert-tiny", "textcnn"];

/// The measurement of one preset.
#[derive(Clone, Debug, Serialize)]
struct Measured {
    preset: String,
    device: String,
    software_gpu: bool,
    parameters: u64,
    batch_size: u64,
    max_len: u64,
    steps: u64,
    ms_per_step: f64,
    tokens_per_sec: f64,
    /// Seconds from the start to the end of the first step: reading, building the vocabulary,
    /// compiling.
    time_to_first_step_secs: f64,
    /// Kernel launches per step: 0 on the CPU engine, which has none; null on a GPU, whose runtime
    /// does not report them.
    kernel_launches_per_step: Option<f64>,
}

/// Runs the `bench` command.
///
/// # Errors
/// Returns an error if a setting cannot be used or a run fails.
pub(crate) fn bench(common: &Common, args: &args::Bench) -> std::result::Result<ExitStatus, Error> {
    let mut config = RunConfig::default();
    common.settings.apply(&mut config)?;
    args.apply(&mut config)?;
    if let Some(documents) = args.documents {
        return bench_scale::bench(common, &config, documents);
    }
    config.steps = Some(config.steps.unwrap_or(STEPS).max(2 * WARM_UP));
    let batch_size = *config.batch_size.get_or_insert(BATCH_SIZE);
    let presets = if args.has_preset() {
        vec![config.preset.clone()]
    } else {
        PRESETS.map(String::from).to_vec()
    };
    for preset in presets {
        let measured = measure(
            &RunConfig {
                preset,
                ..config.clone()
            },
            batch_size,
        )?;
        if common.json {
            output::json_line(&measured)?;
        } else {
            output::result(&describe(&measured))?;
        }
    }
    Ok(ExitStatus::Done)
}

fn measure(config: &RunConfig, batch_size: usize) -> std::result::Result<Measured, Error> {
    let host = Stopwatch::start(TokenCache::new(Some("off")));
    let mut session = block_on(Session::open(host.clone(), config.device))?;
    let files = vec![
        InputFile::in_memory("train.txt", demo::TRAIN, Some(FileRole::Train)),
        InputFile::in_memory("valid.txt", demo::VALID, Some(FileRole::Valid)),
    ];
    session.set_corpus(&Opened::new(&files), &ReadOptions::default())?;
    block_on(session.pretrain("bench", config, None))?;
    let marks = host.marks.borrow();
    let (parameters, tokens, steps) = marks
        .iter()
        .find_map(|(_, event)| match event {
            Event::Started {
                parameters,
                tokens,
                steps,
                ..
            } => Some((*parameters, *tokens, *steps)),
            _ => None,
        })
        .expect("a run tells its start");
    let reported: Vec<(f64, u64)> = marks
        .iter()
        .filter_map(|(at, event)| {
            if let Event::Step { step, .. } = event {
                Some((*at, *step))
            } else {
                None
            }
        })
        .collect();
    let first = *reported.first().expect("a run tells its steps");
    // Evaluations take place between some reports; the median of the intervals leaves them out.
    let warm = reported
        .iter()
        .position(|(_, step)| *step >= WARM_UP)
        .unwrap_or(0);
    let mut gaps: Vec<f64> = reported[warm..]
        .windows(2)
        .map(|pair| (pair[1].0 - pair[0].0) * 1e3 / (pair[1].1 - pair[0].1) as f64)
        .collect();
    gaps.sort_by(f64::total_cmp);
    let ms_per_step = gaps.get(gaps.len() / 2).copied().unwrap_or(f64::NAN);
    let tokens_per_step = tokens as f64 / steps as f64;
    let device = session.device().clone();
    Ok(Measured {
        preset: config.preset.clone(),
        device: device.name.clone(),
        software_gpu: device.software,
        parameters,
        batch_size: batch_size as u64,
        max_len: tokens / steps / batch_size as u64,
        steps,
        ms_per_step,
        tokens_per_sec: tokens_per_step / ms_per_step * 1e3,
        time_to_first_step_secs: first.0,
        kernel_launches_per_step: (device.backend == "cpu").then_some(0.0),
    })
}

fn describe(measured: &Measured) -> String {
    let emulated = if measured.software_gpu {
        " (a software GPU; the times say nothing about a real one)"
    } else {
        ""
    };
    format!(
        "{}: {:.1} ms per step of {} x {} tokens, {:.0} tokens/s, first step after {:.1} s, {} parameters, on {}{emulated}\n",
        measured.preset,
        measured.ms_per_step,
        measured.batch_size,
        measured.max_len,
        measured.tokens_per_sec,
        measured.time_to_first_step_secs,
        measured.parameters,
        output::plain(&measured.device),
    )
}
