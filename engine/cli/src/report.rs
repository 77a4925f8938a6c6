//! `report.html`: the charts and tables of a run in one self-contained file, without scripts or
//! network access. A pure function of the run's events; all untrusted text is escaped.

pub(crate) mod compare_report;
use crate::terminal::progress::{clock, count, measured};
use display::chart::curve::Curve;
use display::chart::export::shapes;
use display::chart::f1::{F1Point, F1Series, METRICS, f1_scene, f1_summary};
use display::chart::loss::{EntropyBaselines, LossSeries, loss_scene, loss_summary};
use display::chart::metric::{MetricSeries, metric_scene, metric_summary};
use display::chart::options::ViewState;
use display::chart::scene::{ColorRole, RUN_INKS, Scene, Size};
use protocol::{ClassifierMetrics, Event, Metrics, Phase, is_note};

/// Name of the report in a run directory.
pub(super) const REPORT_FILE: &str = "report.html";

/// Size of a chart in CSS pixels, in a window that is wide enough.
pub(super) const CHART: Size = Size {
    width: 700.0,
    height: 300.0,
};

/// Maximum number of rows in the per-label table.
const MAX_ROWS: usize = 500;

/// Name of the run in the charts.
const NAME: &str = "this run";

/// Style sheet of the report, with the colours of the page.
const STYLE: &str = "<style>:root{color-scheme:light dark;--ink:#1c2024;--surface:#ffffff;--muted:#585f69;--line:#dfdcd3;\
--run-0:#17605a;--run-1:#b4531c;--metric-0:#2b6cb0;--metric-1:#b4531c;--metric-2:#17605a}\
@media(prefers-color-scheme:dark){:root{--ink:#e9e7e1;--surface:#1c2024;--muted:#a5abb4;--line:#333940;\
--run-0:#74c9bd;--run-1:#f0a36f;--metric-0:#82b8ee;--metric-1:#f0a36f;--metric-2:#74c9bd}}\
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--surface);max-width:46rem;\
margin:2rem auto;padding:0 1rem}figure{margin:2rem 0}svg{width:100%;min-width:34rem;height:auto}\
svg text{font-size:12px}\
figcaption{color:var(--muted);font-size:.9rem}.wide{overflow-x:auto}\
table{border-collapse:collapse}td,th{padding:.15rem .8rem .15rem 0;text-align:right}\
td:first-child,th:first-child{text-align:left}\
</style>";

/// Renders the report of a run as HTML.
pub(super) fn render(title: &str, events: &[Event]) -> String {
    page(
        title,
        &[
            summary(events),
            Figures::of(events).charts(),
            evaluations(events),
            per_label(events),
        ]
        .concat(),
    )
}

/// Renders a self-contained page. `title` is escaped; `body` is HTML.
pub(super) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title} · Clozelab</title>{STYLE}</head><body><h1>{title}</h1>\n\
         {body}</body></html>\n"
    )
}

/// Renders a chart below its title and above its `caption`, which is HTML. `id` must be unique on
/// the page.
pub(super) fn figure(title: &str, id: &str, scene: &Scene, caption: &str) -> String {
    let (Size { width, height }, title) = (CHART, escape(title));
    let shapes = shapes(scene, id, "var(--surface)", colour);
    format!(
        "<figure><h2>{title}</h2>\n<div class=\"wide\" tabindex=\"0\"><svg viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"{title}\">{shapes}</svg></div>\n\
         <figcaption>{caption}</figcaption></figure>\n"
    )
}

fn colour(ink: ColorRole) -> String {
    match ink {
        ColorRole::Run(index) => format!("var(--run-{})", index % RUN_INKS),
        ColorRole::Metric(index) => format!("var(--metric-{index})"),
        ColorRole::Grid => "var(--line)".into(),
        ColorRole::Label | ColorRole::Baseline => "var(--muted)".into(),
    }
}

fn summary(events: &[Event]) -> String {
    let mut html = String::from("<ul>\n");
    for event in events {
        let text = match event {
            Event::Started {
                device,
                parameters,
                steps,
                tokens,
                step: 0,
                ..
            } => {
                let (parameters, tokens) = (count(*parameters as f64), count(*tokens as f64));
                Some(format!(
                    "{parameters} parameters, {steps} steps, {tokens} tokens, on {device}"
                ))
            }
            Event::Started { step, device, .. } => {
                Some(format!("resumed after step {step}, on {device}"))
            }
            Event::Finished {
                step,
                stopped,
                elapsed_secs,
                ..
            } => {
                let word = if *stopped { "stopped" } else { "finished" };
                Some(format!(
                    "{word} after {step} steps ({})",
                    clock(*elapsed_secs)
                ))
            }
            Event::Warning { code, message, .. } if is_note(code) => Some(message.to_string()),
            Event::Warning { message, .. } => Some(format!("warning: {message}")),
            _ => None,
        };
        text.into_iter()
            .for_each(|text| html += &format!("<li>{}</li>\n", escape(&text)));
    }
    html + "</ul>\n"
}

