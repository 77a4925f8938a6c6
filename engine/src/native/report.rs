//! `report.html`: the charts of a run in one file that needs nothing else, no script and no network. A pure function of
//! the run's events; every text from outside is escaped.

use super::progress::{clock, count, measured};
use protocol::{ClassifierMetrics, Event, Metrics, Phase};
use std::fmt::Write;

/// Name of the report in a run directory.
pub(super) const REPORT_FILE: &str = "report.html";

/// Size of a chart's drawing area in SVG units, and the room for its axes.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 240.0;
const MARGIN: f64 = 52.0;
/// Points of a line at most: one per unit of width. Each stands for the lowest and the highest of its bucket, so that
/// no spike is lost.
const BUCKETS: usize = 640;
/// Labels of the per-label table at most.
const MAX_ROWS: usize = 500;

const STYLE: &str = "<style>:root{color-scheme:light dark;--ink:#1c1c1c;--paper:#fff;--grid:#ddd;--a:#0b62a4;--b:#b8500a;\
--c:#2e7d32}@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--paper:#16181b;--grid:#3a3d41;\
--a:#6db3f2;--b:#f2a365;--c:#81c784}}body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);\
background:var(--paper);max-width:46rem;\
margin:2rem auto;padding:0 1rem}svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--ink)}.grid{stroke:var(--grid)}\
.line{fill:none;stroke-width:1.5}.a{stroke:var(--a);color:var(--a)}.b{stroke:var(--b);color:var(--b)}.c{stroke:var(--c);color:var(--c)}\
.floor{stroke-dasharray:4 4}.band{stroke:none}.band.a{fill:var(--a)}.band.b{fill:var(--b)}.band{opacity:.18}\
.wide{overflow-x:auto}\
table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:right}\
td:first-child,th:first-child{text-align:left}\
</style>";

/// One line of a chart.
pub(super) struct Series {
    /// For the legend.
    pub name: String,
    /// Classes of its line.
    pub class: &'static str,
    /// Ascending in x.
    pub points: Vec<(f64, f64)>,
    /// What is shaded around it, as (x, low, high); empty for nothing.
    pub band: Vec<(f64, f64, f64)>,
}

/// The report of a run, as HTML.
pub(super) fn render(title: &str, events: &[Event]) -> String {
    let mut html = summary(events);
    html += &chart("Loss in nats, by step", &loss_series(events));
    html += &chart("Hidden tokens guessed right on held-out text, share by step", &accuracy_series(events));
    html += &chart("F1 on validation text, by pass", &f1_series(events));
    html += &chart("Learning rate, by step", &step_series(events, "learning rate", |step| step.lr));
    html +=
        &chart("Gradient norm before clipping, by step", &step_series(events, "gradient norm", |step| step.grad_norm));
    html += &chart("Tokens per second, by step", &step_series(events, "tokens per second", |step| step.tokens_per_sec));
    html += &evaluations(events);
    html += &per_label(events);
    page(title, &html)
}

/// A page that needs nothing else. `title` is escaped, `body` is HTML.
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} · Clozelab</title>{STYLE}</head><body><h1>{title}</h1>\n\
         {body}</body></html>\n"
    )
}

fn summary(events: &[Event]) -> String {
    let mut html = String::from("<ul>\n");
    for event in events {
        let text = match event {
            Event::Started { device, parameters, steps, tokens, step: 0, .. } => {
                let (parameters, tokens) = (count(*parameters as f64), count(*tokens as f64));
                Some(format!("{parameters} parameters, {steps} steps, {tokens} tokens, on {device}"))
            }
            Event::Started { step, device, .. } => Some(format!("resumed after step {step}, on {device}")),
            Event::Finished { step, stopped, elapsed_secs, .. } => {
                let word = if *stopped { "stopped" } else { "finished" };
                Some(format!("{word} after {step} steps and {}", clock(*elapsed_secs)))
            }
            Event::Warning { message, .. } => Some(format!("warning: {message}")),
            _ => None,
        };
        text.into_iter().for_each(|text| html += &format!("<li>{}</li>\n", escape(&text)));
    }
    html + "</ul>\n"
}

