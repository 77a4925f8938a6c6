//! Settings that are words, switches or short texts, each with one sentence of help, in step with the settings and the
//! link.

use crate::context::context;
use crate::language::translated;
use crate::settings::{Choice, Switch};
use leptos::prelude::*;

/// One of several words.
#[component]
pub fn ChoiceField(
    /// Which setting.
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
            <label for=input.clone()>{translated(choice.label)}</label>
            <select id=input aria-describedby=help.clone() on:change=change>
                {choice.options.iter().enumerate().map(option).collect_view()}
            </select>
            <p id=help class="help">{translated(choice.help)}</p>
        </div>
    }
    .into_any()
}

/// On or off.
#[component]
pub fn SwitchField(
    /// Which setting.
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
            <span>{translated(switch.label)} " " <span class="help">{translated(switch.help)}</span></span>
        </label>
    }
    .into_any()
}

/// Some letters that say how tables are read: with the columns there are as suggestions (the list `columns`), where it is one.
#[component]
pub fn TableField(
    /// The setting's key.
    name: &'static str,
    /// Visible name.
    #[prop(into)]
    label: String,
    /// What stands there for a value that is not given.
    #[prop(into)]
    default: String,
    /// One sentence below the input.
    #[prop(into)]
    help: String,
    /// Whether columns are suggested.
    #[prop(optional)]
    suggests: bool,
    /// Whether nothing can be read anew now.
    busy: Memo<bool>,
    /// Runs after a change.
    changed: Callback<()>,
) -> impl IntoView {
    let app = app();
    let (input, describes) = (format!("set-{name}"), format!("set-{name}-help"));
    let change = move |event| {
        let text = event_target_value(&event);
        app.settings
            .update(|settings| settings.edit(name, &text).unwrap_or_default());
        changed.run(());
    };
    view! {
        <div class="field">
            <label for=input.clone()>{label}</label>
            <input
                id=input
                type="text"
                autocomplete="off"
                placeholder=default
                list=suggests.then_some("columns")
                aria-describedby=describes.clone()
                disabled=busy
                prop:value=move || app.settings.with(|settings| settings.value(name))
                on:change=change
            />
            <p id=describes class="help">{help}</p>
        </div>
    }
    .into_any()
}
