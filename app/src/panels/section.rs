//! The frame that all panels share: a numbered heading with one sentence beside the panel's content.

use leptos::prelude::*;

/// A numbered part of the page.
#[component]
pub fn Section(
    /// Anchor of the heading.
    id: &'static str,
    /// Which step of the journey.
    number: &'static str,
    /// Heading.
    #[prop(into)]
    title: String,
    /// One sentence below it.
    #[prop(into)]
    lead: String,
    /// The panel.
    children: Children,
) -> impl IntoView {
    let heading = format!("{id}-heading");
    let labelled_by = heading.clone();
    view! {
        <section id=id class="section" aria-labelledby=labelled_by>
            <header class="section-head">
                <span class="section-number" aria-hidden="true">{number}</span>
                <h2 id=heading>{title}</h2>
                <p class="lead">{lead}</p>
            </header>
            <div class="section-body">{children()}</div>
        </section>
    }
    .into_any()
}
