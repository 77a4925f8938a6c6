//! Reads the labels of a table's rows. A single label column holds label names. Of several, each is
//! a label itself if its cells say yes or no, as in many competition data sets, and holds label
//! names otherwise.

use crate::reading::lines::LabelRows;
use crate::table::columns::values::{self, Found};
use crate::table::rows::row::Cell;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Label of a row that says no in every label column: carrying none of the labels is a class too.
const NO_LABEL: &str = "none";
/// Maximum number of distinct missing-value words that are reported.
const MAX_MISSING_WORDS: usize = 5;

/// Converts cells to labels, and records what to report to the user.
pub struct LabelReader<'a> {
    names: Vec<String>,
    forms: Vec<Form>,
    separator: &'a str,
    without: u64,
    missing: u64,
    missing_words: BTreeSet<String>,
    answered: BTreeSet<usize>,
    named: BTreeSet<usize>,
    affirmed: BTreeSet<usize>,
}

/// How to interpret the values of a label column, inferred from its first rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// All values are integers, however they are written: 1.0 means 1.
    is_integral: bool,
    /// -1 means no label, as in the test sets of GLUE.
    minus_one_is_missing: bool,
    /// All values are multi-hot vectors of this length.
    vector: Option<usize>,
    /// Some values are lists, so that a single name in brackets is a list too.
    has_lists: bool,
}

/// If all labels are -1, 0 or 1, -1 is a class like the others from this share of rows on.
const MIN_CLASS_SHARE: f64 = 0.1;

impl Form {
    /// Infers the form of a column from its first cells.
    pub fn of<'a>(cells: impl Iterator<Item = Cell<'a>>) -> Self {
        let texts: Vec<Cow<'a, str>> = cells
            .filter_map(text_of_label)
            .filter(|text| !values::is_missing(text))
            .collect();
        let numbers: Option<BTreeSet<i64>> = texts
            .iter()
            .map(|text| values::integral(text)?.parse().ok())
            .collect();
        let vectors: Option<BTreeSet<usize>> = texts
            .iter()
            .map(|text| Some(values::vector(&values::listed(text)?)?.len()))
            .collect();
        let vector = vectors
            .filter(|lengths| lengths.len() == 1 && texts.len() > 1)
            .and_then(|lengths| lengths.first().copied());
        let minus_ones = texts
            .iter()
            .filter(|text| matches!(text.trim(), "-1" | "-1.0"))
            .count();
        let share = minus_ones as f64 / texts.len().max(1) as f64;
        let minus_one_is_missing = match &numbers {
            // Among words, -1 is not a label.
            None => true,
            Some(numbers) => {
                let are_signs = numbers.iter().all(|number| (-1..=1).contains(number));
                let is_class = numbers.iter().any(|number| *number < -1)
                    || !numbers.contains(&0)
                    || are_signs && share >= MIN_CLASS_SHARE;
                numbers.len() == 1 || !is_class
            }
        };
        let has_lists = texts.iter().any(|text| values::listed(text).is_some());
        let is_integral = numbers.is_some_and(|numbers| !numbers.is_empty());
        Self {
            is_integral,
            minus_one_is_missing,
            vector,
            has_lists,
        }
    }
}

