//! Properties of unpacking compressed streams: gzip, bzip2 and xz.

use super::reading::check_error;
use super::seeds;
use crate::reading::byte_source::ByteSource;
use crate::{DataError, InputFile, ReadOptions, unpacked};
use bzip2::write::BzEncoder;
use flate2::write::GzEncoder;
use fuzz::proptest::collection::vec;
use fuzz::proptest::prelude::*;
use fuzz::{Bytes, Limits, Outcome, ensure, mutated};
use std::io::{Read, Write};

/// An xz file declares how much memory it needs, up to the limit of 256 MiB; unpacked data is read
/// in slices.
const LIMITS: Limits = Limits {
    base_bytes: 300 << 20,
    bytes_per_byte: 100,
};

const PIECES: &[&[u8]] = &[
    b"\x1f\x8b\x08",
    b"\x1f\x8b\x08\0\0\0\0\0\x02\x03",
    b"BZh9",
    b"\x31\x41\x59\x26\x53\x59",
    b"\x17\x72\x45\x38\x50\x90",
    b"\xFD7zXZ\0",
    b"YZ",
    b"\0",
    b"\0\0\0\0",
    b"\xff\xff",
    b"\x21\x01",
    b"\x28",
    b"\x03\0",
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn packed() -> Vec<Vec<u8>> {
    let text = b"a red boat\t__label__x\na tall tree\t__label__y\n".repeat(20);
    vec![
        gzip(&text),
        [gzip(b"a\n"), gzip(b"b\n")].concat(),
        bzip2(&text),
        seeds::of_tests("hello.xz"),
        gzip(&gzip(b"a")),
    ]
}

fn unpack(file: &Vec<u8>) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read =
        unpacked(file as &dyn ByteSource).and_then(|mut reader| reader.read_to_end(&mut bytes));
    read.map(|_| bytes)
        .map_err(|error| DataError::reading("a", error))
}

#[test]
fn any_packed_file_is_unpacked_or_refused() {
    fuzz::check(
        "streams",
        4000,
        &mutated(packed(), PIECES),
        |Bytes(bytes)| -> Outcome {
            if let Err(error) = LIMITS.hold(bytes.len(), || unpack(&bytes))? {
                check_error(&error)?;
            }
            // The file reader has to cope with the same bytes.
            let file = InputFile::in_memory("a.gz", bytes, None);
            let read = LIMITS.hold(file.content.size() as usize, || {
                super::reading::documents(&file, &ReadOptions::default())
            })?;
            read.err().map_or(Ok(()), |error| check_error(&error))
        },
    );
}

#[test]
fn what_is_packed_unpacks_to_itself() {
    fuzz::check(
        "streams-written",
        500,
        &(vec(any::<u8>(), 0..3000), any::<bool>()),
        |(bytes, is_gzip)| {
            let packed = if is_gzip { gzip(&bytes) } else { bzip2(&bytes) };
            ensure(unpack(&packed) == Ok(bytes), || "it has changed".into())
        },
    );
}
