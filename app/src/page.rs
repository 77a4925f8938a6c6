//! The page as a whole: the order of its panels, and what happens around them (the link, the title,
//! the announcements).

use crate::annotation::{LabelPanel, LabellingSession};
use crate::chart_context::ChartContext;
use crate::context::AppContext;
use crate::form_snapshot::FormSnapshot;
use crate::language::{LANGUAGES, Language, choice};
use crate::locale::{Locale, report_missing_catalogue};
use crate::panels::{
    Asked, AttentionPanel, DataPanel, DeferredMount, FinetunePanel, Header, LearnPanel, MountQueue,
    NoticeLine, PretrainPanel, ReviewPanel, RunBar, RunsPanel, SlowMotionView, Stage, TryPanel,
};
use crate::preview_context::PreviewContext;
use crate::state::{RunState, Stage, StateSlice};
use crate::theme::{self, Dark};
use crate::tr;
use crate::wording::figure;
use crate::workspace::{self, Workspace, address};
use crate::{dropping, focus};
use gloo::events::{EventListener, EventListenerOptions};
use leptos::mount::mount_to;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use wasm_split_helpers::{SplitLoaderError, wasm_split};
use web_sys::HtmlElement;

/// Minimum interval between announcements to screen readers.
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(5);

/// Replaces the static shell with the page, in this browser's language.
pub fn mount() {
    console_error_panic_hook::set_once();
    let language = choice::wanted();
    if language.is_source() {
        // A separate task: loading this module already took one.
        set_timeout(move || mount_in(language, None), Duration::ZERO);
        return;
    }
    // If the catalogue cannot be loaded, the page is shown in English.
    spawn_local(async move {
        match choice::words_of(language).await {
            Ok(words) => {
                choice::speak(language, words);
                mount_in(language, None);
            }
            Err(problem) => mount_in(LANGUAGES[0], Some((language, problem))),
        }
    });
}

fn mount_in(language: Language, problem: Option<(Language, String)>) {
    let mount_point = document()
        .get_element_by_id("app")
        .expect("index.html has an element with the id app");
    let page = move || view! { <Page language problem=problem.clone() /> };
    mount_to(mount_point.unchecked_into::<HtmlElement>(), page).forget();
}

#[component]
fn Page(language: Language, problem: Option<(Language, String)>) -> impl IntoView {
    let app = AppContext::open();
    if let Some((wanted, problem)) = problem {
        report_missing_catalogue(app, wanted, &problem);
    }
    provide_context(app);
    let locale = Locale {
        now: RwSignal::new(language),
        wanted: RwSignal::new(language),
        form_snapshot: StoredValue::new_local(None),
    };
    provide_context(locale);
    provide_context(Asked::default());
    provide_context(SlowMotionView::default());
    provide_context(Dark(theme::follow()));
    provide_context(ChartContext::default());
    let scope = PreviewContext::new(app);
    provide_context(scope);
    app.when_read(move || scope.reset());
    address::sync_link(app);
    sync_title(app, locale);
    let workspace = address::open_workspace(app);
    provide_context(workspace);
    workspace::listen(app, workspace);
    let labelling = LabellingSession::open(app, workspace);
    provide_context(labelling);
    dropping::catch_drops(app, workspace);
    dropping::catch_pastes(app);
    ask_before_leaving(app, labelling);
    let has_lesson = app.guide.with_value(|guide| guide.lesson.is_some());
    let later = fetch_later_panels(app);
    let is_revealed = StoredValue::new(false);
    provide_context(MountQueue::new(Callback::new(move |()| {
        if later.with_untracked(Option::is_none) {
            // The parts that the link names may be among those that follow.
            address::hide_parts(app);
            return;
        }
        finish_mount(app, locale.form_snapshot);
        // Parts that change their place are mounted later too.
        if !is_revealed.get_value() {
            is_revealed.set_value(true);
            reveal_address(workspace);
        }
    })));
    // The context is set up in one task and the panels are mounted in the next: doing both at once
    // would block the page on a slow machine.
    let is_due = RwSignal::new(false);
    set_timeout(move || is_due.set(true), Duration::ZERO);
    let parts = move || {
        locale.now.track();
        is_due.get().then(|| {
            remove_shell();
            view! { <Parts workspace has_lesson later /> }
        })
    };
    view! {
        {parts}
        <Announcer />
    }
}

/// Makes the browser ask before it closes or reloads the page during a run, or with labels that
/// could not be stored.
fn ask_before_leaving(app: AppContext, labelling: LabellingSession) {
    let options = EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(&window(), "beforeunload", options, move |event| {
        if app.peek(|state| state.active().is_some()) || labelling.has_unstored() {
            event.prevent_default();
        }
    })
    .forget();
}

/// Removes the static shell, in the same task that mounts the page in its place.
fn remove_shell() {
    if let Some(shell) = document().get_element_by_id("shell") {
        shell.remove();
    }
}

/// Mounts the panels of the later module.
#[derive(Clone, Copy)]
struct LaterPanels {
    /// The lessons; first in the page if the link asks for one.
    lessons: fn() -> AnyView,
    /// All others.
    others: fn() -> AnyView,
}

/// Fetches the panels that a first visit does not need at once; `None` until they have arrived.
fn fetch_later_panels(app: AppContext) -> RwSignal<Option<LaterPanels>> {
    let later = RwSignal::new(None);
    spawn_local(async move {
        match later_panels().await {
            Ok(panels) => later.set(Some(panels)),
            Err(error) => app.show_error(
                tr!("A part of the page could not be loaded ({error}).", error),
                tr!("Reload the page."),
            ),
        }
    });
    later
}

