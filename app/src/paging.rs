//! Paging of long tables: the number of rows shown, and how many more each press of a button adds.
//! A folder can hold thousands of files; 5,000 rows at once blocked the page for 6 seconds.

/// Rows shown initially.
const FIRST_ROWS: usize = 100;

/// Rows added by each press of the button.
const ROWS_PER_PRESS: usize = 500;

/// Number of rows requested for a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Paging {
    /// Name of the table.
    table: String,
    added: usize,
}

impl Paging {
    /// Returns the number of rows to show of a table with `total` rows. A table with another name
    /// starts from its first rows.
    pub fn shown(&self, table: &str, total: usize) -> usize {
        total.min(FIRST_ROWS + self.added_to(table))
    }

    /// Returns the number of rows that another press of the button adds.
    pub fn next(&self, table: &str, total: usize) -> usize {
        ROWS_PER_PRESS.min(total - self.shown(table, total))
    }

    /// Handles a press of the button.
    pub fn press(&mut self, table: &str) {
        let added = self.added_to(table) + ROWS_PER_PRESS;
        *self = Self {
            table: table.into(),
            added,
        };
    }

    fn added_to(&self, table: &str) -> usize {
        if self.table == table { self.added } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_press_shows_more_rows() {
        let mut paging = Paging::default();
        for (shown, next) in [(100, 500), (600, 500), (1100, 134), (1234, 0), (1234, 0)] {
            assert_eq!(
                (paging.shown("a", 1234), paging.next("a", 1234)),
                (shown, next)
            );
            paging.press("a");
        }
    }

    #[test]
    fn another_table_starts_with_its_first_rows() {
        let mut paging = Paging::default();
        paging.press("a");
        assert_eq!(
            (
                paging.shown("a", 5000),
                paging.shown("b", 5000),
                paging.shown("b", 7)
            ),
            (600, 100, 7)
        );
        paging.press("b");
        assert_eq!(
            (paging.shown("a", 5000), paging.shown("b", 5000)),
            (100, 600)
        );
    }
}
