//! Step 7: the runs, of this tab and of other days, and the way out and in for models.

use super::section::Section;
use crate::chart::scene::RUN_INKS;
use crate::focus;
use crate::intake;
use crate::lab::{Lab, Storage, lab};
use crate::language::translated;
use crate::state::{Run, RunState, Stage, Topic};
use crate::told::told;
use crate::tr;
use crate::wording::{self, bytes, figure, grouped};
use leptos::prelude::*;
use leptos::task::spawn_local;
use protocol::Phase;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::HtmlInputElement;

/// Runs, export and import.
#[component]
pub fn RunsPanel() -> impl IntoView {
    view! {
        <Section
            id="runs-panel"
            number="7"
            title=tr!("Runs")
            lead=tr!("Kept in this browser: figures and models, no line of your text. A saved model opens on the command line and in Hugging Face transformers.")
        >
            <RunTable />
            <Differences />
            <StorageLine />
            <Models />
        </Section>
    }
    .into_any()
}

#[component]
fn RunTable() -> impl IntoView {
    let lab = lab();
    let ids = lab
        .memo(&[Topic::Runs, Topic::Progress], |state| state.runs.iter().map(|run| run.id.clone()).collect::<Vec<_>>());
    view! {
        <div id="runs-table" class="scroll" role="region" aria-label=tr!("Table of runs") tabindex="0">
            <table class="wide-table" data-testid="runs">
                <thead>
                    <tr>
                        <th scope="col">{tr!("Run")}</th>
                        <th scope="col">{tr!("Settings")}</th>
                        <th scope="col">{tr!("Size")}</th>
                        <th scope="col">{tr!("Result")}</th>
                        <th scope="col">{tr!("State")}</th>
                        <th scope="col">{tr!("Actions")}</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || ids.get() key=String::clone children=move |id| view! { <Row id /> } />
                    <tr hidden=move || ids.with(|ids| !ids.is_empty())>
                        <td colspan="6">{tr!("No run yet.")}</td>
                    </tr>
                </tbody>
            </table>
        </div>
    }
}

/// What a row shows of its run.
#[derive(Clone, Default, PartialEq)]
struct Shown {
    swatch: Option<usize>,
    name: String,
    origin: Option<String>,
    settings: String,
    size: String,
    result: String,
    stage: String,
    shown: bool,
    own: bool,
    compared: bool,
    over: bool,
    key: String,
    kept: Option<u64>,
}

fn shown(state: &RunState, id: &str) -> Shown {
    let Some(run) = state.runs.iter().find(|run| run.id == id) else { return Shown::default() };
    let swatch = state.shown_of(Phase::Pretrain).position(|other| other.id == id);
    Shown {
        swatch,
        name: run.name(),
        origin: state.origin_of(run),
        settings: run.settings.clone(),
        size: run.plan.as_ref().map_or("–".into(), |plan| wording::parameters(plan.parameters)),
        result: run.result(),
        stage: match state.is_at_hand(id) {
            true => tr!("{state}; its model is at hand", state = stage_words(run)),
            false => stage_words(run),
        },
        shown: run.shown,
        own: run.is_own(),
        compared: run.comparison.is_some(),
        over: run.stage.is_over(),
        key: run.key.clone(),
        kept: run.kept,
    }
}

#[component]
fn Row(id: String) -> impl IntoView {
    let lab = lab();
    let of = id.clone();
    let row = Memo::new(move |_| {
        // What is over changes with the list only, not with every step of another run.
        let over = lab.peek(|state| state.runs.iter().any(|run| run.id == of && run.stage.is_over()));
        let topics: &[Topic] = if over { &[Topic::Runs] } else { &[Topic::Runs, Topic::Progress] };
        lab.read(topics, |state| shown(state, &of))
    });
    let part = move |take: fn(&Shown) -> String| row.with(take);
    let swatch = move || {
        row.with(|row| row.swatch).map(|index| view! { <span class=format!("swatch run-{}", index % RUN_INKS)></span> })
    };
    let naming = RwSignal::new(false);
    let show = {
        let id = id.clone();
        move |event| lab.show_run(&id, event_target_checked(&event))
    };
    let label = move || tr!("Show {name} in the charts", name = part(|row| row.name.clone()));
    view! {
        <tr>
            <th scope="row">
                <input
                    type="checkbox"
                    aria-label=label
                    hidden=move || !row.with(|row| row.own)
                    prop:checked=move || row.with(|row| row.shown)
                    on:change=show
                />
                " "
                {swatch}
                <span hidden=naming>{move || part(|row| row.name.clone())}</span>
                <Show when=move || naming.get()>
                    <NameField row naming />
                </Show>
                <span class="help origin">{move || row.with(|row| row.origin.clone())}</span>
            </th>
            <td data-label=tr!("Settings")>{move || part(|row| row.settings.clone())}</td>
            <td data-label=tr!("Size")>{move || part(|row| row.size.clone())}</td>
            <td data-label=tr!("Result")>{move || part(|row| row.result.clone())}</td>
            <td data-label=tr!("State")>{move || part(|row| row.stage.clone())}</td>
            <td><Actions id row naming /></td>
        </tr>
    }
}

