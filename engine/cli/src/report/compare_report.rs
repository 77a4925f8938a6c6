//! Reports a comparison: as a table on the terminal, and as `report.html` with charts. Pure
//! functions of the results.

use crate::report::{CHART, escape, figure, page};
use crate::terminal::progress::clock;
use display::chart::comparison::{by_labels, by_pass};
use display::chart::spread::{SpreadSeries, spread_scene, spread_summary};
use protocol::{Comparison, Spread};
use std::fmt::Write;

/// Renders the comparison as an HTML page.
pub(crate) fn render(comparison: &Comparison) -> String {
    let mut body = format!(
        "<p><strong>{}</strong></p>\n",
        escape(&comparison.sentence.to_string())
    );
    body += &format!(
        "<p>Both conditions have the same vocabulary, architecture, documents and epochs ({}), and each has the learning \
         rate that is best for it on the validation set. Seeds: {}. Evaluation split: {}.{}</p>\n",
        comparison.epochs,
        comparison.seeds,
        escape(&comparison.measured_on),
        if comparison.seeds > 1 {
            " Shaded: one standard deviation over the seeds."
        } else {
            ""
        }
    );
    for (index, point) in comparison.points.iter().enumerate() {
        let title = format!(
            "Micro F1 on validation documents by epoch, {} labelled documents",
            point.documents
        );
        body += &chart(
            &title,
            &format!("passes-{index}"),
            "epoch",
            &by_pass(point, &comparison.measured_on),
        );
    }
    body += &chart(
        "Micro F1 by labelled documents",
        "documents",
        "labelled documents",
        &by_labels(comparison),
    );
    body += &html_table(comparison);
    body += &sweeps(comparison);
    page("Pre-trained vs. from scratch", &body)
}

/// Renders a chart with its caption. Returns an empty string if no series has two points.
fn chart(title: &str, id: &str, across: &str, series: &[SpreadSeries]) -> String {
    if series.iter().all(|series| series.points.len() < 2) {
        return String::new();
    }
    let caption = escape(&spread_summary(series, title));
    figure(
        title,
        id,
        &spread_scene(series, (across, "micro F1"), CHART),
        &caption,
    )
}

/// Returns the rows of the table as text, with one column per entry of [`HEADINGS`].
fn rows(comparison: &Comparison) -> Vec<[String; 9]> {
    let mut rows = Vec::new();
    for point in &comparison.points {
        let documents = point.documents.to_string();
        for (name, arm, pretraining_secs) in [
            (
                "pre-trained",
                &point.pretrained,
                comparison.pretraining_secs.unwrap_or(0.0),
            ),
            ("from scratch", &point.scratch, 0.0),
        ] {
            rows.push([
                documents.clone(),
                name.into(),
                spread(arm.micro_f1),
                spread(arm.macro_f1),
                spread(arm.mean_f1),
                spread(arm.precision_at_1),
                format!("{:.1e}", arm.lr),
                clock(arm.secs_per_run),
                clock(arm.secs_per_run + pretraining_secs),
            ]);
        }
        let linear = &point.linear;
        let [micro, macro_, mean, first] = [
            linear.test.micro_f1,
            linear.test.macro_f1,
            linear.test.mean_f1,
            linear.test.precision_at_1,
        ]
        .map(|value| format!("{value:.3}"));
        let secs = clock(linear.elapsed_secs);
        rows.push([
            documents,
            format!("n-grams: {}", point.linear.member),
            micro,
            macro_,
            mean,
            first,
            "–".into(),
            secs.clone(),
            secs,
        ]);
    }
    rows
}

const HEADINGS: [&str; 9] = [
    "documents",
    "model",
    "micro F1",
    "macro F1",
    "mean F1",
    "precision@1",
    "learning rate",
    "time",
    "incl. pre-training",
];

fn spread(spread: Spread) -> String {
    if spread.sd > 0.0 {
        format!("{:.3} ± {:.3}", spread.mean, spread.sd)
    } else {
        format!("{:.3}", spread.mean)
    }
}

/// Renders the table and the concluding sentence for a terminal.
pub(crate) fn table(comparison: &Comparison) -> String {
    let rows = rows(comparison);
    let width = |i: usize| {
        rows.iter()
            .map(|row| row[i].chars().count())
            .chain([HEADINGS[i].len()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:>width$}"));
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    let mut text = format!(
        "\nEvaluation split: {}; mean ± standard deviation over seeds\n",
        comparison.measured_on
    );
    text += &line(&HEADINGS.map(String::from));
    rows.iter().for_each(|row| text += &line(row));
    text + "\n" + &comparison.sentence.to_string() + "\n"
}

fn html_table(comparison: &Comparison) -> String {
    let cell = |tag: &str, text: &str| format!("<{tag}>{}</{tag}>", escape(text));
    let head: String = HEADINGS.iter().map(|text| cell("th", text)).collect();
    let body: String = rows(comparison)
        .iter()
        .map(|row| {
            format!(
                "<tr>{}</tr>\n",
                row.iter().map(|text| cell("td", text)).collect::<String>()
            )
        })
        .collect();
    format!("<h2>Results</h2>\n<div class=\"wide\"><table><tr>{head}</tr>\n{body}</table></div>\n")
}

fn sweeps(comparison: &Comparison) -> String {
    let mut html = String::from(
        "<h2>Learning rates</h2>\n<p>Micro F1 on validation documents, one seed.</p>\n<ul>\n",
    );
    for point in &comparison.points {
        for (name, arm) in [
            ("pre-trained", &point.pretrained),
            ("from scratch", &point.scratch),
        ] {
            let tried = arm
                .sweep
                .iter()
                .map(|p| format!("{:.1e}: {:.3}", p.lr, p.valid_micro_f1));
            let tried: Vec<String> = tried.collect();
            let _ = writeln!(
                html,
                "<li>{} documents, {name}: {}</li>",
                point.documents,
                tried.join(" · ")
            );
        }
    }
    html + "</ul>\n"
}
