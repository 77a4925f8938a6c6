//! What each threshold of a classifier would give, for all labels together or for one: a curve, a slider, a sentence.

use super::review::Shared;
use crate::tr;
use crate::wording::{figure, percent};
use leptos::prelude::*;
use protocol::Review;

/// Figures at one threshold.
#[derive(Clone, Copy, PartialEq)]
struct Point {
    threshold: f64,
    precision: f64,
    recall: f64,
    /// Micro F1 of all labels, or the label's own.
    f1: f64,
    macro_f1: Option<f64>,
}

fn points(review: &Review, label: Option<usize>) -> Vec<Point> {
    let own = |label: usize| review.label_sweeps.get(label);
    let point = |(place, all): (usize, &protocol::ThresholdPoint)| match label.and_then(own) {
        Some(points) => {
            let protocol::LabelPoint { precision, recall, f1 } = points[place];
            Point { threshold: all.threshold, precision, recall, f1, macro_f1: None }
        }
        None => Point {
            threshold: all.threshold,
            precision: all.precision,
            recall: all.recall,
            f1: all.micro_f1,
            macro_f1: Some(all.macro_f1),
        },
    };
    review.sweep.iter().enumerate().map(point).collect()
}

fn words(point: Point) -> String {
    let [precision, recall, f1] = [point.precision, point.recall, point.f1].map(|value| figure(value, 3));
    let threshold = percent(point.threshold);
    match point.macro_f1 {
        Some(macro_f1) => tr!(
            "From {threshold} on: precision {precision}, recall {recall}, micro F1 {micro_f1}, macro F1 {macro_f1}.",
            threshold,
            precision,
            recall,
            micro_f1 = f1,
            macro_f1 = figure(macro_f1, 3)
        ),
        None => tr!(
            "From {threshold} on: precision {precision}, recall {recall}, F1 {f1}.",
            threshold,
            precision,
            recall,
            f1
        ),
    }
}

/// Where F1 is highest.
fn best(points: &[Point]) -> Option<String> {
    let best = points.iter().max_by(|a, b| a.f1.total_cmp(&b.f1))?;
    Some(tr!("The best F1, {f1}, is at {threshold}.", f1 = figure(best.f1, 3), threshold = percent(best.threshold)))
}

/// A choice of the label, the curves, a slider and what they say.
#[component]
pub fn Sweep(review: Shared) -> impl IntoView {
    let (chosen, label) = (RwSignal::new(None::<f64>), RwSignal::new(None::<usize>));
    Effect::new(move |_| {
        review.track();
        chosen.set(None);
        label.set(None);
    });
    let points = Memo::new(move |_| {
        review.with(|review| review.as_ref().map(|review| points(review, label.get())).unwrap_or_default())
    });
    let at = Memo::new(move |_| {
        let wanted = chosen.get().or_else(|| review.with(|review| review.as_ref().map(|review| review.threshold)))?;
        let far = |point: &Point| (point.threshold - wanted).abs();
        points.with(|points| points.iter().min_by(|a, b| far(a).total_cmp(&far(b))).copied())
    });
    let sentence = move || at.get().map(words);
    let value = move || at.get().map_or("0.5".into(), |point| point.threshold.to_string());
    view! {
        <div class="block" hidden=move || points.with(Vec::is_empty)>
            <label for="sweep-label">{tr!("Threshold: a label counts from this probability on")}</label>
            <div class="joined">
                {label_select(review, label)}
                <input
                    id="sweep"
                    type="range"
                    min="0.05"
                    max="0.95"
                    step="0.05"
                    data-testid="threshold"
                    aria-label=tr!("Threshold")
                    prop:value=value
                    aria-valuetext=sentence
                    on:input=move |event| chosen.set(event_target_value(&event).parse().ok())
                />
            </div>
            {move || curves(&points.get(), at.get())}
            <p class="help" role="status">{sentence}" "{move || points.with(|points| best(points))}</p>
        </div>
    }
    .into_any()
}

fn label_select(review: Shared, label: RwSignal<Option<usize>>) -> impl IntoView {
    let options = move || {
        let names = review.with(|review| review.as_ref().map(|review| review.labels.clone()).unwrap_or_default());
        let option = |(place, name): (usize, String)| view! { <option value=place.to_string()>{name}</option> };
        names.into_iter().enumerate().map(option).collect_view()
    };
    let change = move |event| label.set(event_target_value(&event).parse().ok());
    view! {
        <select id="sweep-label" data-testid="sweep-label" on:change=change>
            <option value="" prop:selected=move || label.with(Option::is_none)>{tr!("all labels together")}</option>
            {options}
        </select>
    }
}

/// Precision, recall and F1 against the threshold, 0 to 1 both ways; the sentence beside it says the same.
fn curves(points: &[Point], at: Option<Point>) -> impl IntoView + use<> {
    const WIDTH: f64 = 300.0;
    const HEIGHT: f64 = 100.0;
    let line = |of: fn(&Point) -> f64| {
        let place = |point: &Point| format!("{:.1},{:.1}", point.threshold * WIDTH, (1.0 - of(point)) * HEIGHT);
        points.iter().map(place).collect::<Vec<_>>().join(" ")
    };
    let lines: [fn(&Point) -> f64; 3] = [|point| point.precision, |point| point.recall, |point| point.f1];
    let names = [tr!("precision"), tr!("recall"), "F1".into()];
    let lines = lines.map(line);
    let mark = at.map_or(0.0, |point| point.threshold * WIDTH).to_string();
    let entry = |(place, name): (usize, String)| {
        view! { <li><span class=format!("dash dash-{place} metric-{place}")></span>{name}</li> }
    };
    view! {
        <svg class="sweep" viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
            <line class="sweep-mark" x1=mark.clone() x2=mark y1="0" y2=HEIGHT.to_string() />
            {lines.into_iter().enumerate().map(|(place, points)| view! {
                <polyline class=format!("metric-{place}") points=points />
            }).collect_view()}
        </svg>
        <ul class="inline sweep-legend">{names.into_iter().enumerate().map(entry).collect_view()}</ul>
    }
}
