//! Exports charts: the data as CSV, the scene as SVG. Pure.

use super::scene::{Anchor, BAND_OPACITY, ColorRole, DASHES, Mark, Scene, Size};
use protocol::inert_cell;
use std::fmt::Write;

/// The metrics of one run by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Name of the run.
    pub run: String,
    /// Its configuration including the seed, as `(key, value)` pairs.
    pub settings: Vec<(String, String)>,
    /// Each metric with its `(step, value)` points.
    pub columns: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// Returns a CSV table with one row per point: run, settings, figure, step, value. Cells are quoted
/// where necessary and never start a spreadsheet formula, because run names can come from a link
/// written by someone else.
pub fn csv(runs: &[Figures]) -> String {
    let mut out = String::from("run,settings,figure,step,value\n");
    for run in runs {
        let settings = run
            .settings
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
            .join(" ");
        for (figure, points) in &run.columns {
            for (step, value) in points {
                // Writing to a string cannot fail.
                let _ = writeln!(
                    out,
                    "{},{},{figure},{step},{value}",
                    quoted(&run.run),
                    quoted(&settings)
                );
            }
        }
    }
    out
}

fn quoted(text: &str) -> String {
    let cell = inert_cell(text);
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.into()
    }
}

/// Returns a scene as an SVG document; `colour` maps roles to CSS colours, `paper` is the
/// background colour.
pub fn svg(scene: &Scene, size: Size, paper: &str, colour: impl Fn(ColorRole) -> String) -> String {
    let Size { width, height } = size;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, sans-serif\" \
         font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"{paper}\"/>{}</svg>",
        shapes(scene, "plot", paper, colour)
    )
}

/// Returns a scene as the contents of an `<svg>` element. `plot` is the id of the clip path and
/// must be unique in the document; `paper` is the background colour.
pub fn shapes(
    scene: &Scene,
    plot: &str,
    paper: &str,
    colour: impl Fn(ColorRole) -> String,
) -> String {
    let (mut out, id, plot) = (String::new(), plot, scene.plot);
    let _ = write!(
        out,
        "<clipPath id=\"{id}\"><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/></clipPath>",
        plot.left - 4.0,
        plot.top - 4.0,
        plot.right - plot.left + 8.0,
        plot.bottom - plot.top + 8.0
    );
    for mark in &scene.marks {
        out.push_str(&shape(mark, id, paper, &colour));
    }
    out
}

fn shape(mark: &Mark, plot: &str, paper: &str, colour: &impl Fn(ColorRole) -> String) -> String {
    let joined = |points: &[(f64, f64)]| {
        points
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    match mark {
        Mark::Band { points, ink } => format!(
            "<polygon clip-path=\"url(#{plot})\" fill=\"{}\" fill-opacity=\"{BAND_OPACITY}\" points=\"{}\"/>",
            colour(*ink),
            joined(points)
        ),
        Mark::Line {
            points,
            ink,
            width,
            opacity,
            dash,
        } => {
            let dashes: Vec<String> = DASHES[*dash].iter().map(f64::to_string).collect();
            format!(
                "<polyline clip-path=\"url(#{plot})\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" \
                 stroke-opacity=\"{opacity}\" stroke-dasharray=\"{}\" points=\"{}\"/>",
                colour(*ink),
                dashes.join(" "),
                joined(points)
            )
        }
        Mark::Dots { points, ink } => {
            let dot = |(x, y): &(f64, f64)| {
                format!(
                    "<circle clip-path=\"url(#{plot})\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{}\"/>",
                    colour(*ink)
                )
            };
            points.iter().map(dot).collect()
        }
        Mark::Text {
            at,
            text,
            anchor,
            ink,
        } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" dy=\"0.35em\" text-anchor=\"{anchor}\" fill=\"{}\" \
                 stroke=\"{paper}\" stroke-width=\"3\" paint-order=\"stroke\">{}</text>",
                at.0,
                at.1,
                colour(*ink),
                escaped(text)
            )
        }
    }
}

/// Escapes text for SVG and HTML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_row_per_point() {
        let columns = vec![
            ("loss", vec![(1.0, 5.5), (2.0, 5.25)]),
            ("lr", vec![(1.0, 0.001)]),
        ];
        let settings = vec![
            ("seed".into(), "3".into()),
            ("preset".into(), "fast-nano".into()),
        ];
        let runs = [Figures {
            run: "Fine-tuning 1, from \"scratch\"".into(),
            settings,
            columns,
        }];
        let name = "\"Fine-tuning 1, from \"\"scratch\"\"\",seed=3 preset=fast-nano";
        assert_eq!(
            csv(&runs),
            format!(
                "run,settings,figure,step,value\n{name},loss,1,5.5\n{name},loss,2,5.25\n{name},lr,1,0.001\n"
            )
        );
    }

    #[test]
    fn a_run_name_never_becomes_a_formula() {
        let run = "=HYPERLINK(\"http://evil/\",\"x\")".to_string();
        let columns = vec![("loss", vec![(1.0, -5.5)])];
        let table = csv(&[Figures {
            run,
            settings: vec![("+a".into(), "1".into())],
            columns,
        }]);
        assert_eq!(
            table,
            "run,settings,figure,step,value\n\"'=HYPERLINK(\"\"http://evil/\"\",\"\"x\"\")\",'+a=1,loss,1,-5.5\n"
        );
        assert_eq!(quoted("a\rb"), "\"a\rb\"");
    }

    #[test]
    fn an_svg_contains_every_mark_and_escapes_names() {
        let (mut scene, _, _) = Scene::with_axes(
            Size {
                width: 300.0,
                height: 200.0,
            },
            (0.0, 1.0),
            (0.0, 1.0),
            ("x", "y"),
            10.0,
        );
        scene.text((1.0, 2.0), "<b> & co", Anchor::End, ColorRole::Label);
        scene.marks.push(Mark::Dots {
            points: vec![(1.0, 1.0), (2.0, 2.0)],
            ink: ColorRole::Run(0),
        });
        scene.marks.push(Mark::Band {
            points: vec![(1.0, 1.0), (2.0, 1.0), (2.0, 2.0)],
            ink: ColorRole::Run(0),
        });
        let text = svg(
            &scene,
            Size {
                width: 300.0,
                height: 200.0,
            },
            "#fff",
            |_| "#123456".into(),
        );
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>"));
        assert_eq!(
            text.matches("<circle clip-path=").count(),
            2,
            "what lies outside of the plot is not seen"
        );
        assert!(
            text.matches("stroke=\"#fff\"").count() > 2,
            "words are readable over lines"
        );
        assert_eq!(text.matches("<polygon").count(), 1);
        let lines = scene
            .marks
            .iter()
            .filter(|mark| matches!(mark, Mark::Line { .. }))
            .count();
        assert_eq!(text.matches("<polyline").count(), lines);
        assert!(text.contains("&lt;b&gt; &amp; co") && !text.contains("<b>"));
    }
}
