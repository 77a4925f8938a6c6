//! What a reader tells about a file besides its documents.

use protocol::Message;

/// A problem that does not stop the run: a stable code and a message.
pub type Warning = (&'static str, Message);