fn text_of_label(cell: Cell<'_>) -> Option<Cow<'_, str>> {
    match cell {
        Cell::Text(text) => Some(text.into()),
        Cell::Value(value @ (Value::Array(_) | Value::Object(_))) => Some(value.to_string().into()),
        Cell::Value(value) => values::word(value).map(Cow::Owned),
        Cell::Nothing => None,
    }
}

impl<'a> LabelReader<'a> {
    /// Creates a reader for columns with these names and forms; `separator` separates several
    /// labels in one cell.
    pub fn new(names: Vec<String>, forms: Vec<Form>, separator: &'a str) -> Self {
        Self {
            names,
            forms,
            separator,
            without: 0,
            missing: 0,
            missing_words: BTreeSet::new(),
            answered: BTreeSet::new(),
            named: BTreeSet::new(),
            affirmed: BTreeSet::new(),
        }
    }

    /// Returns the labels of a row, given the cells of its label columns. A row with a no and
    /// without any labels gets [`NO_LABEL`].
    pub fn labels<'c>(&mut self, cells: impl Iterator<Item = Cell<'c>>) -> Vec<String> {
        let (mut labels, mut says_no) = (Vec::new(), false);
        for (column, cell) in cells.enumerate() {
            let Some(text) = text_of_label(cell) else {
                continue;
            };
            let list = match cell {
                Cell::Value(value) if value.is_array() || value.is_object() => Some(value.clone()),
                _ => values::listed(&text),
            };
            match list {
                Some(list) => self.take_list(&list, column, &mut labels, &mut says_no),
                None => self.take_text(&text, column, &mut labels, &mut says_no),
            }
        }
        if says_no && labels.is_empty() {
            self.without += 1;
            labels.push(NO_LABEL.into());
        }
        labels
    }

    /// Resets the summary, since the sampled rows will be read again.
    pub fn forget(&mut self) {
        (self.without, self.missing) = (0, 0);
        self.missing_words.clear();
        for seen in [&mut self.answered, &mut self.named, &mut self.affirmed] {
            seen.clear();
        }
    }

    fn take_list(
        &mut self,
        list: &Value,
        column: usize,
        labels: &mut Vec<String>,
        says_no: &mut bool,
    ) {
        let form = self.forms.get(column).copied().unwrap_or_default();
        if let (Some(_), Some(vector)) = (form.vector, values::vector(list)) {
            labels.extend(
                vector
                    .iter()
                    .enumerate()
                    .filter(|(_, holds)| **holds)
                    .map(|(place, _)| place.to_string()),
            );
            *says_no |= !vector.contains(&true);
            return;
        }
        match values::labels_of(list) {
            Found::Names(names) => {
                labels.extend(names.into_iter().filter(|name| !values::is_missing(name)))
            }
            Found::Answers(answers) => {
                *says_no = true;
                labels.extend(
                    answers
                        .into_iter()
                        .filter(|(_, holds)| *holds)
                        .map(|(name, _)| name),
                );
            }
            Found::Nothing => {}
        }
    }

    fn take_text(
        &mut self,
        text: &str,
        column: usize,
        labels: &mut Vec<String>,
        says_no: &mut bool,
    ) {
        let form = self.forms.get(column).copied().unwrap_or_default();
        match if self.names.len() == 1 {
            Says::Names
        } else {
            Says::of(text)
        } {
            Says::Names => {
                self.named.insert(column);
                let text = if form.has_lists {
                    values::without_brackets(text)
                } else {
                    text
                };
                let separator = self.separator;
                let names = text
                    .split(['\r', '\n'])
                    .flat_map(|line| line.split(separator))
                    .map(values::unquoted);
                for name in names {
                    let is_none = form.minus_one_is_missing && matches!(name, "-1" | "-1.0");
                    if values::is_missing(name) || is_none {
                        self.note_missing(name);
                        continue;
                    }
                    let integer = values::integral(name).filter(|_| form.is_integral);
                    labels.push(integer.unwrap_or_else(|| name.into()));
                }
            }
            Says::Nothing => {}
            answer => {
                self.answered.insert(column);
                *says_no |= answer == Says::No;
                if answer == Says::Yes {
                    self.affirmed.insert(column);
                }
                labels.extend(
                    self.names
                        .get(column)
                        .filter(|_| answer == Says::Yes)
                        .cloned(),
                );
            }
        }
    }

    fn note_missing(&mut self, word: &str) {
        if !word.is_empty() {
            self.missing += 1;
            if self.missing_words.len() < MAX_MISSING_WORDS {
                self.missing_words.insert(word.into());
            }
        }
    }

    /// Returns the summary of all rows so far, from which warnings are made.
    pub fn noticed(&self) -> LabelRows {
        let mixed = self.named.intersection(&self.answered).next();
        let denied = self
            .answered
            .iter()
            .filter(|column| !self.affirmed.contains(column) && !self.named.contains(column));
        LabelRows {
            without: self.without,
            mixed: mixed.and_then(|column| self.names.get(*column).cloned()),
            denied: denied
                .filter_map(|column| self.names.get(*column).cloned())
                .collect(),
            missing: self.missing,
            missing_words: self.missing_words.iter().cloned().collect(),
            vectors: self.forms.iter().find_map(|form| form.vector),
        }
    }
}

/// The meaning of a cell in one of several label columns.
#[derive(Debug, PartialEq)]
pub enum Says {
    /// The label applies to the row.
    Yes,
    /// The label does not apply to the row.
    No,
    /// Unknown: the cell is empty, or -1 as in the test sets of some competitions.
    Nothing,
    /// Anything else: the cell holds label names.
    Names,
}

