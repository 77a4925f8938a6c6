//! The inputs of the lesson, shared by its form and its panel.

use crate::context::AppContext;
use leptos::prelude::*;

/// Inputs of the lesson, shared by its form and the panel.
#[derive(Clone, Copy)]
pub struct SlowMotionView {
    /// Text in the input.
    pub text: RwSignal<String>,
    /// Text whose word is followed.
    pub followed: RwSignal<String>,
    /// Index of the frame that is shown.
    pub frame: RwSignal<usize>,
    /// The user's guess of the masked word.
    pub guess: RwSignal<String>,
    /// Index of the layer of the head that is followed.
    pub layer: RwSignal<u64>,
    /// Index of that head.
    pub head: RwSignal<u64>,
}

impl Default for SlowMotionView {
    fn default() -> Self {
        Self {
            text: RwSignal::new("a small pot used for cooking".into()),
            frame: RwSignal::new(0),
            followed: RwSignal::default(),
            guess: RwSignal::default(),
            layer: RwSignal::new(0),
            head: RwSignal::new(0),
        }
    }
}

impl SlowMotionView {
    /// Requests the numbers with this token masked.
    pub fn mask(self, app: AppContext, position: Option<u64>) {
        self.guess.set(String::new());
        self.ask(app, position);
    }

    /// Requests the numbers of the selected head.
    pub fn ask(self, app: AppContext, position: Option<u64>) {
        let text = self.followed.get_untracked();
        app.slow_motion(
            text,
            position,
            self.layer.get_untracked(),
            self.head.get_untracked(),
        );
    }
}
