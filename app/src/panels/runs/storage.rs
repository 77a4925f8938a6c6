//! The state of the browser's storage.

use crate::context::{Storage, app};
use crate::tr;
use crate::wording::bytes;
use leptos::prelude::*;

/// Storage used by runs and models, whether the browser may evict them, and a button that deletes
/// everything.
#[component]
pub fn StorageLine() -> impl IntoView {
    let app = app();
    let words = move || match app.storage.get() {
        Storage::Unknown => tr!("Looking for kept runs…"),
        Storage::Denied => {
            tr!(
                "This browser keeps nothing for this page: runs end with the tab. Save what matters as .zip."
            )
        }
        Storage::Open { usage, persistent } => {
            let promise = match persistent {
                true => tr!("It promised not to clear them."),
                false => tr!("It may clear them when room runs short."),
            };
            let summary = match usage {
                Some((used, granted)) => {
                    let (used, granted) = (bytes(used as u64), bytes(granted as u64));
                    tr!(
                        "This browser keeps runs and models, in {used} of {granted}.",
                        used,
                        granted
                    )
                }
                None => tr!("This browser keeps runs and models."),
            };
            format!("{summary} {promise}")
        }
    };
    let is_confirming = RwSignal::new(false);
    let delete = move |_| {
        if is_confirming.get_untracked() {
            app.delete_everything();
        }
        is_confirming.update(|is_confirming| *is_confirming = !*is_confirming);
    };
    let deleted = move || {
        app.deleted.get().map(|(runs, models, size)| {
            tr!(
                "Deleted {runs} runs ({models} with a model or checkpoints) and all stored texts and choices: {size} in all.",
                runs,
                models,
                size = bytes(size)
            )
        })
    };
    let is_open = move || matches!(app.storage.get(), Storage::Open { .. });
    let can_ask = move || {
        matches!(
            app.storage.get(),
            Storage::Open {
                persistent: false,
                ..
            }
        )
    };
    view! {
        <div class="start">
            <p class="help" data-testid="storage">{words}</p>
            <button type="button" hidden=move || !can_ask() on:click=move |_| app.ask_to_persist()>
                {tr!("Ask the browser to keep them permanently")}
            </button>
            <button
                type="button"
                data-testid="delete-everything"
                hidden=move || !is_open()
                on:click=delete
                on:blur=move |_| is_confirming.set(false)
            >
                {move || if is_confirming.get() { tr!("Delete everything for good?") } else { tr!("Delete everything stored here") }}
            </button>
            <p class="help" role="status">{deleted}</p>
        </div>
    }
}