impl Says {
    /// Classifies a cell. A number from 0 to 1 is the share of annotators who said yes; one half
    /// and above means yes.
    pub fn of(cell: &str) -> Self {
        let cell = cell.trim().to_lowercase();
        // Many languages write a comma in a decimal number.
        match (cell.as_str(), cell.replacen(',', ".", 1).parse::<f64>()) {
            ("" | "nan" | "na" | "n/a" | "null" | "none", _) => Self::Nothing,
            (
                "true" | "t" | "yes" | "y" | "x" | "ja" | "oui" | "sí" | "sim" | "да" | "是"
                | "はい" | "ใช่",
                _,
            ) => Self::Yes,
            (
                "false" | "f" | "no" | "n" | "nein" | "non" | "não" | "нет" | "否" | "いいえ"
                | "ไม่ใช่",
                _,
            ) => Self::No,
            (_, Ok(number)) if (0.5..=1.0).contains(&number) => Self::Yes,
            (_, Ok(number)) if (0.0..0.5).contains(&number) => Self::No,
            (_, Ok(-1.0)) => Self::Nothing,
            _ => Self::Names,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_classified_as_yes_no_unknown_or_names() {
        for (cells, expected) in [
            (
                &["1", "1.0", " TRUE ", "t", "Yes", "y", "x", "0.5", "0.83"][..],
                Says::Yes,
            ),
            (&["0", "0.0", "False", "f", "no", "N", "0.49"], Says::No),
            (
                &["", " ", "-1", "-1.00", "NaN", "NA", "n/a", "null", "None"],
                Says::Nothing,
            ),
            (&["sport", "2", "-2", "inf", "one", "yes, but"], Says::Names),
        ] {
            for cell in cells {
                assert_eq!(Says::of(cell), expected, "{cell:?}");
            }
        }
    }

    fn reader(names: &[&str]) -> LabelReader<'static> {
        LabelReader::new(
            names.iter().map(|name| (*name).into()).collect(),
            Vec::new(),
            "|",
        )
    }

    #[test]
    fn items_of_lists_are_label_names() {
        let mut reader = reader(&["topics", "rude"]);
        for (list, rude, expected) in [
            (json!(["x"]), "0", &["x"][..]),
            (json!(["no", "a|b"]), "1", &["no", "a|b", "rude"]),
            (json!([]), "0", &["none"]),
            (json!([]), "", &[]),
            (json!({"x": 1, "y": 0}), "", &["x"]),
            (json!({"x": 0.1, "y": false}), "", &["none"]),
        ] {
            assert_eq!(
                reader.labels([Cell::Value(&list), Cell::Text(rude)].into_iter()),
                expected
            );
        }
        assert_eq!(
            reader.noticed(),
            LabelRows {
                without: 2,
                ..LabelRows::default()
            }
        );
    }

    #[test]
    fn a_cell_may_hold_a_list_or_lines() {
        for (cell, expected) in [
            ("['a', 'b']", &["a", "b"][..]),
            ("['a' 'b']", &["a", "b"]),
            ("{\"choices\": [\"a\", \"b\"]}", &["a", "b"]),
            ("a\nb c\r\n", &["a", "b c"]),
            ("a|b", &["a", "b"]),
            ("\"a b\"", &["a b"]),
            ("[sic] so", &["[sic] so"]),
        ] {
            assert_eq!(
                reader(&["label"]).labels([Cell::Text(cell)].into_iter()),
                expected,
                "{cell}"
            );
        }
    }

    #[test]
    fn missing_values_are_not_labels_and_decimals_become_integers() {
        let labels = |cells: &[&'static str]| {
            let form = Form::of(cells.iter().map(|cell| Cell::Text(cell)));
            let mut reader = LabelReader::new(vec!["label".into()], vec![form], "|");
            let labels: Vec<String> = cells
                .iter()
                .flat_map(|cell| reader.labels([Cell::Text(cell)].into_iter()))
                .collect();
            (labels.join(" "), reader.noticed().missing)
        };
        for (cells, expected) in [
            (&["a", "nan", "None", "-", "", "b"][..], ("a b", 3)),
            (&["1.0", "1", "0.0"], ("1 1 0", 0)),
            (&["1.0", "1.5"], ("1.0 1.5", 0)),
            (&["-1", "0", "1", "2"], ("0 1 2", 1)),
            (&["-1", "-1"], ("", 2)),
            (&["-1", "1", "1"], ("-1 1 1", 0)),
            (&["-1", "0", "1", "0"], ("-1 0 1 0", 0)),
            (&["-1", "good", "bad"], ("good bad", 1)),
        ] {
            assert_eq!(
                labels(cells),
                (expected.0.to_string(), expected.1),
                "{cells:?}"
            );
        }
    }

    #[test]
    fn multi_hot_vectors_become_label_indices() {
        let cells = ["[1, 0, 0]", "[0 1 1]", "[0, 0, 0]"];
        let form = Form::of(cells.iter().map(|cell| Cell::Text(cell)));
        let mut reader = LabelReader::new(vec!["label".into()], vec![form], "|");
        let labels = cells.map(|cell| reader.labels([Cell::Text(cell)].into_iter()).join(" "));
        assert_eq!(
            (labels, reader.noticed().vectors),
            (["0", "1 2", "none"].map(String::from), Some(3))
        );
    }

    #[test]
    fn columns_without_a_yes_are_reported() {
        let mut reader = reader(&["toxic", "rude", "kind"]);
        for row in [["1", "0", "x"], ["0", "-1", "0"]] {
            reader.labels(row.map(Cell::Text).into_iter());
        }
        assert_eq!(reader.noticed().denied, ["rude"]);
    }

    /// Ratings from 1 to 5 are not yes or no, but a 1 is read as yes.
    #[test]
    fn columns_of_both_answers_and_names_are_reported() {
        let mut reader = reader(&["rude", "stars"]);
        let mut row = |cells: [&'static str; 2]| reader.labels(cells.map(Cell::Text).into_iter());
        assert_eq!(
            (row(["1", "1"]), row(["0", "5"])),
            (vec!["rude".to_string(), "stars".into()], vec!["5".into()])
        );
        assert_eq!(reader.noticed().mixed.as_deref(), Some("stars"));
    }
}
