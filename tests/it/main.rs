//! Integration tests of the command line: arguments, files, pipes and signals in; exit codes,
//! streams and run directories out. Everything runs on the CPU with the smallest model, so that a
//! case takes seconds.
//!
//! The package is `engine/cli`, so that cargo builds the binary first.

mod answers;
mod backbones;
mod compare;
mod damage;
mod directories;
mod elsewhere;
mod explain;
mod field;
mod finetune;
mod formats;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(target_os = "linux")]
mod hostile_names;
mod interruption;
mod lab;
mod lost;
mod pretrain;
mod refusals;
mod scale;
mod serving;
mod streams;
mod tables;
mod workspace;
