//! The `toy` command: trains a Transformer on a counting task as a self-test. The exit code says
//! whether the model learned it.

use crate::args::{self, Common};
use crate::exit::ExitStatus;
use crate::host::NativeHost;
use crate::terminal::output;
use engine::error::Error;
use engine::session::{SOLVED_LOSS, Session, ToyOutcome};
use futures_lite::future::block_on;
use protocol::{RunConfig, Setting, message};
use serde::Serialize;

/// The last line of the output of `toy --json`.
#[derive(Serialize)]
struct Verdict {
    learned: bool,
    steps: u64,
    loss: f64,
    accuracy: f64,
    elapsed_secs: f64,
}

/// Runs the `toy` command.
///
/// # Errors
/// Returns an error if a setting is invalid, the run fails, or the model does not learn the task.
pub(crate) fn toy(common: &Common, args: &args::Toy) -> Result<ExitStatus, Error> {
    let mut config = RunConfig::default();
    common.settings.apply(&mut config)?;
    args.apply(&mut config)?;
    let mut session = block_on(Session::open(NativeHost::of(common), config.device))?;
    let ToyOutcome {
        learned,
        step,
        loss,
        accuracy,
        elapsed_secs,
        ..
    } = block_on(session.toy("toy", &config))?;
    if common.json {
        output::json_line(&Verdict {
            learned,
            steps: step,
            loss,
            accuracy,
            elapsed_secs,
        })?;
    }
    let figures = format!(
        "loss {loss:.3} nats, accuracy {:.1} %, after {step} steps",
        accuracy * 100.0
    );
    if !learned {
        return Err(Error::Failed {
            message: message!(
                "the model did not learn to count: {figures}; the loss should be below {limit}",
                figures,
                limit = SOLVED_LOSS
            ),
            hint: message!(
                "Raise {steps} or change {lr}; with the defaults, this is a bug in the engine.",
                steps = Setting::named("steps"),
                lr = Setting::named("lr")
            ),
        });
    }
    if !common.json {
        output::result(&format!("The model learned to count: {figures}.\n"))?;
    }
    Ok(ExitStatus::Done)
}
