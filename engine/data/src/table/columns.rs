//! Assigns a role to each column of a table: as requested by the user, or inferred from its name or
//! values.

pub(crate) mod added;
pub(crate) mod choice;
pub(crate) mod header;
pub(crate) mod names;
pub(crate) mod pair_names;
pub(crate) mod profile;
pub(crate) mod shown;
pub(crate) mod values;

use super::{DocumentColumns, ReadOptions};
use crate::error::DataError;
use crate::table::rows::row::{Column, Place, Row};
use added::{ADDED, added_column};
use choice::Choice;
use names::TextName;
use profile::Profile;
use std::collections::BTreeSet;

/// The columns of a table with profiles of their first rows.
pub struct Columns<'a> {
    /// File name, for error messages.
    pub file: &'a str,
    /// All columns in order.
    pub all: Vec<Column>,
    profiles: Vec<Profile>,
    rows: &'a [Row],
}

/// Maximum number of columns that are compared with each other as the texts of a pair.
const MAX_PAIR_CANDIDATES: usize = 100;
/// Maximum number of label candidates that are reported.
const MAX_CANDIDATES: usize = 12;

impl<'a> Columns<'a> {
    /// Profiles the columns of `file`, which begins with `rows`.
    pub fn new(file: &'a str, all: Vec<Column>, rows: &'a [Row]) -> Self {
        let profiles = all.iter().map(|column| profile(column, rows)).collect();
        Self {
            file,
            all,
            profiles,
            rows,
        }
    }

    /// Chooses the role of each column.
    ///
    /// # Errors
    /// If a requested column does not exist, or no column holds text.
    pub fn choose(&mut self, options: &ReadOptions) -> Result<Choice, DataError> {
        let requested_labels = match (&options.label_column, &options.trained_labels) {
            (Some(requested), _) => Some(self.requested(requested, ',')?),
            (None, Some(trained)) => self.requested(trained, ',').ok(),
            (None, None) => None,
        };
        let trained = options
            .trained_columns
            .as_ref()
            .filter(|_| options.text_column.is_none());
        let (found, lacking) = trained
            .map(|columns| self.trained(columns))
            .unwrap_or_default();
        let (text, is_pair, text_is_guessed) = match (&options.text_column, trained) {
            (Some(requested), _) => {
                let (text, is_pair) = self.requested_text(requested)?;
                (text, is_pair, false)
            }
            (None, Some(trained)) if lacking.is_empty() => (found, trained.is_pair, false),
            (None, _) => self.find_text(requested_labels.as_deref().unwrap_or_default())?,
        };
        let labels = match requested_labels.or_else(|| self.trained_labels(options, &text)) {
            Some(labels) => labels,
            None => self.find_labels(&text),
        };
        let is_free = |column: &usize| !text.contains(column) && !labels.contains(column);
        // Rejected rows are not used for training, but are predicted like any other.
        let decision = if options.is_for_prediction {
            None
        } else {
            self.decision(is_free)
        };
        let candidates = if labels.is_empty() && options.label_column.is_none() {
            let likely = self
                .categories(&text)
                .into_iter()
                .filter(|column| Some(*column) != decision);
            likely.take(MAX_CANDIDATES).collect()
        } else {
            Vec::new()
        };
        Ok(Choice {
            text,
            is_pair,
            labels,
            decision,
            text_is_guessed,
            lacking,
            candidates,
        })
    }

    /// Returns the columns that the model was trained on, and the names of those that the table
    /// lacks.
    fn trained(&mut self, columns: &DocumentColumns) -> (Vec<usize>, Vec<String>) {
        let (mut found, mut lacking) = (Vec::new(), Vec::new());
        for name in &columns.names {
            match self.by_name(name).or_else(|| self.nested(name)) {
                Some(column) => found.push(column),
                None => lacking.push(name.clone()),
            }
        }
        (found, lacking)
    }

