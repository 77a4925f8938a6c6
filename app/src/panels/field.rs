//! A number input that shows its meaning and range, and why an invalid value was rejected.

use crate::context::app;
use crate::focus;
use crate::localize_message::localize_message;
use crate::settings::Field;
use crate::tr;
use leptos::prelude::*;

/// An input for one numeric setting, synchronised with the settings and the page's URL.
#[component]
pub fn NumberField(
    /// The setting to edit.
    field: Field,
) -> impl IntoView {
    let app = app();
    // The rejected input and the reason.
    let rejected = RwSignal::new(None::<(String, String)>);
    let (input, help) = (
        format!("set-{}", field.key),
        format!("set-{}-help", field.key),
    );
    let change = move |event| {
        let text = event_target_value(&event);
        let result = app
            .settings
            .try_update(|settings| settings.edit(field.key, &text));
        rejected.set(
            result
                .and_then(Result::err)
                .map(|error| (text, localize_message(&error.message))),
        );
    };
    view! {
        <div class="field">
            <div class="field-head">
                <label for=input.clone()>{field.label()}</label>
                <button
                    type="button"
                    class="reset"
                    aria-label=tr!("Reset {field}", field = field.label())
                    hidden=move || {
                        rejected.with(Option::is_none) && app.settings.with(|settings| settings.value(field.key).is_empty())
                    }
                    on:click=move |_| {
                        app.settings.update(|settings| settings.edit(field.key, "").unwrap_or_default());
                        rejected.set(None);
                        focus::on(&format!("#set-{}", field.key));
                    }
                >
                    {tr!("Reset")}
                </button>
            </div>
            <input
                id=input
                type="text"
                inputmode=if field.is_integer() { "numeric" } else { "decimal" }
                autocomplete="off"
                placeholder=field.default()
                aria-describedby=help.clone()
                aria-invalid=move || rejected.with(Option::is_some).to_string()
                prop:value=move || match rejected.get() {
                    Some((typed, _)) => typed,
                    None => app.settings.with(|settings| settings.value(field.key)),
                }
                on:change=change
            />
            <p id=help class="help" class:refused=move || rejected.with(Option::is_some)>
                {move || match rejected.get() {
                    Some((_, reason)) => reason,
                    None => field.help(),
                }}
            </p>
        </div>
    }
    .into_any()
}
