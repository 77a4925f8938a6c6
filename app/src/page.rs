//! The page as a whole: the order of its panels, and what happens around them (the link, the title,
//! the announcements).

use crate::chart_context::ChartContext;
use crate::context::AppContext;
use crate::form_snapshot::FormSnapshot;
use crate::language::{LANGUAGES, Language, choice};
use crate::panels::{
    Asked, AttentionPanel, DataPanel, DeferredMount, FinetunePanel, Header, LearnPanel, MountQueue,
    NoticeLine, PretrainPanel, ReviewPanel, RunBar, RunsPanel, Stage, TryPanel,
};
use crate::preview_context::PreviewContext;
use crate::state::{RunState, Stage, StateSlice};
use crate::tr;
use crate::wording::figure;
use crate::{dropping, focus, theme};
use gloo::events::{EventListener, EventListenerOptions};
use leptos::mount::mount_to;
use leptos::prelude::*;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
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

/// Language of the page. Its panels are mounted again when it changes; the application state, the
/// user's input and an active run are preserved.
#[derive(Clone, Copy)]
pub struct Locale {
    now: RwSignal<Language>,
    /// Language chosen last, whose catalogue may still be loading.
    pub wanted: RwSignal<Language>,
    /// Snapshot of the form inputs of panels that are being mounted again.
    form_snapshot: StoredValue<Option<FormSnapshot>, LocalStorage>,
}

/// Whether the page is dark; charts repaint when it changes.
#[derive(Clone, Copy)]
pub struct Dark(pub RwSignal<bool>);

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
    provide_context(Dark(follow_theme()));
    provide_context(ChartContext::default());
    let scope = PreviewContext::new(app);
    provide_context(scope);
    app.when_read(move || scope.reset());
    sync_link(app);
    sync_title(app, locale);
    ask_before_leaving(app);
    dropping::catch_drops(app);
    dropping::catch_pastes(app);
    let has_lesson = app.guide.with_value(|guide| guide.lesson.is_some());
    provide_context(MountQueue::new(Callback::new(move |()| {
        finish_mount(app, locale.form_snapshot)
    })));
    // The context is set up in one task and the panels are mounted in the next: doing both at once
    // would block the page on a slow machine.
    let is_due = RwSignal::new(false);
    set_timeout(move || is_due.set(true), Duration::ZERO);
    let parts = move || {
        locale.now.track();
        is_due.get().then(|| {
            remove_shell();
            view! { <Parts has_lesson /> }
        })
    };
    view! {
        {parts}
        <Announcer />
    }
}

