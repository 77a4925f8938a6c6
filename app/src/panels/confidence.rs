//! Calibration of the classifier: a slider over the most confident documents with their error rate,
//! and a reliability diagram.

use super::review::Shared;
use crate::chart::scene::{ColorRole, Scene, Size};
use crate::chart::spread::{SpreadPoint, SpreadSeries, spread_scene, spread_summary};
use crate::chart::view::ChartView;
use crate::confidence::{nearest, surest_words};
use crate::theme::Dark;
use crate::tr;
use leptos::prelude::*;
use protocol::ReliabilityBin;

/// Initial value of the slider, as a share of the documents.
const DEFAULT_SHARE: f64 = 0.8;

/// The confidence slider with its summary, and the reliability diagram.
#[component]
pub fn Confidence(review: Shared) -> impl IntoView {
    let chosen = RwSignal::new(DEFAULT_SHARE);
    let has = move || {
        review.with(|review| {
            review
                .as_ref()
                .is_some_and(|review| !review.surest.is_empty())
        })
    };
    let sentence = move || {
        review.with(|review| {
            let review = review.as_ref()?;
            Some(surest_words(review, nearest(&review.surest, chosen.get())?))
        })
    };
    let bins = Memo::new(move |_| {
        review.with(|review| review.as_ref().map(|review| review.reliability.clone()))
    });
    let summary = Signal::derive(move || {
        bins.with(|bins| {
            spread_summary(
                &lines(bins.as_deref().unwrap_or_default()),
                &tr!("Share that is right by probability"),
            )
        })
    });
    let Dark(dark) = expect_context::<Dark>();
    let changed = Signal::derive(move || {
        dark.track();
        bins.track();
    });
    view! {
        <div class="block" hidden=move || !has()>
            <label for="surest">{tr!("Share of the documents to label automatically, the most confident ones first")}</label>
            <input
                id="surest"
                type="range"
                min="0.05"
                max="1"
                step="0.05"
                data-testid="surest"
                prop:value=move || chosen.get().to_string()
                aria-valuetext=sentence
                on:input=move |event| chosen.set(event_target_value(&event).parse().unwrap_or(DEFAULT_SHARE))
            />
            <p class="help" role="status">{sentence}</p>
            <div class="chart-frame">
                <ChartView
                    testid="reliability-chart"
                    summary=summary
                    changed=changed
                    scene=Box::new(move |size| bins.with_untracked(|bins| diagram(bins.as_deref().unwrap_or_default(), size)))
                />
            </div>
            <p class="help">
                {tr!("Documents are grouped by confidence into up to ten bins of equal size. On the diagonal, labels with a probability of 70 % are right 70 % of the time.")}
            </p>
        </div>
    }
    .into_any()
}

/// Returns the series of the reliability diagram: the ideal diagonal and the observed accuracy by
/// predicted probability.
fn lines(bins: &[ReliabilityBin]) -> [SpreadSeries; 2] {
    let points = |of: fn(&ReliabilityBin) -> f64| {
        bins.iter()
            .map(|bin| SpreadPoint {
                at: bin.probability,
                mean: of(bin),
                sd: 0.0,
            })
            .collect()
    };
    [
        SpreadSeries {
            name: tr!("ideal"),
            points: points(|bin| bin.probability),
            ink: ColorRole::Baseline,
            dash: 1,
        },
        SpreadSeries {
            name: tr!("observed"),
            points: points(|bin| bin.right),
            ink: ColorRole::Metric(0),
            dash: 0,
        },
    ]
}

fn diagram(bins: &[ReliabilityBin], size: Size) -> Scene {
    spread_scene(
        &lines(bins),
        (&tr!("probability of the best label"), ""),
        size,
    )
}
