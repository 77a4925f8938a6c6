//! The inputs of the step "Try it".

use leptos::prelude::*;

/// The token that stands for a missing word.
pub const MASK: &str = "[MASK]";

/// Inputs of the panel; they survive a change of language, which mounts the panels again.
#[derive(Clone, Copy)]
pub struct Asked {
    /// Text with masks to fill.
    pub guess: RwSignal<String>,
    /// Text to classify.
    pub label: RwSignal<String>,
    /// Whether each label uses its own decision threshold.
    pub by_own: RwSignal<bool>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            guess: RwSignal::new("a small [MASK] used for cooking".into()),
            label: RwSignal::new("a bird that swims and cannot fly".into()),
            by_own: RwSignal::new(false),
        }
    }
}