/// Data of the charts, collected from the events of a run.
#[derive(Default)]
struct Figures {
    loss: Curve,
    lr: Curve,
    grad_norm: Curve,
    speed: Curve,
    /// Held-out loss of either phase, by step.
    held_out: Vec<(u64, f64)>,
    accuracy: Vec<(u64, f64)>,
    f1: Vec<F1Point>,
    entropy_baselines: Option<EntropyBaselines>,
    /// End of the step axis: the last step of a run that has ended, otherwise the planned one.
    steps: u64,
}

impl Figures {
    fn of(events: &[Event]) -> Self {
        let mut figures = Self::default();
        events.iter().for_each(|event| figures.take(event));
        figures
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Started {
                phase,
                steps,
                uniform,
                unigram,
                bigram,
                ..
            } => {
                self.steps = *steps;
                let baselines = EntropyBaselines {
                    uniform: *uniform,
                    unigram: *unigram,
                    bigram: *bigram,
                };
                self.entropy_baselines = (*phase == Phase::Pretrain).then_some(baselines);
            }
            Event::Step {
                step,
                loss,
                lr,
                grad_norm,
                tokens_per_sec,
                ..
            } => {
                self.loss.push(*step, *loss);
                self.lr.push(*step, *lr);
                self.grad_norm.push(*step, *grad_norm);
                self.speed.push(*step, *tokens_per_sec);
            }
            Event::Evaluated {
                step,
                metrics: Metrics::MaskedLm(metrics),
                ..
            } => {
                put(&mut self.held_out, *step, metrics.masked_lm_loss);
                put(&mut self.accuracy, *step, metrics.masked_accuracy);
            }
            Event::Evaluated {
                step,
                epoch,
                split,
                network,
                metrics: Metrics::Classifier(metrics),
                ..
            } if split == "valid" => {
                put(&mut self.held_out, *step, metrics.loss);
                let ClassifierMetrics {
                    micro_f1,
                    macro_f1,
                    mean_f1,
                    ..
                } = metrics;
                self.f1
                    .retain(|point| (point.epoch, point.network) != (*epoch, *network));
                self.f1.push(F1Point {
                    step: *step,
                    epoch: *epoch,
                    network: *network,
                    scores: [*micro_f1, *macro_f1, *mean_f1],
                });
            }
            Event::Finished { step, .. } => self.steps = *step,
            _ => {}
        }
    }

    fn charts(&self) -> String {
        let by_step = |curve| MetricSeries {
            name: NAME.into(),
            curve,
            points: vec![],
            steps: self.steps,
            ink: 0,
        };
        let accuracy = MetricSeries {
            points: self.accuracy.clone(),
            ..by_step(None)
        };
        [
            self.loss_chart(),
            metric_chart("Masked-token accuracy on held-out text", "share", accuracy),
            self.f1_chart(),
            metric_chart("Learning rate", "rate", by_step(Some(&self.lr))),
            metric_chart(
                "Gradient norm before clipping",
                "norm",
                by_step(Some(&self.grad_norm)),
            ),
            metric_chart("Tokens per second", "tokens/s", by_step(Some(&self.speed))),
        ]
        .concat()
    }

    fn loss_chart(&self) -> String {
        let (title, name, held_out) = ("Loss in nats", NAME.to_string(), self.held_out.clone());
        let Some(baselines) = self.entropy_baselines else {
            let (curve, points) = (Some(&self.loss), held_out);
            return metric_chart(
                title,
                "nats",
                MetricSeries {
                    name,
                    curve,
                    points,
                    steps: self.steps,
                    ink: 0,
                },
            );
        };
        if self.loss.points() < 2 {
            return String::new();
        }
        let series = LossSeries {
            name,
            curve: &self.loss,
            held_out,
            entropy_baselines: Some(baselines),
            steps: self.steps,
            ink: 0,
        };
        let series = std::slice::from_ref(&series);
        figure(
            title,
            "loss",
            &loss_scene(series, &ViewState::plain(CHART)),
            &escape(&loss_summary(series)),
        )
    }

    fn f1_chart(&self) -> String {
        if self.f1.len() < 2 {
            return String::new();
        }
        let series = [F1Series {
            name: NAME.into(),
            points: self.f1.clone(),
            epochs: 0.0,
            dash: 0,
        }];
        let swatch = |(index, name): (usize, &str)| {
            format!("<b style=\"color:var(--metric-{index})\">●</b> {name}")
        };
        let legend: Vec<String> = METRICS.into_iter().enumerate().map(swatch).collect();
        let caption = format!(
            "{}. {}",
            legend.join(" "),
            escape(&f1_summary(&series, None))
        );
        figure(
            "F1 on validation documents",
            "f1",
            &f1_scene(&series, None, &ViewState::plain(CHART), 1.0),
            &caption,
        )
    }
}

/// Renders a chart of one metric. Returns an empty string if there are fewer than two points.
fn metric_chart(title: &str, unit: &str, series: MetricSeries) -> String {
    let is_line = series.points.len() > 1 || series.curve.is_some_and(|curve| curve.points() > 1);
    let series = std::slice::from_ref(&series);
    let scene = is_line.then(|| metric_scene(series, unit, &ViewState::plain(CHART)));
    // The unit serves as the id, since no two charts have the same unit.
    scene
        .map(|scene| figure(title, unit, &scene, &escape(&metric_summary(series, title))))
        .unwrap_or_default()
}

