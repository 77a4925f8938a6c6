//! Protects exported tables against CSV injection. Spreadsheets evaluate a cell that begins like a
//! formula, and a formula can access the network or start programs
//! (<https://owasp.org/www-community/attacks/CSV_Injection>). Names, labels and texts come from
//! untrusted files and links.
//!
//! Cells copied from the user's own table are not escaped: they are exported byte for byte.

use std::borrow::Cow;

/// First characters of a formula; some spreadsheets skip a leading tab or carriage return.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Returns the cell, prefixed with an apostrophe if a spreadsheet would evaluate it. A signed
/// number is not a formula and stays as it is.
pub fn inert_cell(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FORMULA_STARTS) && !is_number(cell) {
        format!("'{cell}").into()
    } else {
        cell.into()
    }
}

/// Returns whether the cell is a decimal number. `parse` alone also accepts `-inf`, which a
/// spreadsheet reads as a cell reference.
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
    fn other_cells_are_unchanged() {
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
