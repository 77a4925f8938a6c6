//! The page as a whole: which panels there are and in which order, and what happens around them (the link, the title,
//! the announcements). The panels do the rest.

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

/// A screen reader is spoken to at most this often.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(5);

/// Replaces the static shell by the page, in the language that this browser wants.
pub fn mount() {
    console_error_panic_hook::set_once();
    let language = choice::wanted();
    if language.is_source() {
        // In a task of its own: loading this module was one already.
        set_timeout(move || mount_in(language, None), Duration::ZERO);
        return;
    }
    // The page in English is better than none.
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
    let place = document()
        .get_element_by_id("app")
        .expect("index.html has an element with the id app");
    let page = move || view! { <Page language problem=problem.clone() /> };
    mount_to(place.unchecked_into::<HtmlElement>(), page).forget();
}

/// Which language the page speaks. Its parts are mounted anew when that changes; what is known, what was chosen or asked, and
/// a run under way stay.
#[derive(Clone, Copy)]
pub struct Locale {
    now: RwSignal<Language>,
    /// The one chosen last, whose words may still be on their way.
    pub wanted: RwSignal<Language>,
    /// What the parts held that are mounted anew.
    form_snapshot: StoredValue<Option<FormSnapshot>, LocalStorage>,
}

/// Whether the page is dark; charts repaint when it changes.
#[derive(Clone, Copy)]
pub struct Dark(pub RwSignal<bool>);

#[component]
fn Page(language: Language, problem: Option<(Language, String)>) -> impl IntoView {
    let app = AppContext::open();
    if let Some((wanted, problem)) = problem {
        complain_of_words(app, wanted, &problem);
    }
    provide_context(app);
    let spoken = Locale {
        now: RwSignal::new(language),
        wanted: RwSignal::new(language),
        form_snapshot: StoredValue::new_local(None),
    };
    provide_context(spoken);
    provide_context(Asked::default());
    provide_context(Dark(follow_theme()));
    provide_context(ChartContext::default());
    let scope = PreviewContext::new(app);
    provide_context(scope);
    app.when_read(move || scope.reset());
    keep_link(app);
    keep_title(app, spoken);
    ask_before_leaving(app);
    dropping::catch_drops(app);
    dropping::catch_pastes(app);
    let has_lesson = app.guide.with_value(|guide| guide.lesson.is_some());
    provide_context(MountQueue::new(Callback::new(move |()| {
        settle(app, spoken.form_snapshot)
    })));
    // What is known is set up in one task and shown in the next: both at once would hold a slow machine's page for long.
    let is_due = RwSignal::new(false);
    set_timeout(move || is_due.set(true), Duration::ZERO);
    let parts = move || {
        spoken.now.track();
        is_due.get().then(|| {
            leave_shell();
            view! { <Parts has_lesson /> }
        })
    };
    view! {
        {parts}
        <Announcer />
    }
}

/// Has the browser ask before it closes or reloads the page amid a run.
fn ask_before_leaving(app: AppContext) {
    let options = EventListenerOptions::enable_prevent_default();
    EventListener::new_with_options(&window(), "beforeunload", options, move |event| {
        if app.peek(|state| state.active().is_some()) {
            event.prevent_default();
        }
    })
    .forget();
}

/// Takes the static shell away, in the task that puts the page in its place.
fn leave_shell() {
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

/// Says that the words of a language are not to be had; in English, for want of them.
fn complain_of_words(app: AppContext, language: Language, problem: &str) {
    let message = format!(
        "The page's words in {} could not be read ({problem}).",
        language.name
    );
    app.complain(message, "Reload the page.");
}

/// Has the page speak another language, which a language in the link no longer gainsays.
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
        // Another one was chosen meanwhile.
        if wanted.get_untracked() != language {
            return;
        }
        match words {
            Ok(words) => {
                choice::speak(language, words);
                choice::keep(language);
                replace_query(&app.query());
                // Parts that are not mounted yet hold nothing; what the ones before them held still waits for them.
                if form_snapshot.with_value(Option::is_none) {
                    form_snapshot.set_value(Some(FormSnapshot::of_page()));
                }
                now.set(language);
                focus::on("[data-testid=language]");
            }
            Err(problem) => {
                complain_of_words(app, language, &problem);
                wanted.set(now.get_untracked());
            }
        }
    });
}

/// When all parts stand: gives them what those before them held, leaves out what a teacher's link asks to, and a link to a part finds it.
fn settle(app: AppContext, form_snapshot: StoredValue<Option<FormSnapshot>, LocalStorage>) {
    form_snapshot
        .try_update_value(Option::take)
        .flatten()
        .into_iter()
        .for_each(FormSnapshot::give_back);
    let absent: Vec<String> = app.guide.with_value(|guide| {
        guide
            .hide
            .iter()
            .filter(|name| !withhold(name))
            .cloned()
            .collect()
    });
    // Told once, and not over what matters more.
    app.guide
        .update_value(|guide| guide.hide.retain(|name| !absent.contains(name)));
    if !absent.is_empty() && app.peek(|state| state.notice.is_none()) {
        app.complain(
            tr!(
                "The link leaves out what is no part of this page: {names}.",
                names = absent.join(", ")
            ),
            tr!("Parts are named by their address, such as #review, or by the name of a control."),
        );
    }
    // Who has scrolled already stays where they are.
    if window().scroll_y().is_ok_and(|y| y > 0.0) {
        return;
    }
    let hash = window().location().hash().unwrap_or_default();
    if let Some(part) = document().get_element_by_id(hash.trim_start_matches('#')) {
        part.scroll_into_view();
    }
}

/// ParamTensors a part of the page out, as a teacher's link asks: a section by its id, a control by its name. `false` where there is
/// none.
fn withhold(name: &str) -> bool {
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

/// Whether the page is dark, which the system may change while it stands.
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

/// What a person without the picture must know, in a quiet voice.
#[component]
fn Announcer() -> impl IntoView {
    let (app, spoken) = (crate::context::app(), expect_context::<Locale>());
    let latest = Memo::new(move |_| {
        spoken.now.track();
        let words = |state: &RunState| {
            state
                .current()
                .map(|run| run.announcement())
                .unwrap_or_default()
        };
        app.read(&[StateSlice::Runs, StateSlice::Progress], words)
    });
    let said = RwSignal::new(String::new());
    let resting = StoredValue::new(false);
    Effect::new(move |_| {
        latest.track();
        announce(latest, said, resting);
    });
    view! { <p class="visually-hidden" role="status" aria-live="polite">{said}</p> }
}

/// Speaks what is new, then rests, then speaks what came meanwhile.
fn announce(latest: Memo<String>, spoken: RwSignal<String>, resting: StoredValue<bool>) {
    if resting.get_value() || latest.get_untracked() == spoken.get_untracked() {
        return;
    }
    spoken.set(latest.get_untracked());
    resting.set_value(true);
    let wake = move || {
        resting.set_value(false);
        announce(latest, spoken, resting);
    };
    set_timeout(wake, ANNOUNCE_EVERY);
}

/// Writes the settings into the address bar; a link that was just opened stays as it is until something changes.
fn keep_link(app: AppContext) {
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

fn keep_title(app: AppContext, spoken: Locale) {
    let title = Memo::new(move |_| {
        spoken.now.track();
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
