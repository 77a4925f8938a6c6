//! The error notice: a message, a hint and, after a crash of the engine, a button to restart it.

use crate::context::app;
use crate::focus;
use crate::localize_message::localize_message;
use crate::state::{Engine, Notice, StateSlice};
use crate::tr;
use crate::wording;
use leptos::prelude::*;

/// The error notice of the page; hidden while there is none.
#[component]
pub fn NoticeLine() -> impl IntoView {
    let app = app();
    let notice = app.memo(&[StateSlice::Notice], |state| state.notice.clone());
    let crashed = app.memo(&[StateSlice::Engine], |state| {
        state.engine == Engine::Crashed
    });
    let words = move |Notice { message, hint }: Notice| {
        view! {
            <p class="notice-message">{wording::sentence(&localize_message(&message))}</p>
            <p class="notice-hint">{localize_message(&hint)}</p>
        }
    };
    let dismiss = move |_| {
        app.dismiss();
        focus::on(focus::HOME);
    };
    view! {
        <div class="notice" data-testid="error" role="alert" hidden=move || notice.with(Option::is_none)>
            <div class="notice-words">{move || notice.get().map(words)}</div>
            <div class="notice-buttons">
                <Show when=move || crashed.get()>
                    <button type="button" class="primary" on:click=move |_| app.restart_engine_as_chosen()>
                        {tr!("Restart engine")}
                    </button>
                </Show>
                // After a crash, restarting is the only way to continue: the notice cannot be
                // dismissed.
                <Show when=move || !crashed.get()>
                    <button type="button" on:click=dismiss>
                        {tr!("Dismiss")}
                    </button>
                </Show>
            </div>
        </div>
    }
    .into_any()
}
