//! What holds for every message and any input: what is written reads back the same, and text that is no message is refused
//! with a sentence. `cargo xtask soak` tries more inputs.

mod commands;
mod config;
mod events;
mod messages;