    /// Returns the column that says which rows were accepted, such as Prodigy's `answer`.
    fn decision(&self, is_free: impl Fn(&usize) -> bool) -> Option<usize> {
        let is_named = |column: &usize| {
            names::words(&self.all[*column].name)
                .last()
                .is_some_and(|word| word == "answer")
        };
        self.columns_where(Profile::is_decision)
            .into_iter()
            .find(|column| is_free(column) && is_named(column))
    }

    /// Resolves requested names separated by `separator`, unless the whole request is the name of
    /// one column. An empty request selects no columns.
    fn requested(&mut self, requested: &str, separator: char) -> Result<Vec<usize>, DataError> {
        if requested.trim().is_empty() {
            return Ok(Vec::new());
        }
        if let Some(column) = self.by_name(requested) {
            return Ok(vec![column]);
        }
        let parts = requested
            .split(separator)
            .map(str::trim)
            .filter(|name| !name.is_empty());
        parts.map(|name| self.requested_column(name)).collect()
    }

    /// Resolves the requested text columns, and returns whether they are a pair: two names
    /// separated by a comma are a pair, names separated by plus signs are parts of one text.
    fn requested_text(&mut self, requested: &str) -> Result<(Vec<usize>, bool), DataError> {
        if self.by_name(requested).is_none() && !requested.contains(',') && requested.contains('+')
        {
            return Ok((self.requested(requested, '+')?, false));
        }
        let text = self.requested(requested, ',')?;
        if text.is_empty() {
            return self
                .requested_column(requested)
                .map(|column| (vec![column], false));
        }
        Ok((text.clone(), text.len() == 2))
    }

    fn requested_column(&mut self, name: &str) -> Result<usize, DataError> {
        let number = name
            .parse::<usize>()
            .ok()
            .filter(|number| (1..=self.all.len()).contains(number));
        let found = self
            .by_name(name)
            .or(number.map(|number| number - 1))
            .or_else(|| self.nested(name));
        found.ok_or_else(|| DataError::NoColumn {
            file: self.file.into(),
            column: name.into(),
            columns: self.all.iter().map(|column| column.name.clone()).collect(),
        })
    }

    fn by_name(&self, name: &str) -> Option<usize> {
        let name = name.trim();
        let exact = self.all.iter().position(|column| column.name == name);
        exact.or_else(|| {
            self.all
                .iter()
                .position(|column| column.name.to_lowercase() == name.to_lowercase())
        })
    }

    /// Finds a value that is nested deeper than the listed columns, and adds it as a column.
    fn nested(&mut self, name: &str) -> Option<usize> {
        let column = Column {
            name: name.into(),
            place: Place::Key(name.into()),
        };
        let profile = profile(&column, self.rows);
        let exists =
            matches!(self.all.first()?.place, Place::Key(_)) && profile.filled + profile.lists > 0;
        exists.then(|| {
            self.all.push(column);
            self.profiles.push(profile);
            self.all.len() - 1
        })
    }

    fn columns_where(&self, holds: impl Fn(&Profile) -> bool) -> Vec<usize> {
        (0..self.all.len())
            .filter(|column| holds(&self.profiles[*column]))
            .collect()
    }

    /// Finds the text columns. Returns them, whether they are a pair, and whether they were guessed
    /// from values.
    fn find_text(&self, labels: &[usize]) -> Result<(Vec<usize>, bool, bool), DataError> {
        let is_free = |column: &usize| !labels.contains(column);
        let named: Vec<(TextName, usize)> = self
            .columns_where(|profile| profile.filled == 0 || profile.may_be_text())
            .into_iter()
            .filter(is_free)
            .filter_map(|column| Some((names::text_name(&self.all[column].name)?, column)))
            .collect();
        if let Some(pair) = self.pair(labels) {
            return Ok((pair, true, false));
        }
        // A text name above short values, such as a content type, ranks below one above sentences.
        let rank = |(name, column): &(TextName, usize)| {
            let profile = &self.profiles[*column];
            (
                !profile.is_prose() && profile.mean_chars() < 12.0,
                std::cmp::Reverse(self.commonness(*column)),
                *name,
            )
        };
        let Some((_, main)) = named.iter().min_by_key(|found| rank(found)).copied() else {
            return self.guess_text(labels).map(|text| (text, false, true));
        };
        let is_part = |(name, column): &&(TextName, usize)| match name {
            TextName::Title(_) => true,
            TextName::Text(_) => *column == main || self.profiles[*column].is_prose(),
            TextName::Partly(_) => *column == main,
        };
        let mut parts: Vec<(bool, usize)> = named
            .iter()
            .filter(is_part)
            .filter(|(_, column)| *column == main || !self.repeats(*column, main))
            .map(|(name, column)| (!matches!(name, TextName::Title(_)), *column))
            .collect();
        // Titles come before the texts that they head.
        parts.sort_unstable();
        Ok((
            parts.into_iter().map(|(_, column)| column).collect(),
            false,
            false,
        ))
    }