#[component]
fn NameField(row: Memo<Shown>, naming: RwSignal<bool>) -> impl IntoView {
    let lab = lab();
    let now = row.get_untracked();
    let field = NodeRef::<leptos::html::Input>::new();
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            field.focus().unwrap_or_default();
            field.select();
        }
    });
    let given = RwSignal::new(now.name.clone());
    let keep = move || {
        if naming.get_untracked() {
            let name = given.get_untracked().trim().to_string();
            // A name that was left alone stays the one that the page gives, in its language.
            if name != row.with_untracked(|row| row.name.clone()) {
                lab.change_run(&row.get_untracked().key, |run| run.title = (!name.is_empty()).then_some(name));
            }
            naming.set(false);
        }
    };
    let keys = move |event: web_sys::KeyboardEvent| {
        // An input method ends a word with Enter, too, and the key that opened the field may still be down.
        if event.is_composing() || event.repeat() || !matches!(event.key().as_str(), "Escape" | "Enter") {
            return;
        }
        // Else the same key would press the button that gets the focus.
        event.prevent_default();
        match event.key() == "Enter" {
            true => keep(),
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
            on:input=move |event| given.set(event_target_value(&event))
            on:keydown=keys
            on:blur=move |_| keep()
        />
    }
}

/// What can be done with a run that is over.
#[component]
fn Actions(id: String, row: Memo<Shown>, naming: RwSignal<bool>) -> impl IntoView {
    let lab = lab();
    let busy = lab.memo(&[Topic::Runs, Topic::Progress], |state| state.active().is_some());
    let (link, copied) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let sure = RwSignal::new(false);
    let over = move || row.with(|row| row.over && (row.own || row.compared || !row.key.is_empty()));
    let own = move || row.with(|row| row.own);
    let compared = move || row.with(|row| row.compared);
    let show = {
        let id = id.clone();
        move |_| lab.show_comparison(&id)
    };
    let kept = move || row.with(|row| row.kept.is_some());
    let named = move || row.with(|row| !row.key.is_empty());
    let words = move || {
        let size = row.with(|row| row.kept).map(bytes).unwrap_or_default();
        tr!("Open its model ({size})", size)
    };
    let share = {
        let id = id.clone();
        move |_| {
            link.set(lab.link_to(&id));
            if let Some(link) = link.get_untracked() {
                copy(link, copied);
            }
        }
    };
    let delete = move |_| {
        if sure.get_untracked() {
            focus::on("#runs-table");
            lab.delete_run(&id);
        } else {
            sure.set(true);
        }
    };
    view! {
        <div class="row-actions" hidden=move || !over()>
            <button type="button" hidden=move || !kept() disabled=busy on:click=move |_| lab.open_run(&row.get_untracked().key)>
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
            <button type="button" hidden=move || !compared() data-testid="show-comparison" on:click=show>
                {tr!("Show its result")}
            </button>
            <button type="button" hidden=move || !own() data-testid="share-run" on:click=share>{tr!("Copy link")}</button>
            <button type="button" on:click=delete on:blur=move |_| sure.set(false)>
                {move || if sure.get() { tr!("Delete for good?") } else { tr!("Delete") }}
            </button>
            <Show when=move || link.with(Option::is_some)>
                <input
                    type="text"
                    readonly
                    class="name-field"
                    data-testid="share-link"
                    aria-label=move || match copied.get() {
                        true => tr!("Link with settings and curves, copied"),
                        false => tr!("Link with settings and curves, to copy"),
                    }
                    prop:value=move || link.get().unwrap_or_default()
                />
                <span class="help" role="status">{move || copied.get().then(|| tr!("Copied."))}</span>
            </Show>
        </div>
    }
}

/// Puts a text on the clipboard, where the browser has one and allows it; the field holds it in any case.
fn copy(text: String, copied: RwSignal<bool>) {
    let navigator = window().navigator();
    if !js_sys::Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|clipboard| clipboard.is_object()) {
        return;
    }
    let promise = navigator.clipboard().write_text(&text);
    spawn_local(async move { copied.set(JsFuture::from(promise).await.is_ok()) });
}

