//! Tests of the queries and previews that the page sends, served as in the worker, command by
//! command.

mod annotation;
mod label_file;
mod microscope;
mod questions;
mod review;
mod script;
mod slow_motion;
mod text;
