//! What was read from each file, and what each is used for. Names are other people's text: shown as text only, and
//! isolated so that right-to-left names do not reorder the row.

use crate::lab::{Lab, lab};
use crate::state::Topic;
use crate::wording::{bytes, grouped};
use leptos::prelude::*;
use protocol::{Dropped, FileReport, FileRole};

const ROLES: [(FileRole, &str, &str); 3] = [
    (FileRole::Train, "train", "Training"),
    (FileRole::Valid, "valid", "Validation"),
    (FileRole::Test, "test", "Test"),
];

/// One row per file.
#[component]
pub fn FileTable() -> impl IntoView {
    let lab = lab();
    let files = lab
        .memo(&[Topic::Corpus], |state| state.corpus.as_ref().map(|corpus| corpus.files.clone()).unwrap_or_default());
    let busy = lab.memo(&[Topic::Runs], |state| state.active().is_some());
    view! {
        <div class="scroll" role="region" aria-label="Files" tabindex="0">
            <table data-testid="file-table">
                <thead>
                    <tr>
                        <th scope="col">"File"</th>
                        <th scope="col">"Use"</th>
                        <th scope="col" class="number">"Size"</th>
                        <th scope="col">"Encoding"</th>
                        <th scope="col" class="number">"Documents"</th>
                        <th scope="col" class="number">"Labelled"</th>
                        <th scope="col">"Left out"</th>
                    </tr>
                </thead>
                <tbody>{move || files.get().into_iter().map(|file| row(lab, busy, file)).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(lab: Lab, busy: Memo<bool>, file: FileReport) -> impl IntoView {
    let dropped = if file.dropped.is_empty() { "–".into() } else { describe(&file.dropped) };
    view! {
        <tr>
            <th scope="row"><bdi>{file.name.clone()}</bdi></th>
            <td>{role_select(lab, busy, &file)}</td>
            <td class="number">{bytes(file.bytes)}</td>
            <td>{file.encoding}</td>
            <td class="number">{grouped(file.documents)}</td>
            <td class="number">{grouped(file.labelled)}</td>
            <td>{dropped}</td>
        </tr>
    }
}

fn role_select(lab: Lab, busy: Memo<bool>, file: &FileReport) -> impl IntoView + use<> {
    let (name, present) = (file.name.clone(), file.role);
    let label = format!("Use of {name}");
    let change = move |event| {
        let value = event_target_value(&event);
        if let Some((role, ..)) = ROLES.iter().find(|(_, key, _)| *key == value) {
            lab.set_role(&name, *role);
        }
    };
    let option = |(role, value, words): (FileRole, &'static str, &'static str)| {
        view! { <option value=value selected=role == present>{words}</option> }
    };
    view! {
        <select aria-label=label disabled=busy on:change=change>
            {ROLES.map(option).collect_view()}
        </select>
    }
}

fn describe(dropped: &[Dropped]) -> String {
    let part = |line: &Dropped| format!("{} {} (first: line {})", grouped(line.count), line.reason, line.first_line);
    dropped.iter().map(part).collect::<Vec<_>>().join("; ")
}
