//! A histogram as an accessible table: rows of a name, a bar and a value.

use leptos::prelude::*;

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Header of the row.
    pub name: String,
    /// Length of the bar, 0 to 1.
    pub share: f64,
    /// The value, formatted for display.
    pub words: String,
}

/// A table of names, each with a bar and a value.
#[component]
pub fn Bars(
    /// Caption of the table.
    #[prop(into)]
    caption: String,
    /// Headers of the two columns.
    heads: [String; 2],
    /// Rows of the table; without rows it is hidden.
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
