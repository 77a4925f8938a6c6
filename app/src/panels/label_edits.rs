//! Merging, renaming and deleting labels, with undo. The label map is a setting of the run.

use crate::context::AppContext;
use crate::focus;
use crate::renames::rename;
use crate::state::{RunState, StateSlice};
use crate::tr;
use crate::wording::grouped;
use leptos::html::Input;
use leptos::prelude::*;
use protocol::LabelMap;

/// Maximum number of merges named in a sentence.
const MAX_MERGES: usize = 6;

/// Edits the label map, with undo.
#[derive(Clone, Copy)]
pub struct LabelEdits {
    app: AppContext,
    /// Undo stack: the label map before each change.
    before: RwSignal<Vec<LabelMap>>,
    renames: Memo<LabelMap>,
    busy: Memo<bool>,
}

impl LabelEdits {
    /// Creates an editor for the label map in the settings of `app`.
    pub fn new(app: AppContext) -> Self {
        let busy = app.memo(
            &[StateSlice::Runs, StateSlice::Progress, StateSlice::Corpus],
            |state| state.is_at_work() || state.reading,
        );
        let renames = Memo::new(move |_| {
            app.settings
                .with(|settings| settings.pretrain.label_map.clone())
        });
        Self {
            app,
            before: RwSignal::new(Vec::new()),
            renames,
            busy,
        }
    }

    fn set(&self, renames: LabelMap) {
        self.app
            .settings
            .update(|settings| settings.pretrain.label_map = renames);
        self.app.read_again();
    }

    fn change(&self, change: impl FnOnce(&mut LabelMap)) {
        let before = self.renames.get_untracked();
        let mut renames = before.clone();
        change(&mut renames);
        if renames != before {
            self.before.update(|all| all.push(before));
            self.set(renames);
        }
    }

    /// Undoes the last change; with an empty undo stack, clears a label map that came with a link.
    fn undo(&self) {
        let before = self.before.try_update(Vec::pop).flatten();
        self.set(before.unwrap_or_default());
    }
}

/// Offers to merge labels that differ only by a likely typo, and to undo changes.
#[component]
pub fn LabelMerges() -> impl IntoView {
    let edits: LabelEdits = expect_context();
    let LabelEdits {
        app, renames, busy, ..
    } = edits;
    let merges = app.memo(&[StateSlice::Corpus], |state| {
        state
            .corpus
            .as_ref()
            .map(|corpus| corpus.traits.label_merges.clone())
            .unwrap_or_default()
    });
    let merge = move |_| {
        edits.change(|renames| {
            for (label, target) in merges.get_untracked() {
                rename(renames, &label, Some(&target));
            }
        });
    };
    let merges_note = move || {
        let shown = merges.with(|merges| {
            let pairs = merges
                .iter()
                .take(MAX_MERGES)
                .map(|(label, target)| format!("{label} → {target}"));
            pairs.collect::<Vec<_>>().join(", ")
                + if merges.len() > MAX_MERGES {
                    ", …"
                } else {
                    ""
                }
        });
        tr!("Labels that differ by a slip: {labels}.", labels = shown)
    };
    let renames_note = move || {
        let count = renames.with(|renames| renames.len() as u64);
        tr!(
            "Labels that were renamed or deleted: {count}.",
            count = grouped(count)
        )
    };
    view! {
        <Show when=move || merges.with(|merges| !merges.is_empty())>
            <p class="merges">
                <bdi>{merges_note}</bdi> " "
                <button type="button" data-testid="merge-labels" disabled=busy on:click=merge>{tr!("Merge")}</button>
            </p>
        </Show>
        <Show when=move || renames.with(|renames| !renames.is_empty())>
            <p class="merges">
                {renames_note} " "
                <button type="button" data-testid="undo-merge" disabled=busy on:click=move |_| edits.undo()>
                    {tr!("Undo")}
                </button>
            </p>
        </Show>
    }
}

/// A text input for the name of each label, and a button that deletes it.
#[component]
pub fn LabelNames() -> impl IntoView {
    let edits: LabelEdits = expect_context();
    let LabelEdits {
        app, renames, busy, ..
    } = edits;
    let labels = app.memo(&[StateSlice::Corpus], labels);
    view! {
        <details hidden=move || labels.with(Vec::is_empty)>
            <summary>{tr!("Rename or delete labels")}</summary>
            <p class="help">{tr!("Two labels with the same name become one. The files stay as they are.")}</p>
            <ul class="plain label-names scroll tall" tabindex="0" aria-label=tr!("Names of the labels")>
                <For each=move || labels.get() key=Clone::clone let:label>
                    <LabelName label />
                </For>
            </ul>
            <button
                type="button"
                hidden=move || renames.with(LabelMap::is_empty)
                disabled=busy
                on:click=move |_| edits.undo()
            >
                {tr!("Undo")}
            </button>
        </details>
    }
}

fn labels(state: &RunState) -> Vec<String> {
    let counts = state
        .corpus
        .as_ref()
        .map(|corpus| corpus.traits.label_counts.as_slice())
        .unwrap_or_default();
    counts.iter().map(|count| count.label.clone()).collect()
}

#[component]
fn LabelName(label: String) -> impl IntoView {
    let edits: LabelEdits = expect_context();
    let busy = edits.busy;
    let (of_field, of_button, to_rename, to_delete) =
        (label.clone(), label.clone(), label.clone(), label.clone());
    let field = NodeRef::<Input>::new();
    let change = move |_| {
        let Some(field) = field.get_untracked() else {
            return;
        };
        let typed = field.value();
        match typed.trim() {
            // A name cannot be empty: restore it.
            "" => field.set_value(&to_rename),
            new => edits.change(|renames| rename(renames, &to_rename, Some(new))),
        }
    };
    let delete = move |_| {
        edits.change(|renames| rename(renames, &to_delete, None));
        focus::on("#data .label-names");
    };
    view! {
        <li>
            <input
                type="text"
                data-testid="label-name"
                dir="auto"
                node_ref=field
                aria-label=tr!("Name of {label}", label = of_field)
                disabled=busy
                prop:value=label
                on:change=change
            />
            <button
                type="button"
                class="quiet"
                data-testid="delete-label"
                aria-label=tr!("Delete {label}", label = of_button)
                disabled=busy
                on:click=delete
            >
                "×"
            </button>
        </li>
    }
}
