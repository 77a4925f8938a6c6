//! What a reader may take for an input of some size: memory at its peak, as the allocator of this thread counts it, and
//! time. Threads that the reader starts are not counted.

use proptest::test_runner::TestCaseError;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// What a property comes to.
pub type Outcome<T = ()> = Result<T, TestCaseError>;

/// Inputs are smaller than [`crate::MAX_INPUT_BYTES`]: linear work on one takes milliseconds, quadratic work takes longer
/// than this.
const MAX_TIME: Duration = Duration::from_secs(5);

/// Memory that reading may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes for any input.
    pub base_bytes: u64,
    /// Bytes more for each byte of the input.
    pub bytes_per_byte: u64,
}

thread_local! {
    /// The most memory and time that any call of this thread took.
    static PEAK: Cell<(u64, Duration)> = const { Cell::new((0, Duration::ZERO)) };
}

/// The most bytes and time that any input took since this was asked for last.
pub fn take_peak() -> (u64, Duration) {
    PEAK.take()
}

impl Limits {
    /// What `read` returns for an input of `bytes` bytes.
    ///
    /// # Errors
    /// When it takes more memory or time than it may.
    pub fn hold<T>(&self, bytes: usize, read: impl FnOnce() -> T) -> Outcome<T> {
        let begin = Instant::now();
        let mut result = None;
        // A panic must leave the counter first, which it would confuse.
        let memory =
            allocation_counter::measure(|| result = Some(catch_unwind(AssertUnwindSafe(read))));
        let elapsed = begin.elapsed();
        let value = result
            .expect("the closure has run")
            .unwrap_or_else(|panic| resume_unwind(panic));
        let (most_bytes, most_time) = PEAK.get();
        PEAK.set((most_bytes.max(memory.bytes_max), most_time.max(elapsed)));
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

/// Fails a property with a sentence unless something holds.
///
/// # Errors
/// That sentence.
pub fn ensure(holds: bool, sentence: impl FnOnce() -> String) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(TestCaseError::fail(sentence()))
    }
}
