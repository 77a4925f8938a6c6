//! Unpacks a compressed stream as it is read. Checksums are verified, and the output is limited to
//! what text would expand to.

use super::gzip::Members;
use super::{damaged, is_bomb, ratio_limit, too_large};
use crate::text::shown::on_one_line;
use bzip2::read::MultiBzDecoder;
use lzma_rust2::XzReader;
use protocol::{Message, message};
use std::io::{self, Read};

/// Memory limit for an xz file, in KiB: the highest preset needs 65 MiB.
const MAX_XZ_KIB: u32 = 256 << 10;

/// The compression format of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The gzip format (RFC 1952).
    Gzip,
    /// The bzip2 format of Julian Seward.
    Bzip2,
    /// The `.xz` format of XZ Utils.
    Xz,
}

impl Format {
    /// Detects the format of a file that begins with `bytes`.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // A text may begin with "BZh"; in a packed file, the signature of a block follows.
        const BLOCK: &[u8] = b"\x31\x41\x59\x26\x53\x59";
        const NO_BLOCK: &[u8] = b"\x17\x72\x45\x38\x50\x90";
        let after_level = bytes.get(4..).unwrap_or_default();
        match () {
            () if super::gzip::is_gzip(bytes) => Some(Self::Gzip),
            () if bytes.starts_with(b"\xFD7zXZ\0") => Some(Self::Xz),
            () if bytes.starts_with(b"BZh")
                && (after_level.starts_with(BLOCK) || after_level.starts_with(NO_BLOCK)) =>
            {
                Some(Self::Bzip2)
            }
            () => None,
        }
    }

    /// Returns the name of the format in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// Returns the extension of its file names, including the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Bzip2 => ".bz2",
            Self::Xz => ".xz",
        }
    }

    /// Returns the format that a file name implies.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        [Self::Gzip, Self::Bzip2, Self::Xz]
            .into_iter()
            .find(|format| name.ends_with(format.ending()))
    }
}

/// Reads the content of a packed stream. Its errors wrap a [`DataError`](crate::DataError).
pub(crate) struct Unpacking<R: Read> {
    name: String,
    /// The compression format of the stream.
    pub format: Format,
    packed: u64,
    unpacked: u64,
    reader: Reader<R>,
}

enum Reader<R: Read> {
    Gzip(Box<Members<R>>),
    Bzip2(Box<MultiBzDecoder<R>>),
    Xz(Box<XzReader<R>>),
}

impl<R: Read> Unpacking<R> {
    /// Unpacks `raw`, which holds the `packed` bytes of the file `name`.
    pub fn new(name: &str, format: Format, packed: u64, raw: R) -> Self {
        let reader = match format {
            Format::Gzip => Reader::Gzip(Box::new(Members::new(raw))),
            Format::Bzip2 => Reader::Bzip2(Box::new(MultiBzDecoder::new(raw))),
            Format::Xz => Reader::Xz(Box::new(XzReader::new_mem_limit(raw, true, MAX_XZ_KIB))),
        };
        Self {
            name: name.into(),
            format,
            packed,
            unpacked: 0,
            reader,
        }
    }

    /// Returns the number of bytes after the last member of a gzip file; 0 for other formats.
    pub fn trailing(&self) -> u64 {
        match &self.reader {
            Reader::Gzip(members) => members.trailing,
            Reader::Bzip2(_) | Reader::Xz(_) => 0,
        }
    }
}

impl<R: Read> Read for Unpacking<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.reader {
            Reader::Gzip(members) => members.read(out),
            Reader::Bzip2(decoder) => decoder.read(out),
            Reader::Xz(decoder) => decoder.read(out),
        };
        let format = self.format.name();
        let read =
            read.map_err(|error| io::Error::other(damaged(&self.name, format, problem(&error))))?;
        self.unpacked += read as u64;
        if is_bomb(self.packed, self.unpacked) {
            return Err(io::Error::other(too_large(
                &self.name,
                format,
                ratio_limit(),
            )));
        }
        Ok(read)
    }
}

fn problem(error: &io::Error) -> Message {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => message!("ends early"),
        _ => message!(
            "is damaged ({error})",
            error = on_one_line(&error.to_string())
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataError;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    /// `hello hello hello\n`, packed by XZ Utils 5.4.
    const XZ: &[u8] = include_bytes!("../../tests/data/hello.xz");

    fn unpack(packed: &[u8]) -> Result<(Vec<u8>, u64), DataError> {
        let format = Format::of(packed).expect("packed");
        let mut unpacking = Unpacking::new("x", format, packed.len() as u64, packed);
        let mut bytes = Vec::new();
        unpacking
            .read_to_end(&mut bytes)
            .map_err(|error| error.downcast::<DataError>().expect("carried"))?;
        Ok((bytes, unpacking.trailing()))
    }

    fn check(packed: &[u8], expected: Result<(&[u8], u64), &str>) {
        let unpacked = unpack(packed);
        let unpacked = unpacked
            .as_ref()
            .map(|(bytes, trailing)| (bytes.as_slice(), *trailing));
        assert_eq!(unpacked.map_err(DataError::code), expected);
    }

    #[test]
    fn members_are_joined_and_damage_is_refused() {
        let one = gzip(b"hello hello hello\n");
        check(&one, Ok((b"hello hello hello\n", 0)));
        check(
            &[&one[..], &gzip(b"again\n")].concat(),
            Ok((b"hello hello hello\nagain\n", 0)),
        );
        check(
            &[&one[..], b"GARBAGE"].concat(),
            Ok((b"hello hello hello\n", 7)),
        );
        check(
            &[&one[..], &[0; 512]].concat(),
            Ok((b"hello hello hello\n", 0)),
        );
        check(&gzip(b""), Ok((b"", 0)));
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
    fn bzip2_and_xz_are_unpacked_and_damage_is_refused() {
        for one in [&bzip2(b"hello hello hello\n"), XZ] {
            check(one, Ok((b"hello hello hello\n", 0)));
            check(
                &[one, one].concat(),
                Ok((b"hello hello hello\nhello hello hello\n", 0)),
            );
            for cut in 10..one.len() {
                check(&one[..cut], Err("damaged-archive"));
            }
            for place in 10..one.len() {
                let mut flipped = one.to_vec();
                flipped[place] ^= 0x55;
                if let Ok((bytes, _)) = unpack(&flipped) {
                    // No checksum covers the padding bits.
                    assert_eq!(bytes, b"hello hello hello\n");
                }
            }
        }
        assert_eq!(Format::of(b"BZh is a word"), None);
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let zeros = vec![0; 17 << 20];
        check(&gzip(&zeros), Err("gzip-bomb"));
        check(&bzip2(&zeros), Err("archive-too-large"));
        let harmless = vec![b'a'; 1 << 20];
        check(&gzip(&harmless), Ok((&harmless, 0)));
    }
}
