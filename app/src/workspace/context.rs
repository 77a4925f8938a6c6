//! State of the layout: the open step, the view, the enlarged panel, presenting mode. The address
//! bar and the browser's history follow the step.

use super::{Step, View};
use crate::focus::{self, HOME};
use crate::local_storage;
use gloo::events::EventListener;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlDetailsElement, HtmlElement};

/// Time after which a browser has painted a changed layout.
const PAINT_DELAY: Duration = Duration::from_millis(60);

/// Key of the view that the user chose last.
const VIEW_KEY: &str = "clozelab-view";

/// Handle to the state of the layout; copies refer to the same state.
#[derive(Clone, Copy)]
pub struct Workspace {
    /// The open step.
    pub step: RwSignal<Step>,
    /// How the steps are laid out.
    pub view: RwSignal<View>,
    /// Id of the element of the panel that fills the stage.
    pub enlarged: RwSignal<Option<String>>,
    /// Whether one panel fills the screen, in large type.
    pub presenting: RwSignal<bool>,
}

/// Returns the state of the layout provided to the page.
pub fn workspace() -> Workspace {
    expect_context::<Workspace>()
}

impl Workspace {
    /// Creates the layout that the link asks for: `view` and the fragment of the address, otherwise
    /// `first`.
    pub fn open(view: Option<View>, first: Step) -> Self {
        let stored = || View::of_name(&local_storage::get(VIEW_KEY)?);
        let workspace = Self {
            step: RwSignal::new(step_of_address().unwrap_or(first)),
            view: RwSignal::new(view.or_else(stored).unwrap_or_default()),
            enlarged: RwSignal::new(None),
            presenting: RwSignal::new(false),
        };
        EventListener::new(&window(), "hashchange", move |_| {
            if let Some(step) = step_of_address() {
                workspace.show(step);
            }
        })
        .forget();
        workspace.follow_printing();
        workspace
    }

    /// Opens a step, and records it in the browser's history.
    pub fn go(&self, step: Step) {
        let location = window().location();
        let hash = format!("#{}", step.anchor());
        if location.hash().is_ok_and(|current| current == hash) {
            return self.show(step);
        }
        // Following a link to the fragment would move the focus to the page.
        let recorded = window()
            .history()
            .and_then(|history| history.push_state_with_url(&JsValue::NULL, "", Some(&hash)));
        recorded.unwrap_or_default();
        self.show(step);
    }

    /// Opens a step, unless a link hides it.
    pub fn go_if_shown(&self, step: Step) {
        if is_shown(step) {
            self.go(step);
        }
    }

    /// Opens the step that contains the element with this id, unfolds the element, and scrolls to
    /// it.
    pub fn reveal(&self, id: impl Into<String>) {
        let id = id.into();
        if let Some(step) = step_of_element(&id) {
            self.show(step);
        }
        if let Some(Ok(details)) = element(&id).map(JsCast::dyn_into::<HtmlDetailsElement>) {
            details.set_open(true);
        }
        // The step becomes visible in the next task.
        request_animation_frame(move || scroll_to(&id));
    }

    /// Opens a step without changing the address.
    pub fn show(&self, step: Step) {
        if self.step.get_untracked() != step {
            self.enlarged.set(None);
            self.step.set(step);
            let workspace = *self;
            let settle = move || {
                if workspace.presenting.get_untracked() {
                    workspace.enlarged.set(panels().first().cloned());
                }
            };
            request_animation_frame(settle);
            restore_focus();
        }
    }

    /// Chooses the view, also for later visits.
    pub fn choose(&self, view: View) {
        local_storage::keep(VIEW_KEY, view.name());
        self.enlarged.set(None);
        self.presenting.set(false);
        self.view.set(view);
        restore_focus();
        if view == View::Page {
            let anchor = self.step.get_untracked().anchor();
            request_animation_frame(move || scroll_to(anchor));
        }
    }

