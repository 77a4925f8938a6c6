//! Unpacks gzip (RFC 1952): several members with verified checksums, and data after the last one.
//! Nothing in the header is trusted, neither the file name nor the size.

use crate::reading::byte_source::read_buffered;
use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// Returns whether `bytes` begin with a gzip header.
pub fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// The two magic bytes, and one for deflate, the only method.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// Reads the concatenated content of all members of a gzip file.
pub struct Members<R> {
    member: Option<GzDecoder<Ahead<R>>>,
    /// Number of bytes after the last member; 0 if they are all zero.
    pub trailing: u64,
}

impl<R: Read> Members<R> {
    /// Unpacks the gzip file that `raw` reads.
    pub fn new(raw: R) -> Self {
        let raw = Ahead {
            start: Vec::new(),
            shown: 0,
            rest: BufReader::new(raw),
        };
        Self {
            member: Some(GzDecoder::new(raw)),
            trailing: 0,
        }
    }

    /// Continues with the next member, or with the data after the last one.
    fn next_member(&mut self, mut raw: Ahead<R>) -> io::Result<()> {
        if is_gzip(raw.peek(MAGIC.len())?) {
            self.member = Some(GzDecoder::new(raw));
            return Ok(());
        }
        // Tapes and block devices pad with zeros, which is not damage.
        let (mut bytes, mut zeros) = (0, true);
        loop {
            let rest = raw.fill_buf()?;
            if rest.is_empty() {
                break;
            }
            zeros &= rest.iter().all(|&byte| byte == 0);
            let length = rest.len();
            bytes += length as u64;
            raw.consume(length);
        }
        self.trailing = if zeros { 0 } else { bytes };
        Ok(())
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(out)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            let raw = self.member.take().expect("just read from").into_inner();
            self.next_member(raw)?;
        }
        Ok(0)
    }
}

/// A reader that can peek at the next bytes, however few its buffer holds.
struct Ahead<R> {
    start: Vec<u8>,
    shown: usize,
    rest: BufReader<R>,
}

impl<R: Read> Ahead<R> {
    /// Returns the next `n` bytes, or fewer at the end.
    fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        self.start.drain(..self.shown);
        self.shown = 0;
        let missing = n.saturating_sub(self.start.len()) as u64;
        (&mut self.rest)
            .take(missing)
            .read_to_end(&mut self.start)?;
        Ok(&self.start)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.shown < self.start.len() {
            Ok(&self.start[self.shown..])
        } else {
            self.rest.fill_buf()
        }
    }

    fn consume(&mut self, amount: usize) {
        if self.shown < self.start.len() {
            self.shown += amount
        } else {
            self.rest.consume(amount)
        }
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, out)
    }
}
