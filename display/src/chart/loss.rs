//! The loss chart: each pre-training run as a raw and a smoothed line with dots for its held-out
//! loss, next to the entropy baselines. Pure layout; the page's `state` supplies the numbers and
//! its `canvas` paints the scene.

use super::curve::Curve;
use super::options::{ViewState, add_cursor, value_scale};
use super::scale::{Scale, ticks};
use super::scene::{ColorRole, Mark, Plot, Scene};
use crate::tr;
use crate::wording::{figure, grouped};

/// The axis ends at this multiple of the uniform entropy, so that one spike does not flatten the
/// rest.
const CEILING: f64 = 1.25;

/// Right margin in pixels: half the width of a tick label.
const MARGIN: f64 = 14.0;

/// Minimum vertical distance between labels that do not overlap, in pixels.
const LABEL_HEIGHT: f64 = 15.0;

/// The data of one run.
#[derive(Clone, Debug)]
pub struct LossSeries<'a> {
    /// Name of the run.
    pub name: String,
    /// Training loss by step, in nats.
    pub curve: &'a Curve,
    /// Held-out loss as `(step, loss)` in order of steps, in nats.
    pub held_out: Vec<(u64, f64)>,
    /// Entropy baselines of the corpus, if known.
    pub entropy_baselines: Option<EntropyBaselines>,
    /// Planned number of steps.
    pub steps: u64,
    /// Colour index of the run, as in [`ColorRole::Run`].
    pub ink: usize,
}

/// Entropy baselines of the loss, in nats: the losses of trivial predictors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyBaselines {
    /// Loss of the uniform distribution over the vocabulary.
    pub uniform: f64,
    /// Loss of the unigram distribution (token frequencies).
    pub unigram: f64,
    /// Loss of the bigram distribution (given the preceding token), if known.
    pub bigram: Option<f64>,
}

/// Lays out the loss chart.
pub fn loss_scene(series: &[LossSeries], view: &ViewState) -> Scene {
    let options = view.options;
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
    let (x_name, y_name) = (tr!("step"), tr!("masked-LM loss, nats"));
    let (mut scene, x, y) = Scene::with_scales(view.size, (&x_name, &y_name), MARGIN, scales);
    if let Some(entropy_baselines) = series
        .iter()
        .rev()
        .find_map(|series| series.entropy_baselines)
    {
        add_baselines(&mut scene, &y, entropy_baselines, &points(series, &x, &y));
    }
    if series.is_empty() {
        scene.placeholder(&tr!("The loss appears here once a run starts."));
    }
    let horizon = options.smoothing.horizon(steps.1 - steps.0);
    for series in series {
        add_series(&mut scene, series, horizon, &x, &y);
    }
    scene.bring_text_to_front();
    add_cursor(&mut scene, &x, view.cursor, view.drag);
    scene
}

/// Returns the cross-hair readout: the training loss of each run at a step and its last held-out
/// loss up to it.
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

/// Formats the readout of a step from the values of all runs.
pub(super) fn step_words(step: u64, figures: &[String]) -> String {
    let step = grouped(step);
    match figures {
        [] => tr!("Step {step}: not reached.", step),
        figures => tr!("Step {step}: {figures}", step, figures = figures.join(", ")),
    }
}

/// Describes the chart in sentences, for screen readers.
pub fn loss_summary(series: &[LossSeries]) -> String {
    if series.is_empty() {
        return tr!("Loss chart: no run yet.");
    }
    let mut sentences = vec![tr!("Loss chart.")];
    if let Some(entropy_baselines) = series
        .iter()
        .rev()
        .find_map(|series| series.entropy_baselines)
    {
        sentences.push(describe_baselines(entropy_baselines));
    }
    sentences.extend(series.iter().map(describe));
    sentences.join(" ")
}

/// Returns the rows of the table beside the chart: round steps and the training loss of each run
/// there. Rows that no run reaches are omitted.
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

/// Returns the last step that any run reaches or plans; 0 without runs.
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

