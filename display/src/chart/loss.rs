//! The loss chart: every pre-training run as a raw and a smoothed line with its held-out points, above the two losses
//! that need no learning. Pure layout; the numbers come from `state`, the painting from `canvas`.

use super::curve::Curve;
use super::options::{ViewState, add_cursor, value_scale};
use super::scale::{Scale, ticks};
use super::scene::{ColorRole, Mark, Plot, Scene};
use crate::tr;
use crate::wording::{figure, grouped};

/// A loss this far above random guessing is cut off, so that one spike does not flatten the rest.
const CEILING: f64 = 1.25;

/// Half a tick label.
const MARGIN: f64 = 14.0;

/// Two labels closer than this many pixels would overlap.
const LABEL_HEIGHT: f64 = 15.0;

/// One run as the chart needs it.
#[derive(Clone, Debug)]
pub struct LossSeries<'a> {
    /// What the run is called.
    pub name: String,
    /// Training loss by step.
    pub curve: &'a Curve,
    /// Held-out loss as `(step, loss)`.
    pub held_out: Vec<(u64, f64)>,
    /// Losses that need no model.
    pub floors: Option<EntropyBaselines>,
    /// Steps planned.
    pub steps: u64,
    /// Which colour.
    pub ink: usize,
}

/// Losses that need no model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyBaselines {
    /// Of guessing uniformly.
    pub uniform: f64,
    /// Of knowing only word frequencies.
    pub unigram: f64,
    /// Of knowing what follows what.
    pub bigram: Option<f64>,
}

/// Lays out the chart.
pub fn loss_scene(series: &[LossSeries], look: &ViewState) -> Scene {
    let options = look.options;
    let steps = options.steps(last_step(series).max(1) as f64);
    let zoomed = options.stretch.and_then(|_| zoomed_range(series, steps));
    let range = zoomed.unwrap_or_else(|| loss_range(series));
    let scales = |plot: Plot| {
        let x = value_scale(steps, (plot.left, plot.right), options.log_x);
        (
            x,
            value_scale(range, (plot.bottom, plot.top), options.log_y),
        )
    };
    let (across, up) = (tr!("step"), tr!("masked-LM loss, nats"));
    let (mut scene, x, y) = Scene::with_scales(look.size, (&across, &up), MARGIN, scales);
    if let Some(floors) = series.iter().rev().find_map(|series| series.floors) {
        add_floors(&mut scene, &y, floors, &points(series, &x, &y));
    }
    if series.is_empty() {
        scene.placeholder(&tr!("The loss appears here once a run starts."));
    }
    let horizon = options.smoothing.horizon(steps.1 - steps.0);
    for series in series {
        add_series(&mut scene, series, horizon, &x, &y);
    }
    scene.bring_text_to_front();
    add_cursor(&mut scene, &x, look.cursor, look.drag);
    scene
}

/// What the cross-hair says: the loss of each run at a step.
pub fn loss_readout(series: &[LossSeries], step: f64) -> String {
    let at = step.round().max(0.0) as u64;
    let one = |series: &LossSeries| {
        let run_loss = format!("{} {}", series.name, figure(series.curve.near(at)?, 2));
        let held_out = series.held_out.iter().rev().find(|(of, _)| *of <= at);
        Some(
            match held_out.map(|(of, loss)| (figure(*loss, 2), grouped(*of))) {
                Some((held_out, of)) => {
                    tr!(
                        "{run_loss} (held out {held_out} at step {step})",
                        run_loss,
                        held_out,
                        step = of
                    )
                }
                None => run_loss,
            },
        )
    };
    step_words(at, &series.iter().filter_map(one).collect::<Vec<_>>())
}

/// What is said of a step.
pub(super) fn step_words(step: u64, figures: &[String]) -> String {
    let step = grouped(step);
    match figures {
        [] => tr!("Step {step}: not reached.", step),
        figures => tr!("Step {step}: {figures}", step, figures = figures.join(", ")),
    }
}

