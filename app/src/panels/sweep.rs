//! Precision, recall and F1 of the classifier at each decision threshold, for all labels or for
//! one: a chart, a slider and a sentence.

use super::review::Shared;
use crate::chart::options::add_cursor;
use crate::chart::scene::{ColorRole, Scene, Size};
use crate::chart::spread::{SpreadPoint, SpreadSeries, spread_scene};
use crate::chart::view::ChartView;
use crate::theme::Dark;
use crate::threshold::{EVEN, Point, best_words, points, words};
use crate::tr;
use leptos::prelude::*;

/// Label selector, threshold slider, chart and summary sentence.
#[component]
pub fn Sweep(review: Shared) -> impl IntoView {
    let (chosen, label) = (RwSignal::new(None::<f64>), RwSignal::new(None::<usize>));
    Effect::new(move |_| {
        review.track();
        chosen.set(None);
        label.set(None);
    });
    let points = Memo::new(move |_| {
        review.with(|review| {
            review
                .as_ref()
                .map(|review| points(review, label.get()))
                .unwrap_or_default()
        })
    });
    let at = Memo::new(move |_| {
        let wanted = chosen
            .get()
            .or_else(|| review.with(|review| review.as_ref().map(|review| review.threshold)))?;
        let distance = |point: &Point| (point.threshold - wanted).abs();
        points.with(|points| {
            points
                .iter()
                .min_by(|a, b| distance(a).total_cmp(&distance(b)))
                .copied()
        })
    });
    // Reference for ties: the common threshold for a single label, 0.5 for the common threshold.
    let reference = move || match label.get() {
        Some(_) => review.with(|review| review.as_ref().map_or(EVEN, |review| review.threshold)),
        None => EVEN,
    };
    let sentence = move || at.get().map(words);
    let value = move || {
        at.get()
            .map_or("0.5".into(), |point| point.threshold.to_string())
    };
    let summary = Signal::derive(move || sentence().unwrap_or_default());
    let Dark(dark) = expect_context::<Dark>();
    let changed = Signal::derive(move || {
        dark.track();
        points.track();
        at.track();
    });
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
            <div class="chart-frame">
                <ChartView
                    testid="sweep-chart"
                    summary=summary
                    changed=changed
                    scene=Box::new(move |size| points.with_untracked(|points| curves(points, at.get_untracked(), size)))
                />
            </div>
            <p class="help" role="status">{sentence}" "{move || points.with(|points| best_words(points, reference()))}</p>
        </div>
    }
    .into_any()
}

fn label_select(review: Shared, label: RwSignal<Option<usize>>) -> impl IntoView {
    let options = move || {
        let names = review.with(|review| {
            review
                .as_ref()
                .map(|review| review.labels.clone())
                .unwrap_or_default()
        });
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

/// Lays out precision, recall and F1 by threshold, with a vertical rule at the selected one.
fn curves(points: &[Point], at: Option<Point>, size: Size) -> Scene {
    let line = |place: usize, name: String, of: fn(&Point) -> f64| SpreadSeries {
        name,
        points: points
            .iter()
            .map(|point| SpreadPoint {
                at: point.threshold,
                mean: of(point),
                sd: 0.0,
            })
            .collect(),
        ink: ColorRole::Metric(place),
        dash: place,
    };
    let lines = [
        line(0, tr!("precision"), |point| point.precision),
        line(1, tr!("recall"), |point| point.recall),
        line(2, "F1".into(), |point| point.f1),
    ];
    let mut scene = spread_scene(&lines, (&tr!("threshold"), ""), size);
    let x = scene.x;
    add_cursor(&mut scene, &x, at.map(|point| point.threshold), None);
    scene
}
