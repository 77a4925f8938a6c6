//! Files of word vectors, line by line.

use super::VectorLines;
use crate::data::{ByteSource, DataError, unpacked};
use std::io::{BufRead, BufReader, Read};
use std::rc::Rc;

/// Bytes of one line at most; a longer one is cut and so counts as ragged.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// The lines of `content`, packed with gzip or not, which people call `name`.
pub fn vector_lines(name: String, content: Rc<dyn ByteSource>) -> VectorLines {
    Box::new(move |take| {
        let failed = |error| DataError::reading(&name, error);
        let mut reader = BufReader::with_capacity(1 << 20, unpacked(&*content).map_err(failed)?);
        let mut line = Vec::new();
        loop {
            line.clear();
            if (&mut reader)
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line)
                .map_err(failed)?
                == 0
            {
                return Ok(());
            }
            take(&line)?;
        }
    })
}
