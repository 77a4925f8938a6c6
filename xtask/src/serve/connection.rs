//! Connections with deadlines and a limit on their number. Independent of HTTP, except that a
//! refusal is assumed to be short.

use super::response::Response;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Time and size limits for draining the rest of a refused request.
const DRAIN_TIME: Duration = Duration::from_secs(1);
const DRAIN_BYTES: u64 = 64 << 10;

/// Number of connections that may still be opened.
pub struct Slots(AtomicUsize);

/// An open connection; dropping it frees the slot.
pub struct Slot<'a>(&'a Slots);

impl Slots {
    /// Allows `free` simultaneous connections.
    pub fn new(free: usize) -> Self {
        Self(AtomicUsize::new(free))
    }

    /// Takes a slot if one is free.
    pub fn take(&self) -> Option<Slot<'_>> {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
                free.checked_sub(1)
            });
        taken.is_ok().then(|| Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection whose reads and writes share one deadline, however small the chunks that arrive.
pub struct Timed<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

/// Returns the connection with a deadline of `time` from now.
pub fn until(stream: &TcpStream, time: Duration) -> Timed<'_> {
    Timed {
        stream,
        deadline: Instant::now() + time,
    }
}

impl Timed<'_> {
    fn time_left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Err(io::ErrorKind::TimedOut.into())
        } else {
            Ok(Some(left))
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.time_left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.time_left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends one chunk of a response.
///
/// # Errors
/// Returns an error if the client has disconnected, or does not accept the chunk within `time`.
pub fn send(stream: &TcpStream, piece: &[u8], time: Duration) -> io::Result<()> {
    until(stream, time).write_all(piece)
}

/// Ends the response and reads what the client still sends, within limits.
pub fn drain(stream: &TcpStream) {
    if stream.shutdown(Shutdown::Write).is_ok() {
        // The connection is closed now, whatever the result.
        let _ = io::copy(
            &mut until(stream, DRAIN_TIME).take(DRAIN_BYTES),
            &mut io::sink(),
        );
    }
}

/// Refuses a connection without blocking: its send buffer is empty, so a short answer fits at once.
pub fn turn_away(mut stream: &TcpStream, response: Response) {
    if stream.set_nonblocking(true).is_ok() {
        // The client is refused with or without the reason.
        let _ = response.send(true, |piece| stream.write_all(piece));
    }
}
