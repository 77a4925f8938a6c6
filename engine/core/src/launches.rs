//! Counts the kernels that the process launches on a GPU.

/// Counts kernel launches for as long as it lives. While a second counter lives, the first does not
/// count.
#[cfg(feature = "gpu")]
#[must_use = "launches are counted until it is dropped"]
pub struct LaunchCounter {
    count: std::sync::Arc<Count>,
    _observation: cubecl::logging::LaunchObservation,
}

/// Counts nothing: an engine without GPU support launches no kernels.
#[cfg(not(feature = "gpu"))]
#[derive(Default)]
pub struct LaunchCounter;

#[cfg(feature = "gpu")]
#[derive(Default)]
struct Count(std::sync::atomic::AtomicU64);

#[cfg(feature = "gpu")]
impl cubecl::logging::LaunchObserver for Count {
    fn launched(&self, _kernel: &'static str) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(feature = "gpu")]
impl Default for LaunchCounter {
    fn default() -> Self {
        let count = std::sync::Arc::<Count>::default();
        Self {
            _observation: cubecl::logging::LaunchObservation::new(count.clone()),
            count,
        }
    }
}

impl LaunchCounter {
    /// Returns the number of launches since the counter was created.
    pub fn launches(&self) -> u64 {
        #[cfg(feature = "gpu")]
        return self.count.0.load(std::sync::atomic::Ordering::Relaxed);
        #[cfg(not(feature = "gpu"))]
        0
    }
}
