//! The map of the documents: marks in the plane, a legend whose entries select documents, and a lasso
//! that does the same. Selected documents can be labelled next.

use super::placed::{Group, SIZE, colour, inside, labels_of, legend, marks};
use super::session::LabellingSession;
use crate::context::app;
use crate::state::{DocumentMap as Map, Question, StateSlice};
use crate::tr;
use crate::wording::{documents, grouped};
use crate::workspace::workspace;
use leptos::prelude::*;
use protocol::{Command, MapPoint, MapSource, PredictedDocument};
use std::sync::Arc;
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};

/// Maximum number of selected documents that are listed.
const MAX_LISTED: usize = 20;

/// State slices that decide whether a map can be drawn.
const SLICES: [StateSlice; 4] = [
    StateSlice::Corpus,
    StateSlice::Runs,
    StateSlice::Progress,
    StateSlice::Answers,
];

/// Maximum number of characters that are shown of each.
const MAX_SHOWN_CHARS: usize = 400;

/// The map and what is selected on it.
#[component]
pub fn DocumentMap(session: LabellingSession) -> impl IntoView {
    let app = app();
    let map = app.memo(&[StateSlice::Answers, StateSlice::Corpus], |state| {
        state.map.clone()
    });
    let selected = RwSignal::new(Vec::<usize>::new());
    Effect::new(move |_| {
        map.with(|_| ());
        selected.set(vec![]);
    });
    view! {
        <DrawButtons />
        {move || map.get().map(|map| view! { <Drawing map=map.clone() selected /> <Selection session map selected /> })}
    }
}

#[component]
fn DrawButtons() -> impl IntoView {
    let app = app();
    let is_waiting = app.memo(&[StateSlice::Answers], |state| {
        state.is_waiting_for(Question::Map)
    });
    let is_ready = app.memo(&SLICES, |state| {
        state.corpus.is_some() && !state.is_at_work() && !state.is_waiting()
    });
    let has_model = app.memo(&SLICES, |state| {
        state.model.classifier || state.model.pretrained
    });
    view! {
        <div class="buttons">
            <button
                type="button"
                data-testid="map-model"
                disabled=move || !is_ready.get() || !has_model.get()
                on:click=move |_| app.draw_map(MapSource::Model)
            >
                {tr!("Draw by the model")}
            </button>
            <button
                type="button"
                data-testid="map-words"
                disabled=move || !is_ready.get()
                on:click=move |_| app.draw_map(MapSource::Words)
            >
                {tr!("Draw by word vectors")}
            </button>
        </div>
        <Show when=move || is_waiting.get()>
            <p class="ask" role="status">
                {tr!("The documents are being placed…")}
                <button type="button" on:click=move |_| app.send(Command::Stop)>{tr!("Stop")}</button>
            </p>
        </Show>
    }
}

