//! The `bench` command: measures speed on this machine with the real model, training loop and data
//! path. Each preset trains on the bundled corpus for a number of steps; the first steps are left
//! out, since they compile kernels and fill caches.

mod first_steps;

use crate::args::{self, Common};
use crate::commands::bench_scale;
use crate::commands::demo;
use crate::commands::stopwatch::{Mark, Stopwatch};
use crate::exit::ExitStatus;
use crate::run_dir::token_cache::TokenCache;
use crate::terminal::output;
use data::{InputFile, Opened, ReadOptions};
use engine::error::Error;
use engine::session::Session;
use futures_lite::future::block_on;
use protocol::{Event, FileRole, RunConfig};
use serde::Serialize;
use std::path::Path;

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
    /// Threads that the CPU engine computes with.
    threads: usize,
    parameters: u64,
    batch_size: u64,
    max_len: u64,
    steps: u64,
    ms_per_step: f64,
    tokens_per_sec: f64,
    /// Seconds from the start to the end of the first step: reading, building the vocabulary,
    /// compiling.
    time_to_first_step_secs: f64,
    /// Kernels launched on the GPU per step; 0 on the CPU engine, which has none.
    kernel_launches_per_step: f64,
}

/// Runs the `bench` command.
///
/// # Errors
/// Returns an error if a setting cannot be used or a run fails.
pub(crate) fn bench(common: &Common, args: &args::Bench) -> Result<ExitStatus, Error> {
    let mut config = RunConfig::default();
    common.settings.apply(&mut config)?;
    args.apply(&mut config)?;
    if let Some(folder) = &args.export {
        first_steps::check_free(folder)?;
    }
    if let Some(documents) = args.documents {
        return bench_scale::bench(common, &config, documents);
    }
    config.steps = Some(config.steps.unwrap_or(STEPS).max(2 * WARM_UP));
    config.batch_size.get_or_insert(BATCH_SIZE);
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
            args.export.as_deref(),
        )?;
        if common.json {
            output::json_line(&measured)?;
        } else {
            output::result(&describe(&measured))?;
        }
    }
    Ok(ExitStatus::Done)
}

/// Measures a run of `config`. Writes what its first steps start from, and their losses, to the
/// folder `export`, if there is one.
fn measure(config: &RunConfig, export: Option<&Path>) -> Result<Measured, Error> {
    let host = Stopwatch::start(TokenCache::new(Some("off")));
    let mut session = block_on(Session::open(host.clone(), config.device))?;
    let files = vec![
        InputFile::in_memory("train.txt", demo::TRAIN, Some(FileRole::Train)),
        InputFile::in_memory("valid.txt", demo::VALID, Some(FileRole::Valid)),
    ];
    session.set_corpus(&Opened::new(&files), &ReadOptions::default())?;
    block_on(session.pretrain("bench", config, None))?;
    if let Some(folder) = export {
        let steps = config.steps.unwrap_or(STEPS);
        let first = block_on(session.first_steps(config, steps))?;
        first_steps::write(folder, &first, &host.marks.borrow())?;
    }
    let marks = host.marks.borrow();
    let plan = RunPlan::of(&marks);
    let reported: Vec<Reported> = marks.iter().filter_map(Reported::of).collect();
    let first = reported.first().expect("a run reports its steps");
    let warm = reported
        .iter()
        .position(|report| report.step >= WARM_UP)
        .unwrap_or(0);
    let per_step = |difference: fn(&Reported, &Reported) -> f64| {
        median(
            reported[warm..]
                .windows(2)
                .map(|pair| difference(&pair[0], &pair[1]) / (pair[1].step - pair[0].step) as f64),
        )
    };
    let secs_per_step = per_step(|from, to| to.secs - from.secs);
    let device = session.device().clone();
    let is_cpu = device.backend == "cpu";
    Ok(Measured {
        preset: config.preset.clone(),
        device: device.name,
        software_gpu: device.software,
        threads: rayon::current_num_threads(),
        parameters: plan.parameters,
        batch_size: plan.batch_size(config),
        max_len: plan.tokens_per_step() / plan.batch_size(config),
        steps: plan.steps,
        ms_per_step: secs_per_step * 1e3,
        tokens_per_sec: plan.tokens_per_step() as f64 / secs_per_step,
        time_to_first_step_secs: first.secs,
        kernel_launches_per_step: if is_cpu {
            0.0
        } else {
            per_step(|from, to| (to.launches - from.launches) as f64)
        },
    })
}

/// A report of a run's progress.
struct Reported {
    secs: f64,
    launches: u64,
    step: u64,
}

impl Reported {
    fn of(mark: &Mark) -> Option<Self> {
        match mark.event {
            Event::Step { step, .. } => Some(Self {
                secs: mark.secs,
                launches: mark.launches,
                step,
            }),
            _ => None,
        }
    }
}

/// The size of a run.
struct RunPlan {
    parameters: u64,
    steps: u64,
    /// Tokens of all steps.
    tokens: u64,
}

impl RunPlan {
    fn of(marks: &[Mark]) -> Self {
        let started = marks.iter().find_map(|mark| match &mark.event {
            Event::Started {
                parameters,
                tokens,
                steps,
                ..
            } => Some(Self {
                parameters: *parameters,
                steps: *steps,
                tokens: *tokens,
            }),
            _ => None,
        });
        started.expect("a run announces its start")
    }

    fn tokens_per_step(&self) -> u64 {
        self.tokens / self.steps
    }

    fn batch_size(&self, config: &RunConfig) -> u64 {
        config.batch_size.unwrap_or(BATCH_SIZE) as u64
    }
}

/// Returns the median: between some reports the run evaluates, which the median leaves out. NaN
/// without values.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn describe(measured: &Measured) -> String {
    let emulated = if measured.software_gpu {
        " (a software GPU; the times say nothing about a real one)"
    } else {
        ""
    };
    let launches = if measured.kernel_launches_per_step > 0.0 {
        format!(
            "{} kernel launches per step, ",
            measured.kernel_launches_per_step
        )
    } else {
        String::new()
    };
    format!(
        "{}: {:.1} ms per step of {} x {} tokens, {:.0} tokens/s, first step after {:.1} s, {launches}{} parameters, on {}{emulated}\n",
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