    /// Returns the share of rows in which a column is filled, in tenths: a rarely filled column is
    /// not the main text.
    fn commonness(&self, column: usize) -> usize {
        10 * self.profiles[column].filled / self.rows.len().max(1)
    }

    /// Returns whether a column holds the same text as another one in every row.
    fn repeats(&self, column: usize, other: usize) -> bool {
        let cell = |row: &Row, column: usize| {
            row.record
                .cell(&self.all[column].place)
                .text()
                .map(|text| text.into_owned())
        };
        self.rows
            .iter()
            .all(|row| cell(row, column) == cell(row, other))
    }

    /// Finds two columns that hold text and have the names of a pair.
    fn pair(&self, labels: &[usize]) -> Option<Vec<usize>> {
        let is_text = |column: usize| {
            let profile = &self.profiles[column];
            !labels.contains(&column)
                && profile.filled > 0
                && profile.may_be_text()
                && !profile.is_numeric()
        };
        let is_named = |column: usize| {
            let name = &self.all[column].name;
            names::text_name(name).is_some() || pair_names::is_known(name)
        };
        let texts = (0..self.all.len()).filter(|column| is_text(*column));
        let likely = texts.filter(|column| self.profiles[*column].is_prose() || is_named(*column));
        let likely: Vec<usize> = likely.take(MAX_PAIR_CANDIDATES).collect();
        likely.iter().find_map(|first| {
            let is_partner = |second: &&usize| {
                pair_names::are_pair(&self.all[*first].name, &self.all[**second].name)
            };
            likely
                .iter()
                .find(is_partner)
                .map(|partner| vec![*first, *partner])
        })
    }

    /// Guesses the text columns by value: all columns of sentences, else the one with the longest
    /// values.
    fn guess_text(&self, labels: &[usize]) -> Result<Vec<usize>, DataError> {
        let is_free = |column: &usize| !labels.contains(column);
        let prose: Vec<usize> = self
            .columns_where(Profile::is_prose)
            .into_iter()
            .filter(is_free)
            .collect();
        if !prose.is_empty() {
            return Ok(prose);
        }
        let lengths = self
            .columns_where(|profile| profile.filled > 0)
            .into_iter()
            .filter(is_free);
        let length = |column: usize| {
            let profile = &self.profiles[column];
            if profile.may_be_text() {
                (1, (profile.mean_chars() * 100.0) as u64)
            } else {
                (0, 0)
            }
        };
        let longest = lengths
            .map(|column| (length(column), std::cmp::Reverse(column)))
            .max();
        let no_text = || DataError::NoTextColumn {
            file: self.file.into(),
            columns: self.all.iter().map(|column| column.name.clone()).collect(),
        };
        longest
            .map(|(_, column)| vec![column.0])
            .ok_or_else(no_text)
    }

    /// Finds the label columns: by name, or the only column whose values are categories, or the
    /// other column of a table with two.
    fn find_labels(&self, text: &[usize]) -> Vec<usize> {
        // A table that `predict` wrote has the predicted labels beside the true ones.
        let predicted = self.predicted();
        let is_other = |column: &usize| !text.contains(column) && !predicted.contains(column);
        let others: Vec<usize> = (0..self.all.len()).filter(is_other).collect();
        let found = self.find_labels_in(&others, text);
        if found.is_empty() {
            let is_label = |column: &&usize| {
                !text.contains(column) && added_column(&self.all[**column].name) == Some(0)
            };
            return predicted.iter().filter(is_label).take(1).copied().collect();
        }
        found
    }