fn loss_series(events: &[Event]) -> Vec<Series> {
    let series = |name: &str, class, points| Series { name: name.into(), class, points, band: Vec::new() };
    let training = events.iter().filter_map(|event| match event {
        Event::Step { step, loss, .. } => Some((*step as f64, *loss)),
        _ => None,
    });
    let training: Vec<(f64, f64)> = finite(training);
    let held_out = events.iter().filter_map(|event| match event {
        Event::Evaluated { step, metrics: Metrics::MaskedLm(m), .. } => Some((*step as f64, m.masked_lm_loss)),
        Event::Evaluated { step, metrics: Metrics::Classifier(m), split, .. } if split == "valid" => {
            Some((*step as f64, m.loss))
        }
        _ => None,
    });
    let mut all = vec![series("training", "line a", training.clone()), series("held out", "line b", finite(held_out))];
    let floors = events.iter().find_map(|event| match event {
        Event::Started { phase: Phase::Pretrain, uniform, unigram, bigram, .. } => Some([
            Some(("guessing at random", *uniform)),
            Some(("guessing by frequency", *unigram)),
            bigram.map(|bigram| ("guessing by the word before", bigram)),
        ]),
        _ => None,
    });
    if let (Some(last), Some(floors)) = (training.last(), floors) {
        for (name, floor) in floors.into_iter().flatten() {
            all.push(series(name, "line c floor", finite([(0.0, floor), (last.0, floor)].into_iter())));
        }
    }
    all
}

fn accuracy_series(events: &[Event]) -> Vec<Series> {
    let points = events.iter().filter_map(|event| match event {
        Event::Evaluated { step, metrics: Metrics::MaskedLm(m), .. } => Some((*step as f64, m.masked_accuracy)),
        _ => None,
    });
    vec![Series { name: "guessed right".into(), class: "line b", points: finite(points), band: Vec::new() }]
}

/// What a step reports beside its loss.
struct StepFigures {
    lr: f64,
    grad_norm: f64,
    tokens_per_sec: f64,
}

fn step_series(events: &[Event], name: &str, pick: fn(StepFigures) -> f64) -> Vec<Series> {
    let points = events.iter().filter_map(|event| match *event {
        Event::Step { step, lr, grad_norm, tokens_per_sec, .. } => {
            Some((step as f64, pick(StepFigures { lr, grad_norm, tokens_per_sec })))
        }
        _ => None,
    });
    vec![Series { name: name.into(), class: "line a", points: finite(points), band: Vec::new() }]
}

fn f1_series(events: &[Event]) -> Vec<Series> {
    let of = |name: &str, class, pick: fn(&ClassifierMetrics) -> f64| {
        let points = events.iter().filter_map(|event| match event {
            Event::Evaluated { epoch, split, metrics: Metrics::Classifier(m), .. } if split == "valid" => {
                Some((*epoch, pick(m)))
            }
            _ => None,
        });
        Series { name: name.into(), class, points: finite(points), band: Vec::new() }
    };
    vec![
        of("micro", "line a", |m| m.micro_f1),
        of("macro", "line b", |m| m.macro_f1),
        of("mean", "line c", |m| m.mean_f1),
    ]
}

fn finite(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    points.filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
}

/// A line chart; nothing where no line has two points.
pub(super) fn chart(title: &str, series: &[Series]) -> String {
    if series.iter().all(|series| series.points.len() < 2) {
        return String::new();
    }
    let (x, y) = (range(series, 0), range(series, 1));
    let at = |(px, py): (f64, f64)| {
        let across = MARGIN + (px - x.0) / (x.1 - x.0) * WIDTH;
        let down = 10.0 + HEIGHT - (py - y.0) / (y.1 - y.0) * HEIGHT;
        format!("{across:.1},{down:.1}")
    };
    let (full_width, full_height) = (WIDTH + MARGIN + 10.0, HEIGHT + 40.0);
    let mut svg = format!(
        "<h2>{title}</h2>\n<svg viewBox=\"0 0 {full_width} {full_height}\" role=\"img\" aria-label=\"{title}\">{}",
        axes(x, y)
    );
    for series in series.iter().filter(|series| !series.band.is_empty()) {
        let upper = series.band.iter().map(|(x, _, high)| at((*x, *high)));
        let lower = series.band.iter().rev().map(|(x, low, _)| at((*x, *low)));
        let points: Vec<String> = upper.chain(lower).collect();
        let _ = write!(svg, "<polygon class=\"band {}\" points=\"{}\"/>", series.class, points.join(" "));
    }
    for series in series.iter().filter(|series| !series.points.is_empty()) {
        let points: Vec<String> = thinned(&series.points).into_iter().map(at).collect();
        let _ = write!(svg, "<polyline class=\"{}\" points=\"{}\"/>", series.class, points.join(" "));
    }
    svg + "</svg>\n" + &legend(series)
}