fn describe_baselines(entropy_baselines: EntropyBaselines) -> String {
    let (uniform, unigram) = (
        figure(entropy_baselines.uniform, 1),
        figure(entropy_baselines.unigram, 1),
    );
    match entropy_baselines.bigram.map(|bigram| figure(bigram, 1)) {
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
    let entropy_baselines = series
        .iter()
        .filter_map(|series| series.entropy_baselines)
        .map(|f| (f.bigram.unwrap_or(f.unigram).min(f.unigram), f.uniform));
    let spans = curves
        .chain(held_out)
        .chain(entropy_baselines)
        .filter(|(low, high)| low.is_finite() && high.is_finite());
    let (low, high) = spans
        .reduce(|(low, high), (min, max)| (low.min(min), high.max(max)))
        .unwrap_or((0.0, 10.0));
    let uniform = series
        .iter()
        .filter_map(|series| series.entropy_baselines)
        .map(|entropy_baselines| entropy_baselines.uniform)
        .reduce(f64::max);
    let high = uniform.map_or(high, |uniform| high.min(uniform * CEILING));
    let margin = ((high - low) * 0.06).max(0.1);
    ((low - margin).max(0.0), high + margin)
}

/// Returns the range of the losses within these steps. Ignores the entropy baselines, so that a
/// zoomed chart uses its full height for the changes in it.
fn zoomed_range(series: &[LossSeries], steps: (f64, f64)) -> Option<(f64, f64)> {
    let is_visible = |step: u64| (steps.0..=steps.1).contains(&(step as f64));
    let held_out = |series: &LossSeries| {
        series
            .held_out
            .iter()
            .filter(|(step, _)| is_visible(*step))
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

/// Returns the pixel positions of all curve buckets and held-out losses.
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

fn add_baselines(
    scene: &mut Scene,
    y: &Scale,
    entropy_baselines: EntropyBaselines,
    points: &[(f64, f64)],
) {
    let EntropyBaselines {
        uniform,
        unigram,
        bigram,
    } = entropy_baselines;
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
        // A label goes above its line, unless the line above is too close.
        let offset = if at - above >= LABEL_HEIGHT {
            -9.0
        } else {
            10.0
        };
        above = at;
        scene.rule(at, ColorRole::Baseline, 1);
        scene.text_aside(at + offset, &label, ColorRole::Baseline, points);
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
            entropy_baselines: Some(EntropyBaselines {
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
    fn all_baselines_are_drawn_and_named() {
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
            |mark: &Mark| matches!(mark, Mark::Text { ink, .. } if *ink != ColorRole::Baseline);
        assert!(
            scene.marks.iter().is_sorted_by_key(words),
            "no curve runs through a word"
        );
        let index_of = |of: fn(&Mark) -> bool| scene.marks.iter().position(of).expect("drawn");
        let name = index_of(|mark| {
            matches!(
                mark,
                Mark::Text {
                    ink: ColorRole::Baseline,
                    ..
                }
            )
        });
        assert!(
            name < index_of(|mark| matches!(mark, Mark::Dots { .. })),
            "no name of a floor hides what was measured"
        );
        let rules = scene
            .marks
            .iter()
            .filter(|mark| {
                matches!(
                    mark,
                    Mark::Line {
                        ink: ColorRole::Baseline,
                        ..
                    }
                )
            })
            .count();
        assert_eq!(rules, 3);
    }

    #[test]
    fn the_readout_contains_loss_and_held_out_loss() {
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
    fn a_zoomed_chart_fits_the_visible_losses() {
        let curve = falling(100);
        let mut view = ViewState::plain(SIZE);
        view.options.stretch = Some((80.0, 100.0));
        let scene = loss_scene(&[series(&curve)], &view);
        let entropy_baselines = scene
            .marks
            .iter()
            .filter(|mark| {
                matches!(
                    mark,
                    Mark::Text {
                        ink: ColorRole::Baseline,
                        ..
                    }
                )
            })
            .count();
        assert_eq!(entropy_baselines, 0, "all lie far above");
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
    fn the_summary_describes_the_chart() {
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
    fn table_rows_are_round_steps_that_were_reached() {
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
