//! Dispatches the parsed command line to the function of its command.

pub(crate) mod bench;
pub(crate) mod bench_scale;
pub(crate) mod compare;
pub(crate) mod convert;
pub(crate) mod demo;
pub(crate) mod export;
pub(crate) mod inspect;
pub(crate) mod predict;
pub(crate) mod query;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod stopwatch;
pub(crate) mod tokenize;
pub(crate) mod toy;
pub(crate) mod train;

use crate::args::{Arguments, Task};
use crate::exit::ExitStatus;
use crate::serving;
use engine::error::Error;

/// Runs the command that the arguments name, or `demo` if they name none.
///
/// # Errors
/// Returns the error of the command, which carries a hint and an exit code.
pub fn run(arguments: &Arguments) -> Result<ExitStatus, Error> {
    let common = &arguments.common;
    let done = |result: Result<(), Error>| result.map(|()| ExitStatus::Done);
    match &arguments.task {
        None => demo::demo(common, &Default::default()),
        Some(Task::Demo(args)) => demo::demo(common, args),
        Some(Task::Pretrain(args)) => train::pretrain(common, args),
        Some(Task::Finetune(args)) => train::finetune(common, args),
        Some(Task::Compare(args)) => compare::compare(common, args),
        Some(Task::Toy(args)) => toy::toy(common, args),
        Some(Task::Bench(args)) => bench::bench(common, args),
        Some(Task::Convert(args)) => done(convert::convert(args)),
        Some(Task::Evaluate(args)) => done(query::evaluate(common, args)),
        Some(Task::Predict(args)) => done(predict::predict(common, args)),
        Some(Task::FillMask(args)) => done(query::fill_mask(common, args)),
        Some(Task::Explain(args)) => done(query::explain(common, args)),
        Some(Task::Neighbours(args)) => done(query::neighbours(common, args)),
        Some(Task::Attention(args)) => done(query::attention(common, args)),
        Some(Task::Export(args)) => done(export::export(args)),
        Some(Task::ServeModel(args)) => done(serving::serve_model(common, args)),
        Some(Task::Mcp(args)) => done(serving::mcp(common, args)),
        Some(Task::Tokenize(args)) => done(tokenize::tokenize(common, args)),
        Some(Task::Inspect(args)) => done(inspect::inspect(common, args)),
    }
}