    /// Returns the columns that `predict` added to a table, perhaps several times.
    fn predicted(&self) -> Vec<usize> {
        let added: Vec<Option<usize>> = self
            .all
            .iter()
            .map(|column| added_column(&column.name))
            .collect();
        let are_added =
            |start: &usize| (0..ADDED.len()).all(|i| added.get(start + i) == Some(&Some(i)));
        (0..self.all.len())
            .filter(are_added)
            .flat_map(|start| start..start + ADDED.len())
            .collect()
    }

    /// Returns the label columns that the model was trained on, unless the table lacks one.
    fn trained_labels(&mut self, options: &ReadOptions, text: &[usize]) -> Option<Vec<usize>> {
        let names = &options.trained_columns.as_ref()?.labels;
        let columns: Option<Vec<usize>> = names
            .iter()
            .map(|name| self.by_name(name).or_else(|| self.nested(name)))
            .collect();
        columns
            .filter(|found| !found.is_empty() && found.iter().all(|column| !text.contains(column)))
    }

    /// As [`Self::find_labels`], in the columns `free`.
    fn find_labels_in(&self, free: &[usize], text: &[usize]) -> Vec<usize> {
        let is_free = |column: &usize| free.contains(column);
        let is_label = |column: &usize| {
            let profile = &self.profiles[*column];
            let name = &self.all[*column].name;
            let is_exact = names::label_name(name).is_some_and(names::is_exact_label);
            // Labels may be sparse, with none in the first rows.
            !profile.is_split() && (is_exact || profile.may_be_named_labels() || profile.lists > 0)
        };
        let columns = (0..self.all.len()).filter(is_free).filter(is_label);
        let named = columns
            .filter_map(|column| Some((names::label_name(&self.all[column].name)?, column)))
            .min();
        if let Some((_, column)) = named {
            return vec![column];
        }
        let categories =
            self.likeliest(self.categories(text).into_iter().filter(is_free).collect());
        let is_alone = self.all.len() == 2 && text.len() == 1;
        let other = (0..self.all.len()).find(|column| !text.contains(column));
        match (categories.as_slice(), other.filter(|_| is_alone)) {
            ([only], _) => vec![*only],
            // A table with two columns is a text and its label.
            (_, Some(other)) if self.may_be_label(other) => vec![other],
            _ => Vec::new(),
        }
    }

    /// Returns the one column whose name is likelier than all others to be that of classes, or all
    /// columns if there is no such column.
    fn likeliest(&self, columns: Vec<usize>) -> Vec<usize> {
        let likelihood = |column: &usize| names::class_likelihood(&self.all[*column].name);
        let best = columns.iter().map(likelihood).max();
        let likeliest: Vec<usize> = columns
            .iter()
            .copied()
            .filter(|column| Some(likelihood(column)) == best)
            .collect();
        if likeliest.len() == 1 && columns.len() > 1 {
            likeliest
        } else {
            columns
        }
    }

    /// Returns whether the other column of a table with two may hold labels.
    fn may_be_label(&self, column: usize) -> bool {
        let name = &self.all[column].name;
        let is_other = names::is_number_name(name) || names::text_name(name).is_some();
        !is_other && self.profiles[column].may_be_labels() && self.commonness(column) >= 5
    }

    /// Returns the columns whose values are repeated categories; names only rule columns out.
    fn categories(&self, text: &[usize]) -> Vec<usize> {
        let is_label = |column: &usize| {
            let profile = &self.profiles[*column];
            let name = &self.all[*column].name;
            !text.contains(column)
                && profile.is_categorical()
                && profile.repeats()
                && !profile.is_split()
                && !profile.is_decision()
                && !names::is_number_name(name)
                && !names::is_about_labels(name)
        };
        let found: Vec<usize> = (0..self.all.len()).filter(is_label).collect();
        // The keys of a nested object are listed as columns in addition to the object.
        let names: BTreeSet<&str> = found
            .iter()
            .map(|column| self.all[*column].name.as_str())
            .collect();
        let is_inside = |column: &usize| {
            let name = &self.all[*column].name;
            name.match_indices('.')
                .any(|(dot, _)| names.contains(&name[..dot]))
        };
        found
            .iter()
            .copied()
            .filter(|column| !is_inside(column))
            .collect()
    }
}