/// The chart in sentences, for whoever does not see it.
pub fn loss_summary(series: &[LossSeries]) -> String {
    if series.is_empty() {
        return tr!("Loss chart: no run yet.");
    }
    let mut sentences = vec![tr!("Loss chart.")];
    if let Some(floors) = series.iter().rev().find_map(|series| series.floors) {
        sentences.push(describe_floors(floors));
    }
    sentences.extend(series.iter().map(describe));
    sentences.join(" ")
}

/// Rows of the table beside the chart: a round step, then each run's loss there.
pub fn loss_rows(series: &[LossSeries]) -> Vec<(u64, Vec<Option<f64>>)> {
    const ROWS: usize = 20;
    let steps = ticks((0.0, last_step(series) as f64), ROWS);
    let row = |step: u64| {
        (
            step,
            series
                .iter()
                .map(|series| series.curve.near(step))
                .collect::<Vec<_>>(),
        )
    };
    let rows = steps
        .into_iter()
        .filter(|step| *step >= 1.0)
        .map(|step| row(step as u64));
    rows.filter(|(_, losses)| losses.iter().any(Option::is_some))
        .collect()
}

/// The last step that any run reaches or plans.
fn last_step(series: &[LossSeries]) -> u64 {
    let last = |series: &LossSeries| {
        series
            .curve
            .buckets()
            .last()
            .map_or(0, |bucket| bucket.last)
    };
    series
        .iter()
        .map(|series| series.steps.max(last(series)))
        .max()
        .unwrap_or(0)
}

fn describe_floors(floors: EntropyBaselines) -> String {
    let (uniform, unigram) = (figure(floors.uniform, 1), figure(floors.unigram, 1));
    match floors.bigram.map(|bigram| figure(bigram, 1)) {
        Some(bigram) => tr!(
            "Random guessing scores {uniform}, knowing only word frequencies {unigram}, the word before {bigram}.",
            uniform,
            unigram,
            bigram
        ),
        None => {
            tr!(
                "Random guessing scores {uniform}, knowing only word frequencies {unigram}.",
                uniform,
                unigram
            )
        }
    }
}

fn describe(series: &LossSeries) -> String {
    let run = &series.name;
    let Some((first, last)) = series
        .curve
        .buckets()
        .first()
        .zip(series.curve.buckets().last())
    else {
        return tr!("{run}: no step yet.", run);
    };
    let (first_loss, first_step) = (figure(first.mean(), 2), grouped(first.first));
    let (last_loss, last_step) = (figure(last.mean(), 2), grouped(last.last));
    match series.held_out.last().map(|(_, loss)| figure(*loss, 2)) {
        Some(held_out) => tr!(
            "{run}: loss {first_loss} at step {first_step}, {last_loss} at step {last_step}, held out {held_out}.",
            run,
            first_loss,
            first_step,
            last_loss,
            last_step,
            held_out
        ),
        None => tr!(
            "{run}: loss {first_loss} at step {first_step}, {last_loss} at step {last_step}.",
            run,
            first_loss,
            first_step,
            last_loss,
            last_step
        ),
    }
}

fn loss_range(series: &[LossSeries]) -> (f64, f64) {
    let curves = series.iter().filter_map(|series| series.curve.extent());
    let held_out = series
        .iter()
        .flat_map(|series| series.held_out.iter().map(|(_, loss)| (*loss, *loss)));
    let floors = series
        .iter()
        .filter_map(|series| series.floors)
        .map(|f| (f.bigram.unwrap_or(f.unigram).min(f.unigram), f.uniform));
    let spans = curves
        .chain(held_out)
        .chain(floors)
        .filter(|(low, high)| low.is_finite() && high.is_finite());
    let (low, high) = spans
        .reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))
        .unwrap_or((0.0, 10.0));
    let uniform = series
        .iter()
        .filter_map(|series| series.floors)
        .map(|floors| floors.uniform)
        .reduce(f64::max);
    let high = uniform.map_or(high, |uniform| high.min(uniform * CEILING));
    let margin = ((high - low) * 0.06).max(0.1);
    ((low - margin).max(0.0), high + margin)
}