fn axes(x: (f64, f64), y: (f64, f64)) -> String {
    const TICKS: u32 = 4;
    let mut svg = String::new();
    for tick in 0..=TICKS {
        let share = f64::from(tick) / f64::from(TICKS);
        let (across, down) = (MARGIN + share * WIDTH, 10.0 + HEIGHT - share * HEIGHT);
        let (value_x, value_y) = (x.0 + share * (x.1 - x.0), y.0 + share * (y.1 - y.0));
        let right = MARGIN + WIDTH;
        let _ = write!(svg, "<line class=\"grid\" x1=\"{MARGIN}\" x2=\"{right}\" y1=\"{down:.1}\" y2=\"{down:.1}\"/>");
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            MARGIN - 6.0,
            down + 4.0,
            tick_label(value_y, y.1)
        );
        let label = if x.1 >= 100.0 { count(value_x) } else { format!("{value_x:.1}") };
        let _ = write!(svg, "<text x=\"{across:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>", HEIGHT + 30.0);
    }
    svg
}

/// A value on the upright axis, whose highest is `most`: figures of any size fit into the margin.
fn tick_label(value: f64, most: f64) -> String {
    match most.abs() {
        most if most >= 1000.0 => count(value),
        most if most >= 0.05 => format!("{value:.2}"),
        _ => format!("{value:.1e}"),
    }
}

fn legend(series: &[Series]) -> String {
    let last = |series: &Series| {
        series
            .points
            .last()
            .map(|(_, y)| format!("<b class=\"{}\">{}</b> {}", series.class, series.name, last_value(*y)))
    };
    format!("<p>Last values: {}</p>\n", series.iter().filter_map(last).collect::<Vec<_>>().join(" · "))
}

fn last_value(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => count(value),
        size if size >= 0.05 || size == 0.0 => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

/// The range of one coordinate, never empty, so that it can be divided by: what never changes is drawn against 0.
fn range(series: &[Series], axis: usize) -> (f64, f64) {
    let points = series.iter().flat_map(|series| series.points.iter().map(|(x, y)| [*x, *y]));
    let bands =
        series.iter().flat_map(|series| series.band.iter().flat_map(|(x, low, high)| [[*x, *low], [*x, *high]]));
    let values = points.chain(bands).map(|point| point[axis]);
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    match low {
        _ if high > low => (low, high),
        0.0 => (0.0, 1.0),
        always => (always.min(0.0), always.max(0.0)),
    }
}

/// At most two points per bucket: its lowest and its highest, in their order.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(BUCKETS).max(1);
    let extremes = |bucket: &[(f64, f64)]| {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let ends = [bucket.iter().min_by(by_height), bucket.iter().max_by(by_height)];
        let mut ends: Vec<(f64, f64)> = ends.into_iter().flatten().copied().collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        ends.dedup();
        ends
    };
    points.chunks(size).flat_map(extremes).collect()
}

fn evaluations(events: &[Event]) -> String {
    let row = |event: &Event| match event {
        Event::Evaluated { step, epoch, split, metrics, .. } => Some(format!(
            "<tr><td>{}</td><td>{step}</td><td>{epoch:.2}</td><td>{}</td></tr>\n",
            escape(split),
            escape(&measured(metrics))
        )),
        _ => None,
    };
    let rows: String = events.iter().filter_map(row).collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<h2>Evaluations</h2>\n<table><tr><th>text</th>\
         <th>step</th><th>passes</th><th>figures</th></tr>\n{rows}</table>\n"
    )
}

