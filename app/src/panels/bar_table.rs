//! Rows of names with a bar and a figure each: a histogram that is a table.

use leptos::prelude::*;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What is counted.
    pub name: String,
    /// Length of the bar, 0 to 1.
    pub share: f64,
    /// The figure in words.
    pub words: String,
}

/// A table of bars.
#[component]
pub fn Bars(
    /// What the table tells.
    #[prop(into)]
    caption: String,
    /// Heads of the two columns.
    heads: [String; 2],
    /// The rows.
    rows: Memo<Vec<Bar>>,
) -> impl IntoView {
    let row = |Bar { name, share, words }: Bar| {
        let label = format!("{name}: {words}");
        view! {
            <tr>
                <th scope="row"><bdi>{name}</bdi></th>
                <td>
                    <meter min="0" max="1" value=share.to_string() aria-label=label></meter>
                    <span class="number">{words}</span>
                </td>
            </tr>
        }
    };
    let name = caption.clone();
    let [first, second] = heads;
    view! {
        <div class="scroll tall" role="region" aria-label=name tabindex="0" hidden=move || rows.with(Vec::is_empty)>
            <table class="bars">
                <caption>{caption}</caption>
                <thead><tr><th scope="col">{first}</th><th scope="col">{second}</th></tr></thead>
                <tbody>{move || rows.get().into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}
