//! An HTTP/1.1 response: status, headers and a body of known length, so that a browser can show
//! progress. Independent of connections.

use super::request::Refusal;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, Cursor, Read};

/// Chunk size of a body, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// A response to a client.
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Box<dyn Read>,
    body_bytes: u64,
}

impl Response {
    /// Creates a response with the contents of a file.
    ///
    /// # Errors
    /// Returns an error if the length of the file cannot be read.
    pub fn of_file(file: File) -> io::Result<Self> {
        let body_bytes = file.metadata()?.len();
        Ok(Self {
            status: 200,
            headers: Vec::new(),
            body: Box::new(file),
            body_bytes,
        })
    }

    /// Creates a response that says that the client's version of a file is the current one.
    pub fn unchanged() -> Self {
        Self {
            status: 304,
            headers: Vec::new(),
            body: Box::new(io::empty()),
            body_bytes: 0,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns whether the response refuses the request.
    pub fn is_error(&self) -> bool {
        self.status >= 400
    }

    /// Returns the status line and the headers.
    fn head(&self) -> String {
        let mut head = format!(
            "HTTP/1.1 {} {}\r\n",
            self.status,
            reason_phrase(self.status)
        );
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").expect("a string takes every write");
        }
        // The length would be that of the file, which is not sent (RFC 9110, section 8.6).
        if self.status != 304 {
            write!(head, "Content-Length: {}\r\n", self.body_bytes)
                .expect("a string takes every write");
        }
        head + "Connection: close\r\n\r\n"
    }

    /// Passes the response to `send` chunk by chunk; `has_body` is false for HEAD.
    ///
    /// # Errors
    /// Returns an error if a chunk cannot be read or sent.
    pub fn send(
        self,
        has_body: bool,
        mut send: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        send(self.head().as_bytes())?;
        if !has_body {
            return Ok(());
        }
        let mut body = self.body.take(self.body_bytes);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match body.read(&mut piece)? {
                0 => return Ok(()),
                count => send(&piece[..count])?,
            }
        }
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let text = format!("{}\n", refusal.reason);
        let body_bytes = text.len() as u64;
        Self {
            status: refusal.status,
            headers: Vec::new(),
            body: Box::new(Cursor::new(text)),
            body_bytes,
        }
        .with("Content-Type", "text/plain; charset=utf-8")
        .with("X-Content-Type-Options", "nosniff")
    }
}

/// Returns the reason phrase of a status (RFC 9110 and RFC 6585).
fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        304 => "Not Modified",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "",
    }
}
