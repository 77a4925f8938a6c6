//! Limits for a reader, depending on the size of its input: the time it takes, and its peak memory
//! as counted by the allocator of this thread. Threads that the reader starts are not counted.

use proptest::test_runner::TestCaseError;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// The result of a property.
pub type Outcome<T = ()> = Result<T, TestCaseError>;

/// Time limit per input. Inputs are at most [`crate::MAX_INPUT_BYTES`]: linear work on one takes
/// milliseconds, quadratic work takes longer than this.
const MAX_TIME: Duration = Duration::from_secs(5);

/// The memory that reading may take, as a linear function of the input size.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes allowed for any input.
    pub base_bytes: u64,
    /// Additional bytes allowed for each byte of the input.
    pub bytes_per_byte: u64,
}

thread_local! {
    /// Maximum memory (in bytes) and time of any call on this thread.
    static PEAK: Cell<(u64, Duration)> = const { Cell::new((0, Duration::ZERO)) };
}

/// Returns the maximum memory (in bytes) and time of any input on this thread since the last call.
pub fn take_peak() -> (u64, Duration) {
    PEAK.take()
}

impl Limits {
    /// Runs `read` on an input of `bytes` bytes, and returns its result.
    ///
    /// # Errors
    /// If it takes more memory or time than allowed.
    pub fn hold<T>(&self, bytes: usize, read: impl FnOnce() -> T) -> Outcome<T> {
        let start = Instant::now();
        let mut result = None;
        // A panic must not unwind through the allocation counter, which would be left unbalanced.
        let memory =
            allocation_counter::measure(|| result = Some(catch_unwind(AssertUnwindSafe(read))));
        let elapsed = start.elapsed();
        let value = result
            .expect("the closure has run")
            .unwrap_or_else(|panic| resume_unwind(panic));
        let (max_bytes, max_time) = PEAK.get();
        PEAK.set((max_bytes.max(memory.bytes_max), max_time.max(elapsed)));
        let allowed = self.base_bytes + self.bytes_per_byte * bytes as u64;
        ensure(memory.bytes_max <= allowed, || {
            format!(
                "{bytes} bytes of input took {} bytes of memory; {allowed} are allowed",
                memory.bytes_max
            )
        })?;
        ensure(elapsed <= MAX_TIME, || {
            format!("{bytes} bytes of input took {elapsed:?}")
        })?;
        Ok(value)
    }
}

/// Fails a property with a message unless `holds` is true.
///
/// # Errors
/// If `holds` is false.
pub fn ensure(holds: bool, sentence: impl FnOnce() -> String) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(TestCaseError::fail(sentence()))
    }
}
