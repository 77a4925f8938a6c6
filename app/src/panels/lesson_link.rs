//! A link for a class: opens a lesson, hides steps, and carries the settings; also as a QR code.

use super::runs::CopyOut;
use crate::context::app;
use crate::guide::{Guide, LESSONS};
use crate::language::translated;
use crate::query;
use crate::settings::Settings;
use crate::tr;
use crate::workspace::Step;
use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};

/// Width of the empty border around a QR code, in modules, as its standard requires.
const QUIET_ZONE: i32 = 4;

/// The settings of the link, the link, and its QR code.
#[component]
pub fn LessonLink() -> impl IntoView {
    let app = app();
    let lesson = RwSignal::new(LESSONS[0].0.to_string());
    let hidden = RwSignal::new(Vec::<Step>::new());
    let with_settings = RwSignal::new(true);
    let link = Memo::new(move |_| {
        let guide = Guide {
            lesson: Some(lesson.get()),
            hide: hidden.with(|steps| steps.iter().map(|step| step.anchor().into()).collect()),
            ..Guide::default()
        };
        let settings = if with_settings.get() {
            app.settings.get()
        } else {
            Settings::default()
        };
        address_with(&query::write(&settings, &guide))
    });
    let links = Memo::new(move |_| vec![link.get()]);
    // Lessons act on the panels of pre-training.
    let hideable = Step::ALL.into_iter().filter(|step| !step.shows_stage());
    let first = |links: Vec<String>| links.into_iter().next();
    let option = |(name, title): (&'static str, &'static str)| {
        view! { <option value=name>{translated(title)}</option> }
    };
    let step = move |step: Step| {
        let toggle = move |event| {
            let is_hidden = event_target_checked(&event);
            hidden.update(|steps| {
                steps.retain(|other| *other != step);
                if is_hidden {
                    steps.push(step);
                }
            });
        };
        view! {
            <label class="option">
                <input type="checkbox" on:change=toggle />
                <span>{translated(step.title())}</span>
            </label>
        }
    };
    view! {
        <details class="lesson">
            <summary data-testid="lesson-link">{tr!("A link for a class")}</summary>
            <div class="lesson-body">
                <p class="field">
                    <label for="lesson-link-lesson">{tr!("Lesson")}</label>
                    <select id="lesson-link-lesson" on:change=move |event| lesson.set(event_target_value(&event))>
                        {LESSONS.map(option).collect_view()}
                    </select>
                </p>
                <fieldset>
                    <legend>{tr!("Steps to hide")}</legend>
                    {hideable.map(step).collect_view()}
                </fieldset>
                <label class="option">
                    <input
                        type="checkbox"
                        prop:checked=with_settings
                        on:change=move |event| with_settings.set(event_target_checked(&event))
                    />
                    <span>{tr!("With the present settings")}</span>
                </label>
                <div class="row-actions">
                    <CopyOut
                        testid="copy-lesson"
                        words=tr!("Copy the link")
                        what=tr!("Link to the lesson")
                        runs=links
                        make=first
                    />
                </div>
                {move || link.with(|link| code(link))}
            </div>
        </details>
    }
}

/// The QR code of a link; nothing for a link that is too long for one.
fn code(link: &str) -> impl IntoView + use<> {
    let code = QrCode::encode_text(link, QrCodeEcc::Low).ok()?;
    let size = code.size();
    let dark = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
    let path: String = dark
        .filter(|(x, y)| code.get_module(*x, *y))
        .map(|(x, y)| format!("M{x},{y}h1v1h-1z"))
        .collect();
    let width = size + 2 * QUIET_ZONE;
    let area = format!("-{QUIET_ZONE} -{QUIET_ZONE} {width} {width}");
    Some(view! {
        <svg class="qr-code" viewBox=area role="img" aria-label=tr!("QR code of the link")>
            <path d=path></path>
        </svg>
    })
}

/// Returns the address of this page with a query.
fn address_with(query: &str) -> String {
    let location = window().location();
    let base = [location.origin(), location.pathname()]
        .map(Result::unwrap_or_default)
        .concat();
    format!("{base}?{query}")
}