/// Makes the browser ask before it closes or reloads the page during a run.
fn ask_before_leaving(app: AppContext) {
    let options = EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(&window(), "beforeunload", options, move |event| {
        if app.peek(|state| state.active().is_some()) {
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

#[component]
fn Parts(has_lesson: bool) -> impl IntoView {
    view! {
        <a class="skip" href="#stage">{tr!("Skip to the model")}</a>
        <Header />
        <NoticeLine />
        <main>
            <Show when=move || has_lesson>
                <LearnPanel />
            </Show>
            <Stage />
            <DeferredMount><DataPanel /></DeferredMount>
            <DeferredMount><PretrainPanel /></DeferredMount>
            <DeferredMount><FinetunePanel /></DeferredMount>
            <DeferredMount><TryPanel /></DeferredMount>
            <DeferredMount><AttentionPanel /></DeferredMount>
            <DeferredMount><ReviewPanel /></DeferredMount>
            <DeferredMount><RunsPanel /></DeferredMount>
            <Show when=move || !has_lesson>
                <DeferredMount><LearnPanel /></DeferredMount>
            </Show>
        </main>
        <DeferredMount><Footer /></DeferredMount>
        <DeferredMount><RunBar /></DeferredMount>
    }
    .into_any()
}

/// Reports that a catalogue could not be loaded; in English, since there is no translation.
fn report_missing_catalogue(app: AppContext, language: Language, problem: &str) {
    let message = format!(
        "The page's words in {} could not be read ({problem}).",
        language.name
    );
    app.show_error(message, "Reload the page.");
}

/// Switches the page to another language and updates the link, so that a language in it no longer
/// applies.
pub fn speak(
    app: AppContext,
    Locale {
        now,
        wanted,
        form_snapshot,
    }: Locale,
    language: Language,
) {
    wanted.set(language);
    spawn_local(async move {
        let words = choice::words_of(language).await;
        // Another language was chosen in the meantime.
        if wanted.get_untracked() != language {
            return;
        }
        match words {
            Ok(words) => {
                choice::speak(language, words);
                choice::keep(language);
                replace_query(&app.query());
                // Panels that are not mounted yet have no values; an earlier snapshot is still
                // waiting for them.
                if form_snapshot.with_value(Option::is_none) {
                    form_snapshot.set_value(Some(FormSnapshot::of_page()));
                }
                now.set(language);
                focus::on("[data-testid=language]");
            }
            Err(problem) => {
                report_missing_catalogue(app, language, &problem);
                wanted.set(now.get_untracked());
            }
        }
    });
}

/// Runs when all panels are mounted: restores form inputs, hides the parts that a teacher's link
/// names, and scrolls to the part that the link's fragment refers to.
fn finish_mount(app: AppContext, form_snapshot: StoredValue<Option<FormSnapshot>, LocalStorage>) {
    form_snapshot
        .try_update_value(Option::take)
        .flatten()
        .into_iter()
        .for_each(FormSnapshot::give_back);
    let unknown: Vec<String> = app.guide.with_value(|guide| {
        guide
            .hide
            .iter()
            .filter(|name| !hide_part(name))
            .cloned()
            .collect()
    });
    // Reported once, and not in place of a more important notice.
    app.guide
        .update_value(|guide| guide.hide.retain(|name| !unknown.contains(name)));
    if !unknown.is_empty() && app.peek(|state| state.notice.is_none()) {
        app.show_error(
            tr!(
                "The link leaves out what is no part of this page: {names}.",
                names = unknown.join(", ")
            ),
            tr!("Parts are named by their address, such as #review, or by the name of a control."),
        );
    }
    // Leaves the position alone if the user has already scrolled.
    if window().scroll_y().is_ok_and(|y| y > 0.0) {
        return;
    }
    let hash = window().location().hash().unwrap_or_default();
    if let Some(part) = document().get_element_by_id(hash.trim_start_matches('#')) {
        part.scroll_into_view();
    }
}

/// Hides a part of the page named by a teacher's link: a section by its id, a control by its name.
/// Returns `false` if there is no such part.
fn hide_part(name: &str) -> bool {
    let selector = format!("#{name}, [data-testid={name}], nav li:has(a[href=\"#{name}\"])");
    let Ok(parts) = document().query_selector_all(&selector) else {
        return false;
    };
    for part in (0..parts.length()).filter_map(|index| parts.item(index)) {
        let part: HtmlElement = part.unchecked_into();
        part.class_list().add_1("withheld").unwrap_or_default();
    }
    parts.length() > 0
}

/// Returns a signal of whether the page is dark, which follows the system's setting.
fn follow_theme() -> RwSignal<bool> {
    let dark = RwSignal::new(theme::is_dark());
    if let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") {
        EventListener::new(&query, "change", move |_| dark.set(theme::is_dark())).forget();
    }
    dark
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

/// Writes the settings into the address bar; a link that was just opened stays as it is until a
/// setting changes.
fn sync_link(app: AppContext) {
    Effect::new(move |before: Option<String>| {
        app.settings.track();
        let query = app.query();
        if before.is_some_and(|before| before != query) {
            replace_query(&query);
        }
        query
    });
}

fn replace_query(query: &str) {
    let location = window().location();
    let (path, hash) = (
        location.pathname().unwrap_or_default(),
        location.hash().unwrap_or_default(),
    );
    let mark = if query.is_empty() { "" } else { "?" };
    let replaced = window().history().and_then(|history| {
        history.replace_state_with_url(
            &JsValue::NULL,
            "",
            Some(&format!("{path}{mark}{query}{hash}")),
        )
    });
    if let Err(error) = replaced {
        web_sys::console::warn_2(&"the link could not be kept up to date".into(), &error);
    }
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