    /// Returns whether an element that belongs to these steps is shown: always in the page view.
    pub fn shows(&self, belongs: impl Fn(Step) -> bool) -> bool {
        let step = self.step.get();
        self.view.get() == View::Page || belongs(step)
    }

    /// Enlarges a panel to the whole stage, or restores it.
    pub fn toggle_enlarged(&self, panel: &str) {
        let is_enlarged = self.enlarged.get_untracked().as_deref() == Some(panel);
        self.enlarged.set((!is_enlarged).then(|| panel.into()));
    }

    /// Starts or ends presenting mode.
    pub fn toggle_presenting(&self) {
        let starts = !self.presenting.get_untracked();
        if starts && self.enlarged.get_untracked().is_none() {
            self.enlarged.set(panels().first().cloned());
        }
        if !starts {
            self.enlarged.set(None);
        }
        self.presenting.set(starts);
        restore_focus();
    }

    /// Presents the next panel of the step, or the previous one.
    pub fn turn(&self, forward: bool) {
        let panels = panels();
        let now = self.enlarged.get_untracked();
        let place = panels.iter().position(|panel| Some(panel) == now.as_ref());
        let count = panels.len();
        let next = match (place, forward) {
            (Some(place), true) => (place + 1) % count,
            (Some(place), false) => (place + count - 1) % count,
            (None, _) => 0,
        };
        if let Some(panel) = panels.get(next) {
            self.enlarged.set(Some(panel.clone()));
            restore_focus();
        }
    }

    /// Prints the page view, whichever view is on the screen.
    fn follow_printing(self) {
        let set = |view: View| {
            let layout = document().query_selector(".layout").ok().flatten();
            if let Some(layout) = layout {
                layout
                    .set_attribute("data-view", view.name())
                    .unwrap_or_default();
            }
        };
        EventListener::new(&window(), "beforeprint", move |_| set(View::Page)).forget();
        EventListener::new(&window(), "afterprint", move |_| {
            set(self.view.get_untracked());
        })
        .forget();
    }
}

/// Moves the focus to the open step, if what had it is hidden in the new layout.
fn restore_focus() {
    let restore = || {
        // Only one of them is visible.
        for selector in [HOME, "[data-testid=present]"] {
            if focus::is_nowhere() {
                focus::on(selector);
            }
        }
    };
    set_timeout(restore, PAINT_DELAY);
}

/// Panels of the open step, in the order of the page.
const PANELS: &str = "#stage:not(.away) > .panel, .section:not(.away) > .panels > .panel";

/// Returns whether the step has an entry in the navigation that no link hides.
pub fn is_shown(step: Step) -> bool {
    let testid = step.nav_testid();
    let entry = format!("nav li:not(.withheld) > [data-testid={testid}]");
    let found = document().query_selector(&entry);
    found.is_ok_and(|found| found.is_some())
}

/// Returns the ids of the panels of the open step.
fn panels() -> Vec<String> {
    let found = document().query_selector_all(PANELS);
    let Ok(found) = found else { return vec![] };
    let panels = (0..found.length()).filter_map(|place| found.item(place));
    panels
        .map(|panel| panel.unchecked_into::<Element>().id())
        .collect()
}

fn element(id: &str) -> Option<HtmlElement> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

fn scroll_to(id: &str) {
    if let Some(part) = element(id) {
        part.scroll_into_view();
    }
}

fn step_of_address() -> Option<Step> {
    let hash = window().location().hash().ok()?;
    Step::of_anchor(&hash).or_else(|| step_of_element(hash.trim_start_matches('#')))
}

fn step_of_element(id: &str) -> Option<Step> {
    if let Some(step) = Step::of_anchor(id) {
        return Some(step);
    }
    step_of(element(id)?.as_ref())
}

fn step_of(element: &Element) -> Option<Step> {
    let section = element.closest(".section, #stage").ok()??;
    Step::of_anchor(&section.id())
}
