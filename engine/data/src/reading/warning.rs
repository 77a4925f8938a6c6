//! Warnings about a file.

use protocol::Message;

/// A problem that does not stop the run: a stable code and a message.
pub type Warning = (&'static str, Message);
