//! Reads word-vector files line by line.

use crate::data::{ByteSource, DataError, unpacked};
use crate::session::VectorLines;
use std::io::{BufRead, BufReader, Read};
use std::rc::Rc;

/// Maximum length of a line in bytes; a longer one is split and so counts as malformed.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Returns the lines of `content`, gzipped or not; `name` is used in error messages.
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
