//! Unpacks gzip (RFC 1952): several members, checksums verified, and never more output than text would give. Nothing
//! in the header is trusted: neither the file name nor the size.

use super::error::DataError;
use flate2::bufread::GzDecoder;
use std::io::Read;

/// The most text that one file may hold: a browser's engine has 4 GiB of address space for everything.
pub(super) const MAX_TEXT_BYTES: u64 = 1 << 30;

/// Text packs 2:1 to 20:1; deflate's limit is 1,032:1. Above this ratio it is a bomb or not worth training on.
const MAX_RATIO: u64 = 200;

/// Below this size any ratio is harmless.
const RATIO_FREE_BYTES: u64 = 16 << 20;

/// How much is unpacked between two looks at the limits.
const CHUNK_BYTES: usize = 64 << 10;

/// Text out of a gzip file.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// Of all members, one after the other.
    pub bytes: Vec<u8>,
    /// Bytes after the last member that are no member.
    pub trailing: usize,
}

/// Whether `bytes` begin as gzip does.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b, 0x08])
}

/// Unpacks `packed`, which comes from the file `name`.
///
/// # Errors
/// When it ends early, a checksum differs, or a limit is passed: partial text is never returned.
pub(super) fn unpack(name: &str, packed: &[u8]) -> Result<Unpacked, DataError> {
    let mut rest = packed;
    let mut bytes = Vec::new();
    while is_gzip(rest) {
        rest = unpack_member(name, rest, packed.len() as u64, &mut bytes)?;
    }
    // Tapes and block devices pad with zeros; that is no damage.
    let trailing = if rest.iter().all(|&byte| byte == 0) { 0 } else { rest.len() };
    Ok(Unpacked { bytes, trailing })
}

/// Appends the first member of `packed` to `out` and returns what follows it.
fn unpack_member<'a>(name: &str, packed: &'a [u8], packed_len: u64, out: &mut Vec<u8>) -> Result<&'a [u8], DataError> {
    let mut decoder = GzDecoder::new(packed);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match decoder.read(&mut chunk) {
            Ok(0) => return Ok(decoder.into_inner()),
            Ok(read) => out.extend_from_slice(&chunk[..read]),
            Err(error) => return Err(damaged(name, &error)),
        }
        check_limits(name, packed_len, out.len() as u64)?;
    }
}

fn check_limits(name: &str, packed: u64, unpacked: u64) -> Result<(), DataError> {
    let bomb = |limit: String| Err(DataError::GzipBomb { file: name.into(), limit });
    if unpacked > MAX_TEXT_BYTES {
        return bomb(format!("{} MiB", MAX_TEXT_BYTES >> 20));
    }
    if unpacked > RATIO_FREE_BYTES && unpacked / MAX_RATIO > packed {
        return bomb(format!("{MAX_RATIO} times its size"));
    }
    Ok(())
}

fn damaged(name: &str, error: &std::io::Error) -> DataError {
    let problem = match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "ends early".to_string(),
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

    fn check(packed: &[u8], expected: Result<(&[u8], usize), &str>) {
        match (unpack("x.gz", packed), expected) {
            (Ok(unpacked), Ok((bytes, trailing))) => {
                assert_eq!((unpacked.bytes.as_slice(), unpacked.trailing), (bytes, trailing));
            }
            (Err(error), Err(code)) => assert_eq!(error.code(), code, "{error}"),
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