/// What the losses of these steps span, floors aside: a stretch is looked at for what changes in it.
fn zoomed_range(series: &[LossSeries], steps: (f64, f64)) -> Option<(f64, f64)> {
    let is_seen = |step: u64| (steps.0..=steps.1).contains(&(step as f64));
    let held_out = |series: &LossSeries| {
        series
            .held_out
            .iter()
            .filter(|(step, _)| is_seen(*step))
            .map(|(_, loss)| (*loss, *loss))
            .collect::<Vec<_>>()
    };
    let spans = series.iter().flat_map(|series| {
        held_out(series)
            .into_iter()
            .chain(series.curve.extent_within(steps))
    });
    let (low, high) = spans.reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))?;
    let margin = ((high - low) * 0.06).max(0.01);
    Some(((low - margin).max(0.0), high + margin))
}

/// Where the curves lie, and the held-out losses.
fn points(series: &[LossSeries], x: &Scale, y: &Scale) -> Vec<(f64, f64)> {
    let of = |series: &LossSeries| {
        let curve = series
            .curve
            .buckets()
            .iter()
            .map(|bucket| (x.at(bucket.middle()), y.at(bucket.mean())));
        let held_out = series
            .held_out
            .iter()
            .map(|(step, loss)| (x.at(*step as f64), y.at(*loss)));
        curve.chain(held_out).collect::<Vec<_>>()
    };
    series.iter().flat_map(of).collect()
}

fn add_floors(scene: &mut Scene, y: &Scale, floors: EntropyBaselines, points: &[(f64, f64)]) {
    let EntropyBaselines {
        uniform,
        unigram,
        bigram,
    } = floors;
    let lines = [
        Some((
            uniform,
            tr!("random guessing {loss}", loss = figure(uniform, 1)),
        )),
        Some((
            unigram,
            tr!("word frequencies {loss}", loss = figure(unigram, 1)),
        )),
        bigram.map(|bigram| {
            (
                bigram,
                tr!("the word before {loss}", loss = figure(bigram, 1)),
            )
        }),
    ];
    let mut above = f64::NEG_INFINITY;
    for (loss, label) in lines.into_iter().flatten() {
        let (low, high) = y.domain();
        if !(low..=high).contains(&loss) {
            continue;
        }
        let at = y.at(loss);
        // A label stands above its line, unless the line above is too near.
        let offset = if at - above >= LABEL_HEIGHT {
            -9.0
        } else {
            10.0
        };
        above = at;
        scene.rule(at, ColorRole::Floor, 1);
        scene.text_aside(at + offset, &label, ColorRole::Floor, points);
    }
}