/// Where the settings of the shown runs differ.
#[component]
fn Differences() -> impl IntoView {
    let lab = lab();
    let names = lab.memo(&[Topic::Runs], |state| {
        state.runs.iter().filter(|run| run.shown && run.is_own()).map(Run::name).collect::<Vec<_>>()
    });
    let rows = lab.memo(&[Topic::Runs], RunState::differences);
    let head = |name: String| view! { <th scope="col">{name}</th> };
    let cell = |value: Option<String>| view! { <td>{value.unwrap_or_else(|| tr!("default"))}</td> };
    let row = move |(key, values): (String, Vec<Option<String>>)| {
        view! { <tr><th scope="row">{key}</th>{values.into_iter().map(cell).collect_view()}</tr> }
    };
    view! {
        <details hidden=move || names.with(|names| names.len() < 2)>
            <summary>{tr!("Where their settings differ")}</summary>
            <div class="scroll" role="region" aria-label=tr!("Differences of settings") tabindex="0">
                <table>
                    <thead><tr><th scope="col">{tr!("Setting")}</th>{move || names.get().into_iter().map(head).collect_view()}</tr></thead>
                    <tbody>
                        {move || rows.get().into_iter().map(row).collect_view()}
                        <tr hidden=move || rows.with(|rows| !rows.is_empty())><td>{tr!("They are the same.")}</td></tr>
                    </tbody>
                </table>
            </div>
        </details>
    }
}

/// How much room the runs take, and whether the browser may clear them.
#[component]
fn StorageLine() -> impl IntoView {
    let lab = lab();
    let words = move || match lab.storage.get() {
        Storage::Unknown => tr!("Looking for kept runs…"),
        Storage::Denied => {
            tr!("This browser keeps nothing for this page: runs end with the tab. Save what matters as .zip.")
        }
        Storage::Open { usage, persistent } => {
            let promise = match persistent {
                true => tr!("It promised not to clear them."),
                false => tr!("It may clear them when room runs short."),
            };
            let kept = match usage {
                Some((used, granted)) => {
                    let (used, granted) = (bytes(used as u64), bytes(granted as u64));
                    tr!("This browser keeps runs and models, in {used} of {granted}.", used, granted)
                }
                None => tr!("This browser keeps runs and models."),
            };
            format!("{kept} {promise}")
        }
    };
    let can_ask = move || matches!(lab.storage.get(), Storage::Open { persistent: false, .. });
    view! {
        <div class="start">
            <p class="help" data-testid="storage">{words}</p>
            <button type="button" hidden=move || !can_ask() on:click=move |_| lab.ask_to_persist()>
                {tr!("Ask it not to")}
            </button>
        </div>
    }
}

fn stage_words(run: &Run) -> String {
    let steps = grouped(run.steps_done());
    match &run.stage {
        Stage::Requested | Stage::Started | Stage::Compiling(_) => tr!("preparing"),
        Stage::Running => tr!("running, {share} %", share = figure((run.share() * 100.0).floor(), 0)),
        Stage::Paused => tr!("paused at step {step}", step = steps),
        // Those of a comparison are its runs' own.
        Stage::Finished if !run.is_own() => tr!("finished"),
        Stage::Stopped if !run.is_own() => tr!("stopped"),
        Stage::Finished => tr!("finished, {steps} steps", steps),
        Stage::Stopped => tr!("stopped at step {step}", step = steps),
        Stage::Failed(message) => {
            let message = told(&translated(message));
            tr!("failed: {message}", message)
        }
    }
}

#[component]
fn Models() -> impl IntoView {
    let lab = lab();
    let reason = lab.memo(&[Topic::Runs, Topic::Progress, Topic::Engine], |state| match () {
        // Of a run of one's own, the present values are saved.
        () if state.active().is_some_and(|run| !run.is_own()) => {
            Some(tr!("The run under way can be saved when it is over."))
        }
        () if state.active().is_some_and(|run| run.steps_done() > 0) => None,
        () if state.model.pretrained || state.model.classifier => None,
        () => Some(tr!(
            "There is no model to save yet. A model opens from a .zip or from the loose files of a run directory."
        )),
    });
    let imported = lab.memo(&[Topic::Runs, Topic::Engine], |state| state.model.imported.clone());
    view! {
        <div class="block">
            <h3>{tr!("Save or open a model")}</h3>
            <div class="buttons">
                <button
                    type="button"
                    data-testid="export-model"
                    aria-describedby="export-reason"
                    disabled=move || reason.get().is_some()
                    on:click=move |_| lab.save_model()
                >
                    {tr!("Save the model as .zip")}
                </button>
                <label class="button" for="import">
                    {tr!("Open a model")}
                    <input
                        id="import"
                        class="visually-hidden"
                        type="file"
                        multiple=true
                        data-testid="import-model"
                        on:change=move |event| take_model(lab, &event)
                    />
                </label>
            </div>
            <p id="export-reason" class="help">
                {move || reason.get()}
            </p>
            <p class="help">{move || imported.get().map(|summary| tr!("Opened: {summary}", summary = told(&summary)))}</p>
        </div>
    }
}

fn take_model(lab: Lab, event: &web_sys::Event) {
    let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else { return };
    let sources = input.files().map_or(Ok(Vec::new()), |files| intake::from_input(&files));
    input.set_value("");
    match sources {
        Ok(sources) if sources.is_empty() => {}
        Ok(sources) => lab.import(sources),
        Err(reason) => lab.complain(reason, tr!("Open a .zip, or all files of one model.")),
    }
}
