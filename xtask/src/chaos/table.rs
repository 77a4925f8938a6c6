//! The figures, as a table of `docs/reliability.md`.

use crate::error::Error;
use crate::project::Project;
use std::fmt::{Display, Formatter};

/// Lines of the document that enclose the table.
const BEGIN: &str = "<!-- written by cargo xtask chaos -->";
const END: &str = "<!-- end of the table -->";

/// One kind of disturbance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    what: String,
    /// Number of disturbances.
    pub tried: u64,
    /// Number of those after which the run ended with the weights and moments of an undisturbed one.
    survived: u64,
}

impl Row {
    /// Creates a row without figures.
    pub fn new(what: String) -> Self {
        Self {
            what,
            tried: 0,
            survived: 0,
        }
    }

    /// Adds `count` disturbances of one run.
    pub fn add(&mut self, count: u64, is_survived: bool) {
        self.tried += count;
        self.survived += if is_survived { count } else { 0 };
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} of {}", self.what, self.survived, self.tried)
    }
}

/// All figures.
#[derive(Debug, Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// Adds a row.
    pub fn add(&mut self, row: Row) {
        self.0.push(row);
    }

    /// Replaces the table in the document.
    ///
    /// # Errors
    /// Returns an error if the document cannot be read or written, or has no table.
    pub fn write(&self, project: &Project) -> Result<(), Error> {
        let path = project.root().join("docs").join("reliability.md");
        let text = std::fs::read_to_string(&path).map_err(Error::file("read", &path))?;
        let replaced = self.replaced_in(&text).ok_or_else(|| Error::Failed {
            line: path.display().to_string(),
            end: format!("has no \"{BEGIN}\" and \"{END}\" around its table"),
        })?;
        std::fs::write(&path, replaced).map_err(Error::file("write", &path))
    }

    fn replaced_in(&self, text: &str) -> Option<String> {
        let (before, rest) = text.split_once(BEGIN)?;
        let (_, after) = rest.split_once(END)?;
        Some(format!("{before}{BEGIN}\n\n{self}\n\n{END}{after}"))
    }

    /// Returns an error if a run was lost or differs.
    ///
    /// # Errors
    /// Names the rows.
    pub fn verdict(&self) -> Result<(), Error> {
        let broken: Vec<String> = self
            .0
            .iter()
            .filter(|row| row.survived < row.tried || row.tried == 0)
            .map(Row::to_string)
            .collect();
        if broken.is_empty() && !self.0.is_empty() {
            return Ok(());
        }
        Err(Error::Failed {
            line: "cargo xtask chaos".into(),
            end: format!("lost runs, or disturbed none: {}", broken.join("; ")),
        })
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "| disturbance | times | survived |\n|---|---|---|")?;
        for Row {
            what,
            tried,
            survived,
        } in &self.0
        {
            write!(f, "\n| {what} | {tried} | {survived} |")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut row = Row::new("killed".into());
        row.add(3, true);
        row.add(2, false);
        Table(vec![row])
    }

    #[test]
    fn the_table_replaces_the_old_one_only() {
        let text = format!("# Title\n\n{BEGIN}\n\n| old |\n\n{END}\n\nThe end.\n");
        let replaced = table().replaced_in(&text).expect("it has a table");
        assert_eq!(
            replaced,
            format!(
                "# Title\n\n{BEGIN}\n\n| disturbance | times | survived |\n|---|---|---|\n| killed | 5 | 3 |\n\n{END}\n\nThe end.\n"
            )
        );
        assert_eq!(table().replaced_in("# Title\n"), None);
    }

    #[test]
    fn a_lost_run_is_an_error() {
        assert!(table().verdict().is_err());
        assert!(Table(vec![Row::new("killed".into())]).verdict().is_err());
        let mut row = Row::new("killed".into());
        row.add(1, true);
        assert!(Table(vec![row]).verdict().is_ok());
    }
}