/// The panels behind the first two steps, in a module of their own: it is fetched while the page is
/// mounted, so that the page can be used before it has arrived.
#[wasm_split(later_panels, fallible)]
fn later_panels() -> Result<LaterPanels, SplitLoaderError> {
    Ok(LaterPanels {
        lessons: || view! { <DeferredMount><LearnPanel /></DeferredMount> }.into_any(),
        others: || {
            view! {
                <DeferredMount><FinetunePanel /></DeferredMount>
                <DeferredMount><TryPanel /></DeferredMount>
                <DeferredMount><AttentionPanel /></DeferredMount>
                <DeferredMount><LabelPanel /></DeferredMount>
                <DeferredMount><ReviewPanel /></DeferredMount>
                <DeferredMount><RunsPanel /></DeferredMount>
            }
            .into_any()
        },
    })
}

#[component]
fn Parts(
    workspace: Workspace,
    has_lesson: bool,
    later: RwSignal<Option<LaterPanels>>,
) -> impl IntoView {
    let presenting = workspace.presenting;
    Effect::new(move |_| {
        let root = document().document_element();
        if let Some(root) = root {
            root.class_list()
                .toggle_with_force("presenting", presenting.get())
                .unwrap_or_default();
        }
    });
    let skip = move |event: web_sys::MouseEvent| {
        event.prevent_default();
        // The first one is hidden in the page view.
        focus::on("#stage");
        focus::on(".layout[data-view=steps] .section:not(.away) .step");
    };
    let lessons = |come_first: bool| {
        move || {
            let panels = later.get().filter(|_| has_lesson == come_first);
            panels.map(|panels| (panels.lessons)())
        }
    };
    view! {
        <div
            class="layout"
            data-view=move || workspace.view.get().name()
            data-step=move || workspace.step.get().anchor()
        >
        <a class="skip" href="#stage" on:click=skip>{tr!("Skip to the content")}</a>
        <Header />
        <NoticeLine />
        <main>
            {lessons(true)}
            <Stage />
            <DeferredMount><DataPanel /></DeferredMount>
            <DeferredMount><PretrainPanel /></DeferredMount>
            {move || later.get().map(|panels| (panels.others)())}
            {lessons(false)}
        </main>
        <DeferredMount><Footer /></DeferredMount>
        <DeferredMount><RunBar /></DeferredMount>
        </div>
    }
    .into_any()
}

/// Runs when all panels are mounted: restores form inputs, hides the parts that a teacher's link
/// names, and scrolls to the part that the link's fragment refers to.
fn finish_mount(app: AppContext, form_snapshot: StoredValue<Option<FormSnapshot>, LocalStorage>) {
    form_snapshot
        .try_update_value(Option::take)
        .flatten()
        .into_iter()
        .for_each(FormSnapshot::give_back);
    address::report_unknown(app, &address::hide_parts(app));
}

/// Shows the part that the link's fragment refers to.
fn reveal_address(workspace: Workspace) {
    // Leaves the position alone if the user has already scrolled.
    if window().scroll_y().is_ok_and(|y| y > 0.0) {
        return;
    }
    let hash = window().location().hash().unwrap_or_default();
    workspace.reveal(hash.trim_start_matches('#').to_string());
}

#[component]
fn Footer() -> impl IntoView {
    view! {
        <footer>
            <p>
                {tr!("Your text, the model and its training stay in this tab: the page makes no request to any other place. The bundled definitions are from")}
                " " <a href="./bundle/LICENSE.wordnet">"WordNet 3.0"</a> ", Princeton University; "
                <a href="./SOURCES.md">{tr!("origin and checksums")}</a> "."
            </p>
        </footer>
    }
}

/// Announces the state of the run to screen readers.
#[component]
fn Announcer() -> impl IntoView {
    let (app, locale) = (crate::context::app(), expect_context::<Locale>());
    let latest = Memo::new(move |_| {
        locale.now.track();
        let words = |state: &RunState| {
            state
                .current()
                .map(|run| run.announcement())
                .unwrap_or_default()
        };
        app.read(&[StateSlice::Runs, StateSlice::Progress], words)
    });
    let announced = RwSignal::new(String::new());
    let is_paused = StoredValue::new(false);
    Effect::new(move |_| {
        latest.track();
        announce(latest, announced, is_paused);
    });
    view! { <p class="visually-hidden" role="status" aria-live="polite">{announced}</p> }
}

/// Announces the latest text, pauses, then announces what has changed in the meantime.
fn announce(latest: Memo<String>, announced: RwSignal<String>, is_paused: StoredValue<bool>) {
    if is_paused.get_value() || latest.get_untracked() == announced.get_untracked() {
        return;
    }
    announced.set(latest.get_untracked());
    is_paused.set_value(true);
    let wake = move || {
        is_paused.set_value(false);
        announce(latest, announced, is_paused);
    };
    set_timeout(wake, ANNOUNCE_INTERVAL);
}

fn sync_title(app: AppContext, locale: Locale) {
    let title = Memo::new(move |_| {
        locale.now.track();
        app.read(&[StateSlice::Runs, StateSlice::Progress], title)
    });
    Effect::new(move |_| document().set_title(&title.get()));
}

fn title(state: &RunState) -> String {
    let running = state.active().filter(|run| run.stage == Stage::Running);
    match running.and_then(|run| run.progress.map(|progress| (run.share(), progress.loss))) {
        Some((share, loss)) => {
            tr!(
                "{share} % · loss {loss} – Clozelab",
                share = figure(share * 100.0, 0),
                loss = figure(loss, 1)
            )
        }
        None => "Clozelab".into(),
    }
}