/// Adds a point and removes an earlier one of the same step. A value that is not finite is not
/// added.
fn put(points: &mut Vec<(u64, f64)>, step: u64, value: f64) {
    points.retain(|(other, _)| *other != step);
    points.extend(value.is_finite().then_some((step, value)));
}

fn evaluations(events: &[Event]) -> String {
    let row = |event: &Event| match event {
        Event::Evaluated {
            step,
            epoch,
            split,
            metrics,
            ..
        } => Some(format!(
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
        "<h2>Evaluations</h2>\n<table><tr><th>split</th>\
         <th>step</th><th>epoch</th><th>metrics</th></tr>\n{rows}</table>\n"
    )
}

fn per_label(events: &[Event]) -> String {
    let last = events.iter().rev().find_map(|event| match event {
        Event::Evaluated {
            metrics: Metrics::Classifier(m),
            ..
        } if !m.per_label.is_empty() => Some(m),
        _ => None,
    });
    let Some(metrics) = last else {
        return String::new();
    };
    let mut html = String::from(
        "<h2>Metrics per label, last evaluation</h2>\n<table><tr><th>label</th>\
         <th>precision</th><th>recall</th><th>F1</th><th>documents</th></tr>\n",
    );
    for row in metrics.per_label.iter().take(MAX_ROWS) {
        let (precision, recall, f1, support) = (row.precision, row.recall, row.f1, row.support);
        html += &format!(
            "<tr><td>{}</td><td>{precision:.3}</td><td>{recall:.3}</td><td>{f1:.3}</td><td>{support}</td></tr>\n",
            escape(&row.label)
        );
    }
    let rest = metrics.per_label.len().saturating_sub(MAX_ROWS);
    let rest = if rest > 0 {
        format!("<p>Further labels in metrics.jsonl: {rest}</p>\n")
    } else {
        String::new()
    };
    html + "</table>\n" + &rest
}

/// Escapes text for HTML and for quoted attributes, including bidirectional formatting characters.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in crate::terminal::output::plain(text).chars() {
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
    fn untrusted_text_is_escaped() {
        let per_label = vec![LabelMetrics {
            label: ATTACK.into(),
            ..LabelMetrics::default()
        }];
        let metrics = Metrics::Classifier(ClassifierMetrics {
            per_label,
            ..ClassifierMetrics::default()
        });
        let evaluated = |epoch| Event::Evaluated {
            run: "r".into(),
            step: 1,
            epoch,
            split: "valid".into(),
            network: None,
            metrics: metrics.clone(),
        };
        let warning = Event::Warning {
            run: "r".into(),
            code: ATTACK.into(),
            message: protocol::Message::verbatim(ATTACK),
        };
        let html = render(
            ATTACK,
            &[
                started(),
                warning,
                step(1, 4.0),
                step(2, 3.0),
                evaluated(1.0),
                evaluated(2.0),
            ],
        );
        assert!(
            !html.contains("<img") && !html.contains("<script") && !html.contains("http"),
            "{html}"
        );
        assert_eq!(
            html.matches("<svg").count(),
            5,
            "loss, F1, learning rate, gradient norm, speed"
        );
        assert!(
            html.contains(">0.001</text>"),
            "a small learning rate is no 0.00"
        );
        assert!(html.contains("word frequencies 3.9"));
    }

    #[test]
    fn the_colours_match_those_of_the_page() {
        let sheet = include_str!("../../../public/style.css");
        let colours: Vec<&str> = STYLE
            .split([';', '{', '}'])
            .filter(|part| part.starts_with("--"))
            .collect();
        assert_eq!(colours.len(), 2 * 9);
        for colour in colours {
            let declared = colour.replace(':', ": ") + ";";
            assert!(sheet.contains(&declared), "the page knows no {declared}");
        }
    }

    #[test]
    fn reports_of_long_runs_stay_small_and_show_spikes() {
        let spike = |step| {
            if step == 54_321 {
                77.0
            } else {
                3.0 + 1.0 / step as f64
            }
        };
        // Steps alone, as of a classifier: there is no uniform baseline at which the axis would be
        // cut off.
        let events: Vec<Event> = (1..=100_000)
            .map(|number| step(number, spike(number)))
            .collect();
        let html = render("long", &events);
        assert!(html.len() < 200_000, "{} bytes", html.len());
        assert!(
            html.contains(">80</text>") || html.contains(">60</text>"),
            "the axis reaches to the spike"
        );
    }

    #[test]
    fn runs_without_points_have_no_charts() {
        for events in [
            vec![],
            vec![started()],
            vec![started(), step(1, f64::NAN), step(2, f64::INFINITY)],
        ] {
            assert!(!render("empty", &events).contains("Loss in nats"));
        }
        assert!(render("flat", &[step(1, 2.0), step(2, 2.0)]).contains("<polyline"));
    }
}