fn profile(column: &Column, rows: &[Row]) -> Profile {
    Profile::of(rows.iter().map(|row| row.record.cell(&column.place)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::rows::row::Record;

    /// Formats the chosen columns as `text > labels`, with `=` before a pair.
    fn chosen(header: &str, rows: &[&str], text: Option<&str>, label: Option<&str>) -> String {
        let row = |row: &&str| Row {
            record: Record::Cells(row.split('|').collect()),
            line: 1,
            raw: String::new(),
        };
        let rows: Vec<Row> = rows.iter().map(row).collect();
        let column = |(number, name): (usize, &str)| Column {
            name: name.into(),
            place: Place::Cell(number),
        };
        let all = header.split('|').enumerate().map(column).collect();
        let options = ReadOptions {
            text_column: text.map(Into::into),
            label_column: label.map(Into::into),
            ..ReadOptions::default()
        };
        let mut columns = Columns::new("a", all, &rows);
        let choice = columns.choose(&options).expect("chosen");
        let names = |numbers: &[usize]| {
            numbers
                .iter()
                .map(|number| columns.all[*number].name.clone())
                .collect::<Vec<_>>()
                .join("+")
        };
        format!(
            "{}{} > {}",
            if choice.is_pair { "=" } else { "" },
            names(&choice.text),
            names(&choice.labels)
        )
    }

    const BOAT: &str = "the red boat waits near the pier";
    const TREE: &str = "the tall tree drops its leaves";

    #[test]
    fn columns_are_chosen_by_name_and_value() {
        let rows = |left: &str, right: &str| {
            let values = ["x", "y", "x", "y"].iter().enumerate();
            values
                .map(|(i, label)| format!("{left}{i} {BOAT}|{label}|{right}{i}"))
                .collect::<Vec<_>>()
        };
        let plain = rows("", "7");
        let plain: Vec<&str> = plain.iter().map(String::as_str).collect();
        for (header, expected) in [
            ("text|label|n", "text > label"),
            ("was|art|n", "was > art"),
            ("reviewText|overall|n", "reviewText > overall"),
            ("text|genre|gold_label", "text > gold_label"),
            ("text|Queue|n", "text > Queue"),
            ("text|Ticket category|n", "text > Ticket category"),
            ("tweet|airline_sentiment|n", "tweet > airline_sentiment"),
            ("comment|is_duplicate|n", "comment > is_duplicate"),
        ] {
            assert_eq!(chosen(header, &plain, None, None), expected, "{header}");
        }
        assert_eq!(chosen("a|b|c", &plain, Some("3"), Some("a")), "c > a");
    }

    #[test]
    fn several_texts_are_joined_unless_they_form_a_pair() {
        let (both, other, title) = (
            format!("{BOAT}|{TREE}|x"),
            format!("{TREE}|{BOAT}|y"),
            format!("So so|{TREE}|x"),
        );
        let rows = [both.as_str(), &other, both.as_str(), &other];
        for (header, rows, expected) in [
            (
                "sentence1|sentence2|label",
                &rows[..],
                "=sentence1+sentence2 > label",
            ),
            (
                "#1 String|#2 String|Quality",
                &rows,
                "=#1 String+#2 String > Quality",
            ),
            ("body|answer|label", &rows, "body+answer > label"),
            ("body|subject|label", &rows, "subject+body > label"),
            (
                "Title|Review Text|Class Name",
                &[&title, &title],
                "Title+Review Text > Class Name",
            ),
        ] {
            assert_eq!(chosen(header, rows, None, None), expected, "{header}");
        }
        assert_eq!(chosen("p|q|l", &rows, Some("p,q"), None), "=p+q > l");
        assert_eq!(chosen("p|q|l", &rows, Some("p+q"), None), "p+q > l");
    }
}
