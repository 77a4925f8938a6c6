//! The page as a whole: which panels there are and in which order, and what happens around them (the link, the title,
//! the announcements). The panels do the rest.

use crate::lab::Lab;
use crate::panels::{
    AttentionPanel, DataPanel, FinetunePanel, Header, LearnPanel, NoticeLine, PretrainPanel, ReviewPanel, RunBar,
    RunsPanel, Stage, TryPanel,
};
use crate::plotting::Plotting;
use crate::scope::Scope;
use crate::state::{RunState, Stage, Topic};
use crate::wording::figure;
use crate::{intake, query, theme};
use gloo::events::{EventListener, EventListenerOptions};
use gloo::timers::callback::Timeout;
use leptos::mount::mount_to;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DragEvent, HtmlElement};

/// A screen reader is spoken to at most this often.
const ANNOUNCE_MILLIS: u32 = 5_000;

/// Replaces the static shell by the page.
pub fn mount() {
    console_error_panic_hook::set_once();
    let shell = document().get_element_by_id("app").expect("index.html has an element with the id app");
    shell.set_inner_html("");
    mount_to(shell.unchecked_into::<HtmlElement>(), Page).forget();
}

/// Whether the page is dark; charts repaint when it changes.
#[derive(Clone, Copy)]
pub struct Dark(pub RwSignal<bool>);

#[component]
fn Page() -> impl IntoView {
    let lab = Lab::open();
    provide_context(lab);
    provide_context(Dark(RwSignal::new(theme::is_dark())));
    provide_context(Plotting::default());
    let scope = Scope::new(lab);
    provide_context(scope);
    lab.when_read(move || scope.reset());
    keep_link(lab);
    keep_title(lab);
    catch_drops(lab);
    let has_lesson = lab.guide.with_value(|guide| guide.lesson.is_some());
    let mounted = RwSignal::new(0);
    mount_next(mounted);
    Effect::new(move |_| {
        mounted.track();
        // After what was just mounted stands in the document.
        let hide = move || lab.guide.with_value(|guide| guide.hide.iter().for_each(|name| withhold(name)));
        Timeout::new(0, hide).forget();
    });
    let is_due = move |part: u32| move || mounted.get() >= part;
    view! {
        <a class="skip" href="#stage">"Skip to the model"</a>
        <Header />
        <NoticeLine />
        <main>
            <Show when=move || has_lesson>
                <LearnPanel first=true />
            </Show>
            <Stage />
            <Show when=is_due(1)><DataPanel /></Show>
            <Show when=is_due(2)><PretrainPanel /></Show>
            <Show when=is_due(3)><FinetunePanel /></Show>
            <Show when=is_due(4)><TryPanel /><AttentionPanel /></Show>
            <Show when=is_due(5)><ReviewPanel /><RunsPanel /></Show>
            <Show when=move || is_due(PARTS)() && !has_lesson>
                <LearnPanel first=false />
            </Show>
        </main>
        <Footer />
        <RunBar />
        <Announcer />
    }
}

/// Parts below the first screen.
const PARTS: u32 = 6;

/// Mounts the parts below the first screen one task at a time, so that none holds the page's thread for long. A link to one of
/// them then finds it.
fn mount_next(mounted: RwSignal<u32>) {
    let next = move || {
        mounted.update(|mounted| *mounted += 1);
        if mounted.get_untracked() < PARTS {
            return mount_next(mounted);
        }
        let hash = window().location().hash().unwrap_or_default();
        if let Some(part) = document().get_element_by_id(hash.trim_start_matches('#')) {
            part.scroll_into_view();
        }
    };
    Timeout::new(0, next).forget();
}

/// Leaves a part of the page out, as a teacher's link asks: a section by its id, a control by its name.
fn withhold(name: &str) {
    let selector = format!("#{name}, [data-testid={name}], nav a[href=\"#{name}\"]");
    let Ok(parts) = document().query_selector_all(&selector) else { return };
    for part in (0..parts.length()).filter_map(|index| parts.item(index)) {
        let part: HtmlElement = part.unchecked_into();
        part.class_list().add_1("withheld").unwrap_or_default();
    }
}

#[component]
fn Footer() -> impl IntoView {
    view! {
        <footer>
            <p>
                "Your text, the model and its training stay in this tab: the page makes no request to any other place. The bundled definitions are from "
                <a href="./bundle/LICENSE.wordnet">"WordNet 3.0"</a> ", Princeton University; "
                <a href="./SOURCES.md">"origin and checksums"</a> "."
            </p>
        </footer>
    }
}

/// What a person without the picture must know, in a quiet voice.
#[component]
fn Announcer() -> impl IntoView {
    let lab = crate::lab::lab();
    let latest = lab.memo(&[Topic::Runs, Topic::Progress], |state| {
        state.current().map(|run| run.announcement()).unwrap_or_default()
    });
    let spoken = RwSignal::new(String::new());
    let resting = StoredValue::new(false);
    Effect::new(move |_| {
        latest.track();
        announce(latest, spoken, resting);
    });
    view! { <p class="visually-hidden" role="status" aria-live="polite">{spoken}</p> }
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
    Timeout::new(ANNOUNCE_MILLIS, wake).forget();
}

/// Writes the settings into the address bar; a link that was just opened stays as it is until something changes.
fn keep_link(lab: Lab) {
    Effect::new(move |before: Option<String>| {
        let query = lab.settings.with(|settings| lab.guide.with_value(|guide| query::write(settings, guide)));
        if before.is_some_and(|before| before != query) {
            replace_query(&query);
        }
        query
    });
}

fn replace_query(query: &str) {
    let location = window().location();
    let (path, hash) = (location.pathname().unwrap_or_default(), location.hash().unwrap_or_default());
    let mark = if query.is_empty() { "" } else { "?" };
    let replaced = window().history().and_then(|history| {
        history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("{path}{mark}{query}{hash}")))
    });
    if let Err(error) = replaced {
        web_sys::console::warn_2(&"the link could not be kept up to date".into(), &error);
    }
}

fn keep_title(lab: Lab) {
    let title = lab.memo(&[Topic::Runs, Topic::Progress], title);
    Effect::new(move |_| document().set_title(&title.get()));
}

fn title(state: &RunState) -> String {
    let running = state.active().filter(|run| run.stage == Stage::Running);
    match running.and_then(|run| run.progress.map(|progress| (run.share(), progress.loss))) {
        Some((share, loss)) => format!("{:.0} % · loss {} – Clozelab", share * 100.0, figure(loss, 1)),
        None => "Clozelab".into(),
    }
}

/// Files may be dropped anywhere: beside the drop zone the browser would otherwise leave the page for them.
fn catch_drops(lab: Lab) {
    let options = EventListenerOptions::enable_prevent_default();
    let hold = |event: &web_sys::Event| event.prevent_default();
    EventListener::new_with_options(&window(), "dragover", options, hold).forget();
    let take = move |event: &web_sys::Event| {
        event.prevent_default();
        let dropped = event.dyn_ref::<DragEvent>().and_then(DragEvent::data_transfer);
        if let Some(dropped) = dropped {
            lab.take(intake::from_drop(&dropped), "What was dropped could not be read");
        }
    };
    EventListener::new_with_options(&window(), "drop", options, take).forget();
}
