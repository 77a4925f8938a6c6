//! The frame shared by all panels: a numbered heading with a one-sentence lead, and the panel's
//! content.

use leptos::prelude::*;

/// A numbered section of the page.
#[component]
pub fn Section(
    /// Id of the section, used as its anchor.
    id: &'static str,
    /// Number shown beside the heading.
    number: &'static str,
    /// Text of the heading.
    #[prop(into)]
    title: String,
    /// One sentence below the heading.
    #[prop(into)]
    lead: String,
    /// Content of the panel.
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
