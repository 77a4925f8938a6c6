//! A guided tour of the page: explains one part at a time and highlights it. It can be left at any
//! time.

use super::attention::is_shortcut;
use crate::language::translated;
use crate::mark;
use crate::tr;
use leptos::html::{Button, Div};
use leptos::prelude::*;
use web_sys::KeyboardEvent;

/// Stops of the tour: the `data-testid` of a part and its explanation.
const STOPS: [(&str, &str); 6] = [
    (
        "masking-preview",
        mark!(
            "A line of the text. Some of its tokens are chosen: most become [MASK], some a random token, some stay. The model must guess what stood there."
        ),
    ),
    (
        "start-pretrain",
        mark!("Start, and the same line fills in with the model's guesses as it learns."),
    ),
    (
        "loss-chart",
        mark!(
            "How wrong the guesses are, in nats. Below the line of word frequencies, the model reads context."
        ),
    ),
    (
        "attention-grid",
        mark!(
            "Each square is a head: which token looks at which. They sharpen as the model learns; press one and look closer below."
        ),
    ),
    (
        "drop-zone",
        mark!(
            "Your own text goes here: files, folders, tables, in any encoding. It never leaves this tab."
        ),
    ),
    (
        "start-finetune",
        mark!(
            "Lines with labels make a classifier of the model. Start from both to see what pre-training is worth."
        ),
    ),
];

/// CSS class of the highlighted part.
const MARK: &str = "toured";

/// The button that starts the tour, and the panel of the tour.
#[component]
pub fn Tour() -> impl IntoView {
    let stop = RwSignal::new(None::<usize>);
    // Indices into `STOPS`: a link may hide some parts.
    let stops = StoredValue::new(vec![]);
    let (panel, opener) = (NodeRef::<Div>::new(), NodeRef::<Button>::new());
    let go = move |to: Option<usize>| {
        if stop.get_untracked().is_none() {
            stops.set_value(
                (0..STOPS.len())
                    .filter(|stop| part(STOPS[*stop].0).is_some())
                    .collect(),
            );
        }
        let at = |place: usize| stops.with_value(|stops| stops.get(place).copied());
        mark(stop.get_untracked().and_then(at), false);
        let to = to.filter(|to| at(*to).is_some());
        mark(to.and_then(at), true);
        stop.set(to);
        if to.is_none()
            && let Some(button) = opener.get_untracked()
        {
            button.focus().unwrap_or_default();
        }
    };
    on_cleanup(move || {
        let at = stop
            .get_untracked()
            .and_then(|place| stops.with_value(|stops| stops.get(place).copied()));
        mark(at, false);
    });
    // The panel takes the focus when it opens; closing it returns the focus to the button.
    Effect::new(move |_| {
        if let Some(panel) = panel.get() {
            panel.focus().unwrap_or_default();
        }
    });
    let back = move |_| {
        go(stop.get_untracked().map(|stop| stop.saturating_sub(1)));
        // At the first stop the Back button is hidden and would lose the focus.
        if let Some(panel) = panel
            .get_untracked()
            .filter(|_| stop.get_untracked() == Some(0))
        {
            panel.focus().unwrap_or_default();
        }
    };
    let keys = move |event: KeyboardEvent| match event.key().as_str() {
        _ if is_shortcut(&event) => {}
        "Escape" => go(None),
        "ArrowRight" => go(stop.get_untracked().map(|stop| stop + 1)),
        "ArrowLeft" => go(stop.get_untracked().map(|stop| stop.saturating_sub(1))),
        _ => {}
    };
    let words = move || {
        let stop = stop.get()?;
        let (all, at) = stops.with_value(|stops| (stops.len(), stops.get(stop).copied()));
        let (place, words) = (stop + 1, translated(STOPS[at?].1));
        Some(tr!("{place} of {all}: {words}", place, all, words))
    };
    let is_last = move || {
        stop.get()
            .is_some_and(|stop| stop + 1 == stops.with_value(Vec::len))
    };
    view! {
        <button type="button" class="quiet" data-testid="tour" node_ref=opener on:click=move |_| go(Some(0))>
            {tr!("Tour")}
        </button>
        <Show when=move || stop.get().is_some()>
            <div class="tour" role="region" aria-label=tr!("Tour") tabindex="-1" node_ref=panel on:keydown=keys>
                <p aria-live="polite">{words}</p>
                <div class="buttons">
                    <button type="button" class="primary" on:click=move |_| go(stop.get_untracked().map(|stop| stop + 1))>
                        {move || if is_last() { tr!("Done") } else { tr!("Next") }}
                    </button>
                    <button
                        type="button"
                        hidden=move || stop.get().is_none_or(|stop| stop == 0)
                        on:click=back
                    >
                        {tr!("Back")}
                    </button>
                    <button type="button" hidden=is_last on:click=move |_| go(None)>{tr!("Leave the tour")}</button>
                </div>
            </div>
        </Show>
    }
    .into_any()
}

/// Returns the part of the page with this `data-testid`, unless it is missing or hidden by a link.
fn part(name: &str) -> Option<web_sys::Element> {
    let part = document()
        .query_selector(&format!("[data-testid={name}]"))
        .ok()??;
    part.closest(".withheld").ok()?.is_none().then_some(part)
}

fn mark(stop: Option<usize>, on: bool) {
    let Some((name, _)) = stop.and_then(|stop| STOPS.get(stop)) else {
        return;
    };
    let Some(part) = part(name) else { return };
    let classes = part.class_list();
    if on {
        classes.add_1(MARK).unwrap_or_default();
        part.scroll_into_view_with_bool(false);
    } else {
        classes.remove_1(MARK).unwrap_or_default();
    }
}
