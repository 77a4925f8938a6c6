//! Inputs for settings that are choices, switches or short texts, each with one sentence of help.
//! They are synchronised with the settings and the page's URL.

use crate::context::app;
use crate::language::translated;
use crate::settings::{Choice, Field, Switch};
use leptos::prelude::*;

/// A select element for a setting with a fixed set of values.
#[component]
pub fn ChoiceField(
    /// The setting to edit.
    choice: Choice,
) -> impl IntoView {
    let app = app();
    let (input, help) = (
        format!("set-{}", choice.key),
        format!("set-{}-help", choice.key),
    );
    let change = move |event| {
        let name = event_target_value(&event);
        app.settings
            .update(|settings| settings.edit(choice.key, &name).unwrap_or_default());
    };
    let chosen = app
        .settings
        .with_untracked(|settings| settings.value(choice.key));
    let option = |(index, (name, words)): (usize, &(&'static str, &'static str))| {
        let (name, words) = (*name, *words);
        let selected = name == chosen || (index == 0 && chosen.is_empty());
        view! { <option value=name selected=selected>{translated(words)}</option> }
    };
    view! {
        <div class="field">
            <label for=input.clone()>{choice.label()}</label>
            <select id=input aria-describedby=help.clone() on:change=change>
                {choice.options.iter().enumerate().map(option).collect_view()}
            </select>
            <p id=help class="help">{choice.help()}</p>
        </div>
    }
    .into_any()
}

/// A checkbox for a boolean setting.
#[component]
pub fn SwitchField(
    /// The setting to edit.
    switch: Switch,
) -> impl IntoView {
    let app = app();
    let change = move |event| {
        let text = if event_target_checked(&event) {
            "true"
        } else {
            ""
        };
        app.settings
            .update(|settings| settings.edit(switch.key, text).unwrap_or_default());
    };
    view! {
        <label class="option">
            <input
                type="checkbox"
                prop:checked=move || app.settings.with(|settings| !settings.value(switch.key).is_empty())
                on:change=change
            />
            <span>{switch.label()} " " <span class="help">{switch.help()}</span></span>
        </label>
    }
    .into_any()
}

/// A text input for a setting of the table reader; a column setting suggests the existing columns
/// (the datalist `columns`).
#[component]
pub fn TableField(
    /// The setting to edit.
    field: Field,
    /// Whether the existing columns are suggested.
    suggests: bool,
    /// Whether the input is disabled because files cannot be read again at present.
    busy: Memo<bool>,
    /// Called after the setting has changed.
    changed: Callback<()>,
) -> impl IntoView {
    let app = app();
    let name = field.key;
    let (input, describes) = (format!("set-{name}"), format!("set-{name}-help"));
    let change = move |event| {
        let text = event_target_value(&event);
        app.settings
            .update(|settings| settings.edit(name, &text).unwrap_or_default());
        changed.run(());
    };
    view! {
        <div class="field">
            <label for=input.clone()>{field.label()}</label>
            <input
                id=input
                type="text"
                autocomplete="off"
                placeholder=field.default()
                list=suggests.then_some("columns")
                aria-describedby=describes.clone()
                disabled=busy
                prop:value=move || app.settings.with(|settings| settings.value(name))
                on:change=change
            />
            <p id=describes class="help">{field.help()}</p>
        </div>
    }
    .into_any()
}