fn add_series(scene: &mut Scene, series: &LossSeries, horizon: Option<f64>, x: &Scale, y: &Scale) {
    let ink = ColorRole::Run(series.ink);
    scene.curve(series.curve, horizon, ink, x, y);
    let dots = series
        .held_out
        .iter()
        .map(|(step, loss)| (x.at(*step as f64), y.at(*loss)))
        .collect();
    scene.marks.push(Mark::Dots { points: dots, ink });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::scene::Size;

    const SIZE: Size = Size {
        width: 600.0,
        height: 300.0,
    };

    fn falling(points: u64) -> Curve {
        let mut curve = Curve::default();
        for step in 1..=points {
            curve.push(
                step,
                3.0 + 6.0 * (-(step as f64) / (points as f64 / 4.0)).exp(),
            );
        }
        curve
    }

    fn series(curve: &Curve) -> LossSeries<'_> {
        LossSeries {
            name: "Pre-training 1".into(),
            curve,
            held_out: vec![(50, 4.5)],
            floors: Some(EntropyBaselines {
                uniform: 9.0,
                unigram: 6.4,
                bigram: Some(5.5),
            }),
            steps: 0,
            ink: 0,
        }
    }

    #[test]
    fn a_long_run_is_drawn_by_pixels_not_by_points() {
        let curve = falling(100_000);
        for mark in loss_scene(&[series(&curve)], &ViewState::plain(SIZE)).marks {
            if let Mark::Line { points, .. } = mark {
                assert!(points.len() <= 2 * 600, "{} points", points.len());
                assert!(points.iter().all(|(x, y)| x.is_finite() && y.is_finite()));
            }
        }
    }

    #[test]
    fn all_floors_are_drawn_and_named() {
        let curve = falling(100);
        let scene = loss_scene(&[series(&curve)], &ViewState::plain(SIZE));
        let texts: Vec<&str> = scene
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        for label in [
            "random guessing 9.0",
            "word frequencies 6.4",
            "the word before 5.5",
        ] {
            assert!(texts.contains(&label), "{texts:?}");
        }
        let words =
            |mark: &Mark| matches!(mark, Mark::Text { ink, .. } if *ink != ColorRole::Floor);
        assert!(
            scene.marks.iter().is_sorted_by_key(words),
            "no curve runs through a word"
        );
        let place = |of: fn(&Mark) -> bool| scene.marks.iter().position(of).expect("drawn");
        let name = place(|mark| {
            matches!(
                mark,
                Mark::Text {
                    ink: ColorRole::Floor,
                    ..
                }
            )
        });
        assert!(
            name < place(|mark| matches!(mark, Mark::Dots { .. })),
            "no name of a floor hides what was measured"
        );
        let rules = scene
            .marks
            .iter()
            .filter(|mark| {
                matches!(
                    mark,
                    Mark::Line {
                        ink: ColorRole::Floor,
                        ..
                    }
                )
            })
            .count();
        assert_eq!(rules, 3);
    }

    #[test]
    fn the_cross_hair_tells_loss_and_held_out_loss() {
        let curve = falling(100);
        assert_eq!(
            loss_readout(&[series(&curve)], 60.2),
            "Step 60: Pre-training 1 3.54 (held out 4.50 at step 50)"
        );
        assert_eq!(
            loss_readout(&[series(&curve)], 40.0),
            "Step 40: Pre-training 1 4.21"
        );
        assert_eq!(
            loss_readout(&[series(&curve)], 500.0),
            "Step 500: not reached."
        );
    }

    #[test]
    fn a_stretch_is_as_high_as_what_changes_in_it() {
        let curve = falling(100);
        let mut look = ViewState::plain(SIZE);
        look.options.stretch = Some((80.0, 100.0));
        let scene = loss_scene(&[series(&curve)], &look);
        let floors = scene
            .marks
            .iter()
            .filter(|mark| {
                matches!(
                    mark,
                    Mark::Text {
                        ink: ColorRole::Floor,
                        ..
                    }
                )
            })
            .count();
        assert_eq!(floors, 0, "all lie far above");
        let (low, high) = zoomed_range(&[series(&curve)], (80.0, 100.0)).expect("a curve");
        assert!(
            low > 2.0 && high < 4.6 && high - low < 2.6,
            "{low} to {high}"
        );
        assert_eq!(zoomed_range(&[series(&curve)], (500.0, 600.0)), None);
    }

    #[test]
    fn one_spike_does_not_flatten_the_rest() {
        let mut curve = falling(100);
        curve.push(101, 1e9);
        assert!(loss_range(&[series(&curve)]).1 < 13.0);
        assert_eq!(loss_range(&[]), (0.0, 10.6));
    }

    #[test]
    fn the_summary_says_what_the_picture_shows() {
        let curve = falling(100);
        let text = loss_summary(&[series(&curve)]);
        assert_eq!(
            text,
            "Loss chart. Random guessing scores 9.0, knowing only word frequencies 6.4, the word before 5.5. \
             Pre-training 1: loss 8.76 at step 1, 3.11 at step 100, held out 4.50."
        );
        assert_eq!(loss_summary(&[]), "Loss chart: no run yet.");
    }

    #[test]
    fn table_rows_stand_at_round_steps_that_were_reached() {
        let curve = falling(100);
        let rows = loss_rows(&[LossSeries {
            steps: 1000,
            ..series(&curve)
        }]);
        assert_eq!(
            rows.iter().map(|(step, _)| *step).collect::<Vec<_>>(),
            [50, 100]
        );
        assert_eq!(loss_rows(&[]), []);
    }
}
