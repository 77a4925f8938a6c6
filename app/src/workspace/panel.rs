//! The frames of the layout: a step with its settings and its panels, and a panel that can fill the
//! stage.

use super::terms::Terms;
use super::{Step, View, workspace};
use crate::focus;
use crate::language::translated;
use crate::tr;
use leptos::prelude::*;
use leptos::text_prop::TextProp;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlDetailsElement};

/// A step: its heading with a one-sentence lead, its settings, the next action, and its panels.
#[component]
pub fn Section(
    /// The step.
    step: Step,
    /// One sentence below the heading.
    #[prop(into)]
    lead: String,
    /// The next action; stays in view below the settings.
    #[prop(optional)]
    action: Option<AnyView>,
    /// Panels of the step.
    #[prop(optional)]
    panels: Option<AnyView>,
    /// Arrangement of the panels, a name in the style sheet.
    #[prop(default = "one")]
    shape: &'static str,
    /// Settings.
    children: Children,
) -> impl IntoView {
    let workspace = workspace();
    let id = step.anchor();
    let heading = format!("{id}-heading");
    let labelled_by = heading.clone();
    let is_away = move || !workspace.shows(|open| open == step);
    view! {
        <section id=id class="section" class:away=is_away aria-labelledby=labelled_by>
            <div class="step" tabindex="-1" data-step=id>
                <header class="section-head" class:numbered=step.is_numbered()>
                    <h2 id=heading>{translated(step.title())}</h2>
                    <p class="lead">{lead}</p>
                </header>
                <div class="section-body">{children()}</div>
                {action.map(|action| view! { <div class="step-action">{action}</div> })}
            </div>
            {panels.map(|panels| view! { <div class="panels" data-shape=shape>{panels}</div> })}
        </section>
    }
    .into_any()
}

/// A panel of the stage, which can be enlarged and presented.
#[component]
pub fn Panel(
    /// Id of the panel.
    id: &'static str,
    /// Heading: the finding, once there is one.
    #[prop(into)]
    title: TextProp,
    /// A few words after the heading.
    #[prop(into, optional)]
    note: Option<TextProp>,
    /// Content of the panel.
    children: Children,
) -> impl IntoView {
    let workspace = workspace();
    let element = format!("panel-{id}");
    let is_enlarged = {
        let element = element.clone();
        Memo::new(move |_| {
            workspace
                .enlarged
                .with(|enlarged| enlarged.as_ref() == Some(&element))
        })
    };
    let heading = format!("{element}-heading");
    let labelled_by = heading.clone();
    let testid = format!("enlarge-{id}");
    let label = move || {
        if is_enlarged.get() {
            tr!("Restore the panel")
        } else {
            tr!("Enlarge the panel")
        }
    };
    let toggle = move |_| {
        workspace.toggle_enlarged(&format!("panel-{id}"));
        focus::on(&format!("[data-testid=enlarge-{id}]"));
    };
    view! {
        <div
            id=element
            role="group"
            class=format!("panel panel-{id}")
            class:enlarged=is_enlarged
            aria-labelledby=labelled_by
        >
            <header class="panel-head">
                <h2 id=heading>{move || title.get()}</h2>
                {note.map(|note| view! { <span class="summary-note">{move || note.get()}</span> })}
                <button
                    type="button"
                    class="quiet enlarge"
                    data-testid=testid
                    aria-pressed=move || is_enlarged.get().to_string()
                    aria-label=label
                    title=label
                    on:click=toggle
                >
                    <span aria-hidden="true">{move || if is_enlarged.get() { "⤡" } else { "⤢" }}</span>
                </button>
            </header>
            <div class="panel-body">{children()} <Terms panel=id /></div>
        </div>
    }
    .into_any()
}

/// Content of a panel that is folded in the page view, where only its title shows, and always open
/// in the step view, where the panel has a heading.
#[component]
pub fn Fold(
    /// Step of the panel.
    step: Step,
    /// Title of the folded content.
    #[prop(into)]
    title: TextProp,
    /// Called when the content is opened or closed.
    #[prop(optional)]
    on_toggle: Option<Callback<bool>>,
    /// Id of the element.
    #[prop(optional)]
    id: Option<&'static str>,
    /// `data-testid` of the element.
    #[prop(optional)]
    testid: Option<&'static str>,
    children: Children,
) -> impl IntoView {
    let workspace = workspace();
    let is_open =
        Memo::new(move |_| workspace.view.get() == View::Steps && workspace.step.get() == step);
    let toggled = move |event: Event| {
        if let Some(on_toggle) = on_toggle {
            on_toggle.run(is_unfolded(&event));
        }
    };
    view! {
        <details id=id class="fold" data-testid=testid prop:open=is_open on:toggle=toggled>
            <summary>{move || title.get()}</summary>
            {children()}
        </details>
    }
    .into_any()
}

/// Returns whether the `<details>` element that dispatched a `toggle` event is open.
pub fn is_unfolded(event: &Event) -> bool {
    let details = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlDetailsElement>().ok());
    details.is_some_and(|details| details.open())
}

/// Content whose place depends on the layout: mounted only where `is_here` holds.
#[component]
pub fn OnlyIn(
    /// Decides from the view and the open step.
    is_here: fn(View, Step) -> bool,
    children: ChildrenFn,
) -> impl IntoView {
    let workspace = workspace();
    let is_shown = Memo::new(move |_| is_here(workspace.view.get(), workspace.step.get()));
    view! { <Show when=move || is_shown.get()>{children()}</Show> }
}

/// For [`OnlyIn`]: in the page view.
pub fn in_page(view: View, _step: Step) -> bool {
    view == View::Page
}

/// For [`OnlyIn`]: in the step view.
pub fn in_steps(view: View, _step: Step) -> bool {
    view == View::Steps
}
