//! Connections with deadlines, and how many there may be. Knows nothing of HTTP but that a refusal is short.

use super::response::Response;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long, and for how many bytes, the rest of a refused request is read and dropped.
const DRAIN_TIME: Duration = Duration::from_secs(1);
const DRAIN_BYTES: u64 = 64 << 10;

/// How many connections may still be opened.
pub struct Slots(AtomicUsize);

/// One open connection; dropping it frees the slot.
pub struct Slot<'a>(&'a Slots);

impl Slots {
    /// So many at once.
    pub fn new(free: usize) -> Self {
        Self(AtomicUsize::new(free))
    }

    /// A slot, where one is free.
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

/// A connection whose reads and writes all end at one deadline, however small the pieces that trickle in or out.
pub struct Timed<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

/// The connection, for at most `time`.
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

/// Sends one piece of a response.
///
/// # Errors
/// When the client left, or does not take the piece in `time`.
pub fn send(stream: &TcpStream, piece: &[u8], time: Duration) -> io::Result<()> {
    until(stream, time).write_all(piece)
}

/// Ends the response, and reads what the client still sends, within limits.
pub fn drain(stream: &TcpStream) {
    if stream.shutdown(Shutdown::Write).is_ok() {
        // Whatever ends it: the connection is closed now.
        let _ = io::copy(
            &mut until(stream, DRAIN_TIME).take(DRAIN_BYTES),
            &mut io::sink(),
        );
    }
}

/// Refuses a connection without waiting for it: its send buffer is empty, so a short answer fits at once.
pub fn turn_away(mut stream: &TcpStream, response: Response) {
    if stream.set_nonblocking(true).is_ok() {
        // The client is refused with or without the reason.
        let _ = response.send(true, |piece| stream.write_all(piece));
    }
}
