//! The address bar: it states the settings, the parts that a teacher's link hides, and the layout.

use super::{Step, Workspace};
use crate::context::AppContext;
use crate::tr;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlElement;

/// Opens the layout that the link asks for: a lesson, otherwise the first of pre-training and the
/// other steps that the link does not hide.
pub fn open_workspace(app: AppContext) -> Workspace {
    let (view, first) = app.guide.with_value(|guide| {
        let is_shown = |step: &Step| !guide.hide.iter().any(|name| name == step.anchor());
        let first = [Step::Pretrain].into_iter().chain(Step::ALL).find(is_shown);
        let wanted = guide.lesson.as_ref().map(|_| Step::Learn).or(first);
        (guide.view, wanted.unwrap_or(Step::Pretrain))
    });
    let workspace = Workspace::open(view, first);
    // A link that names the view names the one on the screen.
    Effect::new(move |before: Option<()>| {
        let view = workspace.view.get();
        if before.is_some() && app.guide.with_value(|guide| guide.view.is_some()) {
            app.guide.update_value(|guide| guide.view = Some(view));
            replace_query(&app.query());
        }
    });
    // Some parts are mounted anew when the layout changes: hide again what the link hides.
    Effect::new(move |_| {
        workspace.view.track();
        workspace.step.track();
        request_animation_frame(move || {
            app.guide
                .with_value(|guide| guide.hide.iter().for_each(|name| _ = hide_part(name)));
        });
    });
    workspace
}

/// Writes the settings into the address bar; a link that was just opened stays as it is until a
/// setting changes.
pub fn sync_link(app: AppContext) {
    Effect::new(move |before: Option<String>| {
        app.settings.track();
        let query = app.query();
        if before.is_some_and(|before| before != query) {
            replace_query(&query);
        }
        query
    });
}

/// Replaces the query of the address, without a new entry in the browser's history.
pub fn replace_query(query: &str) {
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

/// Hides the parts that a teacher's link names, and returns the names of parts that do not exist.
pub fn hide_parts(app: AppContext) -> Vec<String> {
    app.guide.with_value(|guide| {
        let names = guide.hide.iter();
        names.filter(|name| !hide_part(name)).cloned().collect()
    })
}

/// Reports names of parts that do not exist.
pub fn report_unknown(app: AppContext, unknown: &[String]) {
    // Reported once, and not in place of a more important notice.
    app.guide
        .update_value(|guide| guide.hide.retain(|name| !unknown.contains(name)));
    if !unknown.is_empty() && app.peek(|state| state.notice.is_none()) {
        app.show_error(
            tr!(
                "The link hides parts that this page does not have: {names}.",
                names = unknown.join(", ")
            ),
            tr!("Parts are named by their address, such as #review, or by the name of a control."),
        );
    }
}

/// Hides a part of the page named by a teacher's link: a section by its id, a control by its name.
/// Returns `false` if there is no such part.
fn hide_part(name: &str) -> bool {
    let selector = format!("#{name}, [data-testid={name}], nav li:has(> a[href=\"#{name}\"])");
    let Ok(parts) = document().query_selector_all(&selector) else {
        return false;
    };
    for part in (0..parts.length()).filter_map(|index| parts.item(index)) {
        let part: HtmlElement = part.unchecked_into();
        part.class_list().add_1("withheld").unwrap_or_default();
    }
    parts.length() > 0
}
