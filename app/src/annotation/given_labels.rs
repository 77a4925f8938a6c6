//! The labels given by hand, with their numbers of documents.

use super::measure::{RARE, rare_labels};
use crate::context::app;
use crate::order;
use crate::tr;
use crate::wording::grouped;
use leptos::prelude::*;

/// Maximum number of rare labels that are named.
const SHOWN_RARE: usize = 8;

/// Number of documents per label given by hand, and the labels with few.
#[component]
pub fn GivenLabels() -> impl IntoView {
    let app = app();
    // Labels with their counts, most frequent first.
    let counts = move || {
        let mut counts: Vec<(String, u64)> = Vec::new();
        app.annotations.with(|all| {
            for label in all.values().flatten() {
                match counts.iter_mut().find(|(other, _)| other == label) {
                    Some((_, count)) => *count += 1,
                    None => counts.push((label.clone(), 1)),
                }
            }
        });
        order::sort_by(&mut counts, |(_, count)| -(*count as f64));
        counts
    };
    let is_empty = move || app.annotations.with(|all| all.is_empty());
    let rare = move || {
        let rare = rare_labels(&counts());
        let named = rare.iter().take(SHOWN_RARE);
        let named: Vec<String> = named
            .map(|(label, count)| format!("{label} ({})", grouped(*count)))
            .collect();
        (!named.is_empty()).then(|| {
            tr!(
                "Labels with fewer than {limit} documents are often missed: {labels}. “Likely rare labels” proposes more of them.",
                limit = RARE,
                labels = named.join(", ")
            )
        })
    };
    let row = |(label, count): (String, u64)| {
        view! { <tr><th scope="row"><bdi>{label}</bdi></th><td class="number">{grouped(count)}</td></tr> }
    };
    view! {
        <p class="help" hidden=move || !is_empty()>{tr!("None yet.")}</p>
        <table hidden=is_empty>
            <thead>
                <tr>
                    <th scope="col">{tr!("Label")}</th>
                    <th scope="col" class="number">{tr!("Documents")}</th>
                </tr>
            </thead>
            <tbody>{move || counts().into_iter().map(row).collect_view()}</tbody>
        </table>
        <p class="help">{rare}</p>
    }
}
