//! What a page asks while it watches, served as in the worker, command by command.

mod label_file;
mod microscope;
mod questions;
mod review;
mod script;
mod text;