/// The marks, and the lasso that selects them.
#[component]
fn Drawing(map: Arc<Map>, selected: RwSignal<Vec<usize>>) -> impl IntoView {
    let annotations = app().annotations;
    let lasso = RwSignal::new(Vec::<[f64; 2]>::new());
    let (marked, named, chosen) = (map.clone(), map.clone(), map.clone());
    let drag = move |event: PointerEvent| {
        if event.buttons() & 1 == 1
            && let Some(place) = place_of(&event)
        {
            lasso.update(|lasso| lasso.push(place));
        }
    };
    let end = move |_| {
        let polygon = lasso.try_update(std::mem::take).unwrap_or_default();
        if polygon.len() > 2 {
            selected.set(inside(&chosen.points, &polygon));
        }
    };
    let outline = move || {
        let point = |[x, y]: &[f64; 2]| format!("{x:.0},{y:.0}");
        lasso.with(|lasso| lasso.iter().map(point).collect::<Vec<_>>().join(" "))
    };
    let entry = move |group: Group, class: String, words: AnyView| {
        let map = map.clone();
        let select = move |_| {
            let members = annotations.with_untracked(|all| group.members(&map.points, all));
            selected.set(members);
        };
        view! {
            <button type="button" class="quiet" on:click=select>
                <span class=format!("swatch {class}") aria-hidden="true"></span>
                {words}
            </button>
        }
    };
    let entries = move || {
        let labels = annotations.with(|annotations| legend(&named.points, annotations));
        let of_labels = labels
            .into_iter()
            .enumerate()
            .map(|(place, (label, count))| {
                let words = view! { <bdi>{label.clone()}</bdi> " " {grouped(count as u64)} };
                entry(Group::Label(label), colour(Some(place)), words.into_any())
            });
        let groups = [
            (Group::Unlabelled, tr!("Without a label")),
            (Group::Disputed, tr!("Predicted otherwise")),
        ];
        let others = groups.map(|(group, name)| entry(group, "none".into(), name.into_any()));
        of_labels.chain(others).collect_view()
    };
    view! {
        <svg
            class="map"
            data-testid="document-map"
            viewBox=format!("0 0 {SIZE} {SIZE}")
            role="img"
            aria-label=tr!("Map of the documents; the buttons below select them")
            on:pointerdown=drag
            on:pointermove=drag
            on:pointerup=end.clone()
            on:pointerleave=end
        >
            <g inner_html=move || annotations.with(|annotations| marks(&marked.points, annotations))></g>
            <polygon points=outline></polygon>
        </svg>
        <p class="map-legend">{entries}</p>
        <p class="help">
            {tr!("Hollow: without a label, in the colour of the prediction. Dark border: the classifier predicts another label. Draw a line around documents to select them. Near neighbours are similar; the distance between groups means nothing.")}
        </p>
    }
}

/// Returns the position of the pointer in units of the drawing.
fn place_of(event: &PointerEvent) -> Option<[f64; 2]> {
    let drawing: Element = event.current_target()?.dyn_into().ok()?;
    let bounds = drawing.get_bounding_client_rect();
    let scale = SIZE / bounds.width().max(1.0);
    let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
    Some([(x - bounds.left()) * scale, (y - bounds.top()) * scale])
}

/// The selected documents, and a button that labels those without a label next.
#[component]
fn Selection(
    session: LabellingSession,
    map: Arc<Map>,
    selected: RwSignal<Vec<usize>>,
) -> impl IntoView {
    let (annotations, workspace) = (app().annotations, workspace());
    let points = map.clone();
    let unlabelled = Memo::new(move |_| {
        let is_unlabelled = |point: &&MapPoint| {
            annotations.with(|annotations| labels_of(point, annotations).is_empty())
        };
        let selected = selected.get();
        let points = selected
            .iter()
            .filter_map(|index| points.points.get(*index));
        points
            .filter(is_unlabelled)
            .map(|point| point.document.clone())
            .collect::<Vec<PredictedDocument>>()
    });
    let count = move || selected.with(Vec::len) as u64;
    let listed = move || {
        let selected = selected.get().into_iter().take(MAX_LISTED);
        let item = |index: usize| {
            let document = &map.points.get(index)?.document;
            let text: String = document.text.chars().take(MAX_SHOWN_CHARS).collect();
            Some(
                view! { <li class="excerpt"><b><bdi>{document.truth.join(", ")}</bdi></b> " " <bdi>{text}</bdi></li> },
            )
        };
        selected.filter_map(item).collect_view()
    };
    view! {
        <p class="ask" hidden=move || count() == 0>
            <span role="status">{move || tr!("Selected: {documents}.", documents = documents(count()))}</span>
            <button
                type="button"
                data-testid="label-selected"
                disabled=move || unlabelled.with(Vec::is_empty)
                on:click=move |_| session.label_next(workspace, unlabelled.get_untracked())
            >
                {tr!("Label the unlabelled ones")}
            </button>
            <button type="button" class="quiet" on:click=move |_| selected.set(vec![])>{tr!("Clear the selection")}</button>
        </p>
        <ul class="suspects" hidden=move || count() == 0>{listed}</ul>
    }
}
