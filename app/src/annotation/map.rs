//! The map of the documents: marks in the plane, a legend whose entries select documents, and a lasso
//! that does the same. Selected documents can be labelled next.

use super::placed::{SIZE, colour, inside, labels_of, legend, marks, shown_label};
use super::session::LabellingSession;
use crate::context::app;
use crate::state::{DocumentMap as Map, RunState, StateSlice};
use crate::tr;
use crate::wording::{documents, grouped};
use leptos::prelude::*;
use protocol::{MapPoint, MapSource, PredictedDocument};
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

/// The map and what is selected on it.
#[component]
pub fn DocumentMap(session: LabellingSession) -> impl IntoView {
    let app = app();
    let map = app.memo(&[StateSlice::Answers, StateSlice::Corpus], |state| {
        state.map.clone().map(Arc::new)
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
    let is_waiting = app.memo(&[StateSlice::Answers], RunState::is_waiting);
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
        <p class="help" role="status" hidden=move || !is_waiting.get()>{tr!("The documents are being placed…")}</p>
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
    let entry = move |(place, (label, count)): (usize, (String, usize))| {
        let (map, wanted) = (map.clone(), label.clone());
        let select = move |_| {
            let is_wanted = |index: &usize| {
                annotations.with_untracked(|annotations| {
                    shown_label(&map.points[*index], annotations) == Some(&wanted)
                })
            };
            selected.set((0..map.points.len()).filter(is_wanted).collect());
        };
        view! {
            <button type="button" class="quiet" on:click=select>
                <span class="swatch" style=format!("background: {}", colour(Some(place))) aria-hidden="true"></span>
                <bdi>{label}</bdi> " " {grouped(count as u64)}
            </button>
        }
    };
    let entries = move || {
        let legend = annotations.with(|annotations| legend(&named.points, annotations));
        legend.into_iter().enumerate().map(&entry).collect_view()
    };
    view! {
        <svg
            class="map"
            data-testid="document-map"
            viewBox=format!("0 0 {SIZE} {SIZE}")
            role="img"
            aria-label=tr!("Documents in the plane; the buttons below select them by label")
            on:pointerdown=drag
            on:pointermove=drag
            on:pointerup=end.clone()
            on:pointerleave=end
        >
            <g inner_html=move || annotations.with(|annotations| marks(&marked.points, annotations))></g>
            <polygon points=outline></polygon>
        </svg>
        <p class="legend">{entries}</p>
        <p class="help">
            {tr!("Hollow: not labelled, coloured by the prediction. Dark border: the classifier disagrees. Draw a line around documents to select them. Only near neighbours are meaningful; distances between groups are not.")}
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
    let annotations = app().annotations;
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
            let text = document.text.clone();
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
                on:click=move |_| session.label_next(unlabelled.get_untracked())
            >
                {tr!("Label the unlabelled ones")}
            </button>
        </p>
        <ul class="suspects" hidden=move || count() == 0>{listed}</ul>
    }
}