fn per_label(events: &[Event]) -> String {
    let last = events.iter().rev().find_map(|event| match event {
        Event::Evaluated { metrics: Metrics::Classifier(m), .. } if !m.per_label.is_empty() => Some(m),
        _ => None,
    });
    let Some(metrics) = last else { return String::new() };
    let mut html = String::from(
        "<h2>Labels, in the last evaluation</h2>\n<table><tr><th>label</th>\
         <th>precision</th><th>recall</th><th>F1</th><th>texts</th></tr>\n",
    );
    for row in metrics.per_label.iter().take(MAX_ROWS) {
        let (precision, recall, f1, support) = (row.precision, row.recall, row.f1, row.support);
        html += &format!(
            "<tr><td>{}</td><td>{precision:.3}</td><td>{recall:.3}</td><td>{f1:.3}</td><td>{support}</td></tr>\n",
            escape(&row.label)
        );
    }
    let rest = metrics.per_label.len().saturating_sub(MAX_ROWS);
    let rest = if rest > 0 { format!("<p>and {rest} more labels, in metrics.jsonl</p>\n") } else { String::new() };
    html + "</table>\n" + &rest
}

/// Text that can stand in HTML and in a quoted attribute, without characters that turn its direction.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in super::output::plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::LabelMetrics;

    const ATTACK: &str = "<img src=x onerror=alert(1)>\"'&";

    fn step(step: u64, loss: f64) -> Event {
        Event::Step {
            run: "r".into(),
            step,
            loss,
            masked_lm_loss: None,
            next_sentence_loss: None,
            lr: 1e-3,
            tokens_per_sec: 1.0,
            elapsed_secs: 1.0,
            eta_secs: 1.0,
            grad_norm: 1.0,
        }
    }

    fn started() -> Event {
        Event::Started {
            run: "r".into(),
            phase: Phase::Pretrain,
            parameters: 10,
            steps: 9,
            tokens: 1000,
            device: ATTACK.into(),
            vocab_size: 100,
            uniform: 4.6,
            unigram: 3.9,
            bigram: None,
            labels: vec![ATTACK.into()],
            step: 0,
        }
    }

    #[test]
    fn foreign_text_stays_text() {
        let per_label = vec![LabelMetrics { label: ATTACK.into(), ..LabelMetrics::default() }];
        let metrics = Metrics::Classifier(ClassifierMetrics { per_label, ..ClassifierMetrics::default() });
        let evaluated = |epoch| Event::Evaluated {
            run: "r".into(),
            step: 1,
            epoch,
            split: "valid".into(),
            metrics: metrics.clone(),
        };
        let warning = Event::Warning { run: "r".into(), code: ATTACK.into(), message: ATTACK.into() };
        let html = render(ATTACK, &[started(), warning, step(1, 4.0), step(2, 3.0), evaluated(1.0), evaluated(2.0)]);
        assert!(!html.contains("<img") && !html.contains("<script") && !html.contains("http"), "{html}");
        assert_eq!(html.matches("<svg").count(), 5, "loss, F1, learning rate, gradient norm, speed");
        assert!(html.contains(">1.0e-3</text>"), "a small learning rate is no 0.00");
        assert!(html.contains("guessing by frequency"));
    }

    #[test]
    fn long_runs_stay_small_and_keep_their_spikes() {
        let mut events = vec![started()];
        events.extend((1..=100_000).map(|n| step(n, if n == 54_321 { 77.0 } else { 3.0 + 1.0 / n as f64 })));
        let html = render("long", &events);
        assert!(html.len() < 120_000, "{} bytes", html.len());
        assert!(html.contains("77.00"), "the axis reaches to the spike");
    }

    #[test]
    fn runs_without_points_have_no_charts() {
        for events in [vec![], vec![started()], vec![started(), step(1, f64::NAN), step(2, f64::INFINITY)]] {
            assert!(!render("empty", &events).contains("Loss in nats"));
        }
        assert!(render("flat", &[step(1, 2.0), step(2, 2.0)]).contains("<polyline"));
        let perfect = Series { name: "F1".into(), class: "line a", points: vec![(0.0, 1.0), (0.0, 1.0)], band: vec![] };
        assert_eq!([0, 1].map(|axis| range(std::slice::from_ref(&perfect), axis)), [(0.0, 1.0); 2]);
    }
}
