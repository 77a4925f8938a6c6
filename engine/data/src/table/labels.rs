//! The labels of a table's rows. A label column alone holds names of labels. Of several, each is a label by itself where its
//! cells say yes or no, as in many competitions' tables, and holds names where they say something else.

use crate::lines::LabelRows;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The label of a row that says no to every label column: what carries none of the labels is a class too.
const NO_LABEL: &str = "none";

/// The label columns that a person asked for: one, or several with commas, unless that is the name of one. An empty request is
/// for none, though a column may have no name.
pub fn asked(asked: &str, is_name: impl Fn(&str) -> bool) -> Vec<&str> {
    match !asked.trim().is_empty() && is_name(asked) {
        true => vec![asked],
        false => asked.split(',').map(str::trim).filter(|name| !name.is_empty()).collect(),
    }
}

/// Makes labels of cells, and remembers what a person should hear of them.
pub struct LabelReader<'a> {
    names: Vec<String>,
    separator: &'a str,
    without: u64,
    answered: BTreeSet<usize>,
    named: BTreeSet<usize>,
    affirmed: BTreeSet<usize>,
}

/// One cell of a label column.
pub enum Cell<'a> {
    /// A text, which may say yes or no.
    Text(Cow<'a, str>),
    /// A list of labels.
    List(Vec<String>),
}

impl<'a> LabelReader<'a> {
    /// For columns of these names; `separator` parts several labels in one cell.
    pub fn new(names: Vec<String>, separator: &'a str) -> Self {
        Self {
            names,
            separator,
            without: 0,
            answered: BTreeSet::new(),
            named: BTreeSet::new(),
            affirmed: BTreeSet::new(),
        }
    }

    /// The labels of a row, from the cells of these columns. A row without a yes and with a no gets [`NO_LABEL`].
    pub fn labels<'c>(&mut self, cells: impl Iterator<Item = Cell<'c>>) -> Vec<String> {
        let (mut labels, mut says_no) = (Vec::new(), false);
        let is_alone = self.names.len() == 1;
        for (column, cell) in cells.enumerate() {
            let text = match cell {
                Cell::List(names) => {
                    labels.extend(names);
                    continue;
                }
                Cell::Text(text) => text,
            };
            match if is_alone { Says::Names } else { Says::of(&text) } {
                Says::Names => {
                    self.named.insert(column);
                    labels.extend(text.split(self.separator).map(String::from));
                }
                Says::Nothing => {}
                answer => {
                    self.answered.insert(column);
                    says_no |= answer == Says::No;
                    if answer == Says::Yes {
                        self.affirmed.insert(column);
                    }
                    labels.extend(self.names.get(column).filter(|_| answer == Says::Yes).cloned());
                }
            }
        }
        if says_no && labels.is_empty() {
            self.without += 1;
            labels.push(NO_LABEL.into());
        }
        labels
    }

    /// What a person should hear of all rows so far.
    pub fn noticed(&self) -> LabelRows {
        let mixed = self.named.intersection(&self.answered).next();
        let denied =
            self.answered.iter().filter(|column| !self.affirmed.contains(column) && !self.named.contains(column));
        LabelRows {
            without: self.without,
            mixed: mixed.and_then(|column| self.names.get(*column).cloned()),
            denied: denied.filter_map(|column| self.names.get(*column).cloned()).collect(),
        }
    }
}

/// What the cell of one label says.
#[derive(Debug, PartialEq)]
pub enum Says {
    /// That the label holds.
    Yes,
    /// That it does not.
    No,
    /// That nobody knows: it is empty, or -1 as in the tests of some competitions.
    Nothing,
    /// Something else: it holds names of labels.
    Names,
}

impl Says {
    /// What this cell says. A share of people who said yes counts from one half on.
    pub fn of(cell: &str) -> Self {
        let cell = cell.trim().to_ascii_lowercase();
        match (cell.as_str(), cell.parse::<f64>()) {
            ("" | "nan" | "na" | "n/a" | "null" | "none", _) => Self::Nothing,
            ("true" | "t" | "yes" | "y" | "x", _) => Self::Yes,
            ("false" | "f" | "no" | "n", _) => Self::No,
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

    #[test]
    fn a_cell_says_yes_no_nothing_or_names() {
        for (cells, expected) in [
            (&["1", "1.0", " TRUE ", "t", "Yes", "y", "x", "0.5", "0.83"][..], Says::Yes),
            (&["0", "0.0", "False", "f", "no", "N", "0.49"], Says::No),
            (&["", " ", "-1", "-1.00", "NaN", "NA", "n/a", "null", "None"], Says::Nothing),
            (&["sport", "2", "-2", "inf", "one", "yes, but"], Says::Names),
        ] {
            for cell in cells {
                assert_eq!(Says::of(cell), expected, "{cell:?}");
            }
        }
    }

    #[test]
    fn lists_name_labels_whatever_they_hold() {
        let mut reader = LabelReader::new(vec!["topics".into(), "rude".into()], "|");
        for (list, rude, expected) in [
            (&["x"][..], "0", &["x"][..]),
            (&["no", "a|b"], "1", &["no", "a|b", "rude"]),
            (&[], "0", &["none"]),
            (&[], "", &[]),
        ] {
            let list = list.iter().map(|label| (*label).to_string()).collect();
            assert_eq!(reader.labels([Cell::List(list), Cell::Text(rude.into())].into_iter()), expected);
        }
        assert_eq!(reader.noticed(), LabelRows { without: 1, ..LabelRows::default() });
    }

    #[test]
    fn a_column_that_never_says_yes_is_noticed() {
        let mut reader = LabelReader::new(["toxic", "rude", "kind"].map(String::from).to_vec(), "|");
        for row in [["1", "0", "x"], ["0", "-1", "0"]] {
            reader.labels(row.map(|cell| Cell::Text(cell.into())).into_iter());
        }
        assert_eq!(reader.noticed().denied, ["rude"]);
    }

    /// Stars from 1 to 5 are no yes and no: the first is read as one.
    #[test]
    fn a_column_of_both_kinds_is_noticed() {
        let mut reader = LabelReader::new(vec!["rude".into(), "stars".into()], "|");
        let mut row = |cells: [&'static str; 2]| reader.labels(cells.map(|cell| Cell::Text(cell.into())).into_iter());
        assert_eq!((row(["1", "1"]), row(["0", "5"])), (vec!["rude".to_string(), "stars".into()], vec!["5".into()]));
        assert_eq!(reader.noticed().mixed.as_deref(), Some("stars"));
    }
}
