//! Unpacks gzip (RFC 1952) as it is read: several members, checksums verified, and never more output than text would
//! give. Nothing in the header is trusted: neither the file name nor the size.

use crate::error::DataError;
use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// Text packs 2:1 to 20:1; deflate's limit is 1,032:1. Above this ratio it is a bomb or not worth training on.
const MAX_RATIO: u64 = 200;

/// Below this size any ratio is harmless.
const RATIO_FREE_BYTES: u64 = 16 << 20;

/// Whether `bytes` begin as gzip does.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// Two bytes of the format and one for deflate, its only method.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 0x08];

/// The content of a gzip file, all members one after the other. Its errors carry a [`DataError`].
pub(crate) struct Unpacking<R> {
    name: String,
    packed: u64,
    unpacked: u64,
    member: Option<GzDecoder<Ahead<R>>>,
    /// Bytes after the last member that are no member.
    pub trailing: u64,
}

impl<R: Read> Unpacking<R> {
    /// Unpacks `raw`, the `packed` bytes of the file `name`.
    pub fn new(name: &str, packed: u64, raw: R) -> Self {
        let raw = Ahead { start: Vec::new(), shown: 0, rest: BufReader::new(raw) };
        Self { name: name.into(), packed, unpacked: 0, member: Some(GzDecoder::new(raw)), trailing: 0 }
    }

    /// Goes on with the next member, or with what follows the last one.
    fn next_member(&mut self, mut raw: Ahead<R>) -> io::Result<()> {
        if is_gzip(raw.peek(MAGIC.len())?) {
            self.member = Some(GzDecoder::new(raw));
            return Ok(());
        }
        // Tapes and block devices pad with zeros; that is no damage.
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

impl<R: Read> Read for Unpacking<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(out).map_err(|error| io::Error::other(damaged(&self.name, &error)))?;
            self.unpacked += read as u64;
            check_limits(&self.name, self.packed, self.unpacked).map_err(io::Error::other)?;
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            let raw = self.member.take().expect("just read from").into_inner();
            self.next_member(raw)?;
        }
        Ok(0)
    }
}

/// A reader whose next bytes can be looked at, however few its buffer holds.
struct Ahead<R> {
    start: Vec<u8>,
    shown: usize,
    rest: BufReader<R>,
}

impl<R: Read> Ahead<R> {
    /// The next `n` bytes, or as many as there are.
    fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        self.start.drain(..self.shown);
        self.shown = 0;
        let missing = n.saturating_sub(self.start.len()) as u64;
        (&mut self.rest).take(missing).read_to_end(&mut self.start)?;
        Ok(&self.start)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.shown < self.start.len() { Ok(&self.start[self.shown..]) } else { self.rest.fill_buf() }
    }

    fn consume(&mut self, amount: usize) {
        if self.shown < self.start.len() { self.shown += amount } else { self.rest.consume(amount) }
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let taken = available.len().min(out.len());
        out[..taken].copy_from_slice(&available[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}

fn check_limits(name: &str, packed: u64, unpacked: u64) -> Result<(), DataError> {
    if unpacked > RATIO_FREE_BYTES && unpacked / MAX_RATIO > packed {
        return Err(DataError::GzipBomb { file: name.into(), limit: format!("{MAX_RATIO} times its size") });
    }
    Ok(())
}

fn damaged(name: &str, error: &io::Error) -> DataError {
    let problem = match error.kind() {
        io::ErrorKind::UnexpectedEof => "ends early".to_string(),
        _ => format!("is damaged ({error})"),
    };
    DataError::DamagedGzip { file: name.into(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn check(packed: &[u8], expected: Result<(&[u8], u64), &str>) {
        let mut unpacking = Unpacking::new("x.gz", packed.len() as u64, packed);
        let mut bytes = Vec::new();
        match (unpacking.read_to_end(&mut bytes), expected) {
            (Ok(_), Ok(expected)) => assert_eq!((bytes.as_slice(), unpacking.trailing), expected),
            (Err(error), Err(code)) => {
                let error = error.downcast::<DataError>().expect("carried");
                assert_eq!(error.code(), code, "{error}");
            }
            (got, expected) => panic!("{got:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn members_are_joined_and_damage_is_refused() {
        let one = pack(b"hello hello hello\n");
        check(&one, Ok((b"hello hello hello\n", 0)));
        check(&[&one[..], &pack(b"again\n")].concat(), Ok((b"hello hello hello\nagain\n", 0)));
        check(&[&one[..], b"GARBAGE"].concat(), Ok((b"hello hello hello\n", 7)));
        check(&[&one[..], &[0; 512]].concat(), Ok((b"hello hello hello\n", 0)));
        check(&pack(b""), Ok((b"", 0)));
        for cut in 3..one.len() {
            check(&one[..cut], Err("damaged-gzip"));
        }
        for place in one.len() - 8..one.len() {
            let mut flipped = one.clone();
            flipped[place] ^= 1;
            check(&flipped, Err("damaged-gzip"));
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        check(&pack(&vec![0; 17 << 20]), Err("gzip-bomb"));
        let harmless = vec![b'a'; 1 << 20];
        check(&pack(&harmless), Ok((&harmless, 0)));
    }
}
