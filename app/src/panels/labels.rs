//! Label frequencies of the corpus, and a box to paste text into.

use super::bar_table::{Bar, Bars};
use crate::context::app;
use crate::file_import;
use crate::state::{RunState, StateSlice};
use crate::tr;
use crate::wording::grouped;
use crate::workspace::{Fold, Step};
use leptos::prelude::*;
use protocol::LabelCount;

/// Collapsible histogram of documents by label; `children` are shown below it.
#[component]
pub fn LabelHistogram(children: Children) -> impl IntoView {
    let app = app();
    let rows = app.memo(&[StateSlice::Corpus], bars);
    let title = move || {
        rows.with(|rows| {
            if rows.is_empty() {
                tr!("Labels: none")
            } else {
                tr!("Labels, most common first")
            }
        })
    };
    view! {
        <Fold step=Step::Data title=title>
            <Bars caption=tr!("Documents by label") heads=[tr!("Label"), tr!("Training / validation / test")] rows />
            {children()}
        </Fold>
    }
    .into_any()
}

fn bars(state: &RunState) -> Vec<Bar> {
    let counts = state
        .corpus
        .as_ref()
        .map(|corpus| corpus.traits.label_counts.as_slice())
        .unwrap_or_default();
    let max = counts
        .iter()
        .map(|count| count.train)
        .max()
        .unwrap_or(0)
        .max(1) as f64;
    let bar = |count: &LabelCount| Bar {
        name: count.label.clone(),
        share: count.train as f64 / max,
        words: [count.train, count.valid, count.test]
            .map(grouped)
            .join(" / "),
    };
    counts.iter().map(bar).collect()
}

/// Text box for typed or pasted documents.
#[component]
pub fn PasteBox() -> impl IntoView {
    let app = app();
    let text = RwSignal::new(String::new());
    let empty = move || text.with(|text| text.trim().is_empty());
    let take = move |_| {
        let source = file_import::from_text("pasted.txt", &text.get_untracked());
        app.take(
            async move { source.map(|source| vec![source]) },
            &tr!("The text could not be taken"),
        );
    };
    view! {
        <details>
            <summary>{tr!("Paste text")}</summary>
            <div class="block">
                <label for="paste">{tr!("One document per line; labels as __label__name")}</label>
                <textarea id="paste" rows="6" data-testid="paste" on:input=move |event| text.set(event_target_value(&event))></textarea>
                <div class="buttons">
                    <button type="button" data-testid="use-paste" disabled=empty on:click=take>
                        {tr!("Use this text")}
                    </button>
                </div>
            </div>
        </details>
    }
    .into_any()
}
