//! The learned vocabulary: its size, and its entries by search.

use crate::lab::lab;
use crate::state::Topic;
use crate::wording::{counted, grouped};
use leptos::prelude::*;
use protocol::VocabularyEntry;

/// The vocabulary, folded away until asked for.
#[component]
pub fn VocabularyTable() -> impl IntoView {
    let lab = lab();
    let vocabulary = lab.memo(&[Topic::Vocabulary], |state| state.vocabulary.clone());
    let size = move || vocabulary.with(|v| v.as_ref().map(|v| counted(v.size, "token"))).unwrap_or_default();
    let entries = move || vocabulary.with(|v| v.as_ref().map(|v| v.entries.clone())).unwrap_or_default();
    view! {
        <details data-testid="vocabulary">
            <summary>"Vocabulary " <span class="summary-note">{size}</span></summary>
            <div class="field search">
                <label for="vocabulary-search">"Tokens that contain"</label>
                <input
                    id="vocabulary-search"
                    type="search"
                    autocomplete="off"
                    on:input=move |event| lab.look_up(event_target_value(&event))
                />
            </div>
            <div class="scroll tall" role="region" aria-label="Vocabulary entries" tabindex="0">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Token"</th>
                            <th scope="col" class="number">"Row"</th>
                            <th scope="col" class="number">"Occurs"</th>
                        </tr>
                    </thead>
                    <tbody>{move || entries().into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        </details>
    }
    .into_any()
}

fn row(entry: VocabularyEntry) -> impl IntoView {
    view! {
        <tr>
            <th scope="row"><bdi>{entry.token}</bdi></th>
            <td class="number">{grouped(entry.id)}</td>
            <td class="number">{grouped(entry.count)}</td>
        </tr>
    }
}
