//! Cells of tables that are written here, made harmless to spreadsheets. These take a cell that begins like a formula for
//! one, and a formula can fetch from a network or start programs ("CSV injection",
//! <https://owasp.org/www-community/attacks/CSV_Injection>). Names, labels and texts come from files and links of anybody.
//!
//! Cells that are copied from a person's own table do not come here: they stay as they are, byte by byte.

use std::borrow::Cow;

/// What a formula begins with; some spreadsheets drop a tab or carriage return before it.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The cell, after an apostrophe where a spreadsheet would calculate it. A number with a sign is no formula and stays.
pub fn inert_cell(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FORMULA_STARTS) && !is_number(cell) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

/// Whether it is a number in digits: Rust also reads `-inf` as one, which a spreadsheet takes for the name of a cell.
fn is_number(cell: &str) -> bool {
    cell.parse::<f64>().is_ok()
        && cell
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: &str, expected: &str) {
        assert_eq!(inert_cell(cell), expected, "{cell:?}");
    }

    #[test]
    fn formulas_get_an_apostrophe() {
        for formula in [
            "=1+1", "+cmd", "-A1", "@SUM(A1)", "\t=1", "\r=1", "=", "-", "-inf", "+1+1", "-1-A1",
            "- item",
        ] {
            check(formula, &format!("'{formula}"));
        }
    }

    #[test]
    fn everything_else_stays() {
        for cell in [
            "",
            "a",
            "a=b",
            "'=1",
            " =1",
            "1",
            "-1",
            "+0.5",
            "-1.5e-3",
            "__label__a",
            "ก",
        ] {
            check(cell, cell);
        }
    }
}
