//! How much an archive may unpack.

use super::{is_bomb, ratio_limit, too_large};
use crate::error::DataError;
use protocol::message;

/// Maximum total size of unpacked archives, in bytes: their content stays in memory.
pub const MAX_BYTES: u64 = 1 << 30;

/// The unpacking budget of an archive, including the archives nested in it.
pub struct Budget {
    /// Packed size of the outermost archive, in bytes.
    packed: u64,
    /// Unpacked size of the archives opened before, in bytes.
    before: u64,
    /// Number of bytes unpacked so far.
    unpacked: u64,
}

impl Budget {
    /// The budget of an archive of `packed` bytes, opened after archives with `before` unpacked
    /// bytes.
    pub fn new(packed: u64, before: u64) -> Self {
        Self {
            packed,
            before,
            unpacked: 0,
        }
    }

    /// Returns the number of bytes unpacked so far.
    pub fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// Charges `bytes` more unpacked bytes of `file`.
    ///
    /// # Errors
    /// If the archive expands more than text would, or exceeds the memory limit.
    pub fn take(&mut self, bytes: u64, file: &str, format: &'static str) -> Result<(), DataError> {
        self.unpacked += bytes;
        if is_bomb(self.packed, self.unpacked) {
            return Err(too_large(file, format, ratio_limit()));
        }
        if self.before + self.unpacked > MAX_BYTES {
            return Err(too_large(
                file,
                format,
                message!("{size} GiB", size = MAX_BYTES >> 30),
            ));
        }
        Ok(())
    }
}
