//! Actions on a finished run, and the input for its name.

use super::share_link::CopyOut;
use super::shown::Shown;
use crate::context::app;
use crate::focus;
use crate::state::StateSlice;
use crate::tr;
use crate::wording::bytes;
use crate::workspace::workspace;
use leptos::prelude::*;

/// Buttons that resume, open, rename, share and delete a run.
#[component]
pub fn Actions(id: String, row: Memo<Shown>, naming: RwSignal<bool>) -> impl IntoView {
    let (app, workspace) = (app(), workspace());
    let busy = app.memo(&[StateSlice::Runs, StateSlice::Progress], |state| {
        state.is_at_work()
    });
    let is_confirming = RwSignal::new(false);
    let over = move || row.with(|row| row.over && (row.own || row.compared || !row.key.is_empty()));
    let compared = move || row.with(|row| row.compared);
    let show = {
        let id = id.clone();
        move |_| {
            app.show_comparison(&id);
            workspace.reveal("compare");
            // Only one of them is visible, depending on the view.
            request_animation_frame(|| {
                focus::on("#compare > summary");
                focus::on("#panel-comparison .enlarge");
            });
        }
    };
    let taken = id.clone();
    let resumes = move || row.with(|row| row.resumes);
    let elsewhere = move || row.with(|row| row.elsewhere);
    let has_model = move || row.with(|row| row.kept.is_some() || row.own && row.saved);
    let named = move || row.with(|row| !row.key.is_empty());
    let words = move || match row.with(|row| row.kept).map(bytes) {
        Some(size) => tr!("Open its model ({size})", size),
        None => tr!("Open its model"),
    };
    let delete = move |_| {
        if is_confirming.get_untracked() {
            focus::on("#runs-table");
            app.delete_run(&id);
        } else {
            is_confirming.set(true);
        }
    };
    view! {
        <div class="row-actions" hidden=move || !over()>
            <Show when=resumes>
                <Resume row busy />
            </Show>
            <button type="button" hidden=move || !has_model() disabled=busy on:click=move |_| app.open_run(&row.get_untracked().key)>
                {words}
            </button>
            <button
                type="button"
                data-rename=move || row.with(|row| row.key.clone())
                hidden=move || !named()
                on:click=move |_| naming.set(true)
            >
                {tr!("Rename")}
            </button>
            <button
                type="button"
                data-testid="pin-run"
                hidden=move || !named() || compared()
                title=tr!("The results of the other runs are compared with that of the pinned run.")
                on:click=move |_| app.pin_run(&row.get_untracked().key)
            >
                {move || if row.with(|row| row.is_pinned) { tr!("Unpin") } else { tr!("Pin") }}
            </button>
            <button type="button" hidden=move || !compared() data-testid="show-comparison" on:click=show>
                {tr!("Show its result")}
            </button>
            <TakeAway id=taken row />
            <button type="button" hidden=elsewhere on:click=delete on:blur=move |_| is_confirming.set(false)>
                {move || if is_confirming.get() { tr!("Delete for good?") } else { tr!("Delete") }}
            </button>
        </div>
    }
}

/// Copies a run as a link and as a command line.
#[component]
fn TakeAway(id: String, row: Memo<Shown>) -> impl IntoView {
    let app = app();
    // Labels given by hand, an encoding and word vectors are not part of a command.
    let is_complete = move || {
        app.annotations.with(|all| all.is_empty())
            && app.encoding.with(Option::is_none)
            && app.word_vectors().is_none()
    };
    let own = id.clone();
    let linked = Memo::new(move |_| {
        if row.with(|row| row.own) {
            vec![own.clone()]
        } else {
            vec![]
        }
    });
    let commanded = app.memo(&[StateSlice::Runs], move |state| {
        let command = state.command_line(&id).filter(|_| is_complete());
        Vec::from_iter(command.map(|_| id.clone()))
    });
    let link = move |ids: Vec<String>| app.link_to(&ids);
    let command =
        move |ids: Vec<String>| app.peek(|state| state.command_line(ids.first()?.as_str()));
    view! {
        <CopyOut
            testid="share-run"
            words=tr!("Copy link")
            what=tr!("Link with settings and curves")
            runs=linked
            make=link
        />
        <CopyOut
            testid="copy-command"
            words=tr!("Copy as command line")
            what=tr!("Command that repeats this run natively; on the CPU the results differ by rounding only")
            runs=commanded
            make=command
        />
    }
}

/// Resumes a run that ended before its planned steps, in the page or, from a saved file, on the
/// command line.
#[component]
fn Resume(row: Memo<Shown>, busy: Memo<bool>) -> impl IntoView {
    let app = app();
    view! {
        <button
            type="button"
            class="primary"
            data-testid="resume-run"
            disabled=busy
            on:click=move |_| app.resume_run(&row.get_untracked().key)
        >
            {tr!("Resume")}
        </button>
        <button
            type="button"
            data-testid="save-run"
            hidden=move || !row.with(|row| row.own)
            disabled=busy
            title=tr!("Includes the newest checkpoint. Continue the run with clozelab pretrain --resume or clozelab finetune --resume.")
            on:click=move |_| app.save_run(&row.get_untracked().key)
        >
            {tr!("Save the run as .zip")}
        </button>
    }
}

/// Text input in place of the run's name: Enter or losing the focus saves it, Escape cancels.
#[component]
pub fn NameField(row: Memo<Shown>, naming: RwSignal<bool>) -> impl IntoView {
    let app = app();
    let now = row.get_untracked();
    let field = NodeRef::<leptos::html::Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            field.focus().unwrap_or_default();
            field.select();
        }
    });
    let typed = RwSignal::new(now.name.clone());
    let save = move || {
        if naming.get_untracked() {
            let name = typed.get_untracked().trim().to_string();
            // Save only a changed name: an unchanged generated name stays translatable.
            if name != row.with_untracked(|row| row.name.clone()) {
                app.change_run(&row.get_untracked().key, |run| {
                    run.title = (!name.is_empty()).then_some(name)
                });
            }
            naming.set(false);
        }
    };
    let keys = move |event: web_sys::KeyboardEvent| {
        // Input methods use Enter to confirm a word, and the key that opened the input may still be
        // held down.
        if event.is_composing()
            || event.repeat()
            || !matches!(event.key().as_str(), "Escape" | "Enter")
        {
            return;
        }
        // Otherwise the same key press would activate the button that receives the focus.
        event.prevent_default();
        match event.key() == "Enter" {
            true => save(),
            false => naming.set(false),
        }
        focus::on(&format!("[data-rename=\"{}\"]", row.get_untracked().key));
    };
    view! {
        <input
            type="text"
            class="name-field"
            aria-label=tr!("Name of the run")
            maxlength="80"
            value=now.name
            node_ref=field
            on:input=move |event| typed.set(event_target_value(&event))
            on:keydown=keys
            on:blur=move |_| save()
        />
    }
}
