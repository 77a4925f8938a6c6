//! What a map of the documents shows: a colour for each frequent label, a mark for each document,
//! and the documents inside a lasso. Pure.

use display::chart::export::escaped;
use protocol::{Annotations, MapPoint};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Width and height of the drawing in its own units.
pub const SIZE: f64 = 1000.0;
/// Number of labels with a colour of their own.
const COLOURS: usize = 6;
/// Radius of a mark.
const RADIUS: f64 = 8.0;
/// Distance of the marks from the border.
const MARGIN: f64 = 20.0;
/// Number of characters in the tooltip of a mark.
const TOOLTIP: usize = 160;

/// Returns the labels of a document: those given by hand, or else those of the data.
pub fn labels_of<'a>(point: &'a MapPoint, annotations: &'a Annotations) -> &'a [String] {
    let given = annotations.get(&point.document.text);
    given.unwrap_or(&point.document.truth)
}

/// Returns the label that decides the colour of a document: its first label, or else the predicted
/// one.
pub fn shown_label<'a>(point: &'a MapPoint, annotations: &'a Annotations) -> Option<&'a str> {
    let given = labels_of(point, annotations).first();
    let predicted = point.document.predicted.first().map(|label| &label.label);
    given.or(predicted).map(String::as_str)
}

/// Returns the labels that have a colour, most frequent first, with their number of documents.
pub fn legend(points: &[MapPoint], annotations: &Annotations) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for label in points
        .iter()
        .filter_map(|point| shown_label(point, annotations))
    {
        *counts.entry(label).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts
        .into_iter()
        .map(|(label, count)| (label.to_string(), count))
        .collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(COLOURS);
    counts
}

/// Documents that a button selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// Those with the colour of a label.
    Label(String),
    /// Those without a label.
    Unlabelled,
    /// Those whose labels do not include the predicted one.
    Disputed,
}

impl Group {
    /// Returns the indices of its documents.
    pub fn members(&self, points: &[MapPoint], annotations: &Annotations) -> Vec<usize> {
        let belongs = |point: &MapPoint| match self {
            Self::Label(label) => shown_label(point, annotations) == Some(label),
            Self::Unlabelled => labels_of(point, annotations).is_empty(),
            Self::Disputed => is_disputed(point, annotations),
        };
        let places = 0..points.len();
        places.filter(|place| belongs(&points[*place])).collect()
    }
}

fn is_disputed(point: &MapPoint, annotations: &Annotations) -> bool {
    let given = labels_of(point, annotations);
    let predicted = point.document.predicted.first();
    !given.is_empty() && predicted.is_some_and(|label| !given.contains(&label.label))
}

/// Returns the class that colours a place in the legend; `None` is any other label.
pub fn colour(place: Option<usize>) -> String {
    place.map_or_else(String::new, |place| format!("run-{place}"))
}

/// Returns the marks as SVG: hollow ones for documents without a label, and ones with a dark border
/// where the classifier predicts another label.
pub fn marks(points: &[MapPoint], annotations: &Annotations) -> String {
    let legend = legend(points, annotations);
    let mut svg = String::new();
    for point in points {
        let shown = shown_label(point, annotations);
        let place = legend
            .iter()
            .position(|(label, _)| Some(label.as_str()) == shown);
        let class = match () {
            () if labels_of(point, annotations).is_empty() => "hollow",
            () if is_disputed(point, annotations) => "disputed",
            () => "plain",
        };
        let [x, y] = position(point);
        let excerpt: String = point.document.text.chars().take(TOOLTIP).collect();
        let tooltip = [shown.unwrap_or_default(), &excerpt].join("\n");
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<circle class=\"{class} {}\" cx=\"{x:.0}\" cy=\"{y:.0}\" r=\"{RADIUS}\"><title>{}</title></circle>",
            colour(place),
            escaped(&tooltip)
        );
    }
    svg
}

/// Returns the position of a document in the drawing.
fn position(point: &MapPoint) -> [f64; 2] {
    [point.x, point.y].map(|x| MARGIN + x * (SIZE - 2.0 * MARGIN))
}

/// Returns the indices of the documents inside a closed polygon (even-odd rule).
pub fn inside(points: &[MapPoint], polygon: &[[f64; 2]]) -> Vec<usize> {
    let is_inside = |index: &usize| {
        let [x, y] = position(&points[*index]);
        let next = polygon.iter().cycle().skip(1);
        let crossings = polygon.iter().zip(next).filter(|(a, b)| {
            (a[1] > y) != (b[1] > y) && x < a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
        });
        crossings.count() % 2 == 1
    };
    (0..points.len()).filter(is_inside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{LabelScore, PredictedDocument};

    fn point(x: f64, truth: &[&str], predicted: Option<&str>) -> MapPoint {
        let predicted = predicted.map(|label| LabelScore {
            label: label.into(),
            score: 0.9,
            raw: None,
        });
        MapPoint {
            x,
            y: 0.5,
            document: PredictedDocument {
                file: "a.txt".into(),
                line: 1,
                text: format!("<text> {x}"),
                truth: truth.iter().map(ToString::to_string).collect(),
                predicted: Vec::from_iter(predicted),
            },
        }
    }

    #[test]
    fn marks_tell_apart_given_predicted_and_doubtful_labels() {
        let points = [
            point(0.0, &["cat"], Some("cat")),
            point(0.5, &["cat"], Some("dog")),
            point(1.0, &[], Some("dog")),
        ];
        let by_hand = Annotations::from([("<text> 1".into(), vec!["bird".into()])]);
        let none = Annotations::default();
        assert_eq!(
            legend(&points, &none),
            [("cat".into(), 2), ("dog".into(), 1)]
        );
        assert_eq!(
            legend(&points, &by_hand),
            [("cat".into(), 2), ("bird".into(), 1)]
        );
        let svg = marks(&points, &none);
        let classes: Vec<&str> = svg
            .split("class=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next()?.split(' ').next())
            .collect();
        assert_eq!(classes, ["plain", "disputed", "hollow"]);
        let members = |group: Group| group.members(&points, &none);
        assert_eq!(members(Group::Label("cat".into())), [0, 1]);
        assert_eq!(members(Group::Label("dog".into())), [2]);
        assert_eq!(members(Group::Disputed), [1]);
        assert_eq!(members(Group::Unlabelled), [2]);
        assert!(svg.contains("&lt;text&gt; 0.5") && !svg.contains("<text>"));
    }

    #[test]
    fn a_lasso_selects_the_documents_inside() {
        let points = [
            point(0.1, &[], None),
            point(0.5, &[], None),
            point(0.9, &[], None),
        ];
        let polygon = [[300.0, 0.0], [700.0, 100.0], [700.0, 900.0], [300.0, 900.0]];
        assert_eq!(inside(&points, &polygon), [1]);
        assert_eq!(inside(&points, &polygon[..2]), [] as [usize; 0]);
        assert_eq!(inside(&points, &[]), [] as [usize; 0]);
    }
}
