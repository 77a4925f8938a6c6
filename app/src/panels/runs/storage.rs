//! What the browser's storage says of itself.

use crate::context::{Storage, app};
use crate::tr;
use crate::wording::bytes;
use leptos::prelude::*;

/// How much room the runs take, and whether the browser may clear them.
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
            let kept = match usage {
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
            format!("{kept} {promise}")
        }
    };
    let sure = RwSignal::new(false);
    let delete = move |_| {
        if sure.get_untracked() {
            app.delete_everything();
        }
        sure.update(|sure| *sure = !*sure);
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
                {tr!("Ask the browser to keep them")}
            </button>
            <button
                type="button"
                data-testid="delete-everything"
                hidden=move || !is_open()
                on:click=delete
                on:blur=move |_| sure.set(false)
            >
                {move || if sure.get() { tr!("Delete everything for good?") } else { tr!("Delete everything stored here") }}
            </button>
            <p class="help" role="status">{deleted}</p>
        </div>
    }
}
