//! Property tests of the messages: every message round-trips through JSON, and text that is not a
//! message is refused with an error. `cargo xtask soak` runs more inputs.

mod commands;
mod config;
mod events;
mod messages;
