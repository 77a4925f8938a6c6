//! Reads a workbook (Office Open XML): its sheets as CSV.

use super::budget::Budget;
use super::damaged;
use crate::corpus::split_role;
use crate::error::DataError;
use crate::reading::byte_source::{Converted, InputFile};
use crate::text::shown::on_one_line;
use crate::text::shown::quoted;
use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};
use protocol::{FileRole, Message, message};
use std::io::Cursor;

type Workbook = Xlsx<Cursor<Vec<u8>>>;

/// Name of the format in messages.
const XLSX: &str = "Excel";
/// Number of rows that determine the table width; a stray cell may follow far below.
const WIDTH_ROWS: usize = 200;
/// The main sheet of a workbook has at least the rows of the largest sheet divided by this.
const MAIN_SHARE: usize = 4;
/// Exclusive upper bound on the number of consecutive empty rows that are kept.
const MAX_GAP: u32 = 1000;
/// Maximum number of rows in a sheet (Excel's specifications and limits).
const MAX_ROWS: u32 = 1 << 20;
/// Maximum number of columns in a sheet (same source).
const MAX_COLUMNS: u32 = 1 << 14;

/// Returns the sheets that hold the data. If the visible sheets are named like splits, with a
/// training set and a held-out set (`train`, `test`), these are returned; otherwise the first
/// visible sheet that is not just a cover, or a hidden one if all visible sheets are empty. The
/// sheets left out are reported.
///
/// # Errors
/// If the workbook is damaged or too large, or all sheets are empty.
pub(super) fn sheets(
    file: &InputFile,
    bytes: Cursor<Vec<u8>>,
    budget: &mut Budget,
) -> Result<Vec<InputFile>, DataError> {
    let mut workbook = Xlsx::new(bytes).map_err(|error| broken(file, &error))?;
    let named = |is_visible: bool| {
        let sheets = workbook
            .sheets_metadata()
            .iter()
            .filter(|sheet| sheet.typ == SheetType::WorkSheet);
        let sheets = sheets.filter(|sheet| (sheet.visible == SheetVisible::Visible) == is_visible);
        sheets
            .map(|sheet| sheet.name.clone())
            .collect::<Vec<String>>()
    };
    let (names, hidden) = (named(true), named(false));
    let roles: Vec<Option<FileRole>> = names.iter().map(|name| split_role(name)).collect();
    let has_held_out = roles.iter().flatten().any(|role| *role != FileRole::Train);
    let mut found = Vec::new();
    if roles.contains(&Some(FileRole::Train)) && has_held_out {
        for (name, _) in names.iter().zip(&roles).filter(|(_, role)| role.is_some()) {
            let sheet = Table::read(file, &mut workbook, name, budget)?.into_file(file, name);
            found.push((
                name,
                InputFile {
                    name: format!("{}/{name}.csv", file.name),
                    ..sheet
                },
            ));
        }
    } else {
        found.extend(main_sheet(file, &mut workbook, &names, budget)?);
    }
    if found.is_empty() {
        found.extend(main_sheet(file, &mut workbook, &hidden, budget)?);
        found.iter_mut().for_each(|(name, file)| {
            file.notes.push(message!(
                "all visible sheets of {file} are empty, so the hidden sheet {sheet} was read",
                file = quoted(&file.name),
                sheet = quoted(name)
            ));
        });
    }
    let taken: Vec<String> = found.iter().map(|(name, _)| (*name).clone()).collect();
    let others: Vec<String> = names
        .iter()
        .filter(|name| !taken.contains(name))
        .cloned()
        .collect();
    let first = found.first_mut().ok_or_else(|| DataError::EmptyFile {
        file: file.name.clone(),
    })?;
    if !others.is_empty() {
        let message = message!(
            "sheets read from {file}: {taken}; left out: {others}; to use another sheet, save it as a separate file",
            file = quoted(&file.name),
            taken = DataError::columns(&taken),
            others = DataError::columns(&others)
        );
        first.1.notes.push(message);
    }
    Ok(found.into_iter().map(|(_, file)| file).collect())
}

/// Returns the first sheet with at least a quarter of the rows of the largest one; sheets before it
/// are covers or explanations.
fn main_sheet<'a>(
    file: &InputFile,
    workbook: &mut Workbook,
    names: &'a [String],
    budget: &mut Budget,
) -> Result<Option<(&'a String, InputFile)>, DataError> {
    let tables = names
        .iter()
        .map(|name| Ok((name, Table::read(file, workbook, name, budget)?)));
    let tables = tables.collect::<Result<Vec<(&String, Table)>, DataError>>()?;
    let max_rows = tables
        .iter()
        .map(|(_, table)| table.rows)
        .max()
        .unwrap_or_default();
    let found = tables
        .into_iter()
        .find(|(_, table)| table.rows > 0 && table.rows >= max_rows.div_ceil(MAIN_SHARE));
    Ok(found.map(|(name, table)| (name, table.into_file(file, name))))
}

/// A sheet as CSV, starting with its first filled cell.
struct Table {
    csv: Vec<u8>,
    /// Number of rows that are not empty.
    rows: usize,
    empty: Empty,
}

impl Table {
    fn read(
        file: &InputFile,
        workbook: &mut Workbook,
        name: &str,
        budget: &mut Budget,
    ) -> Result<Self, DataError> {
        let (cells, empty) = cells(file, workbook, name, budget)?;
        let rows: Vec<&[Cell]> = cells.chunk_by(|a, b| a.row == b.row).collect();
        let first_column = cells
            .iter()
            .map(|cell| cell.column)
            .min()
            .unwrap_or_default();
        let width_of = |row: &[Cell]| {
            row.iter()
                .map(|cell| cell.column - first_column + 1)
                .max()
                .unwrap_or_default()
        };
        let width = rows
            .iter()
            .take(WIDTH_ROWS)
            .map(|row| width_of(row))
            .max()
            .unwrap_or_default();
        let mut csv = csv::WriterBuilder::new()
            .flexible(true)
            .from_writer(Vec::new());
        let mut last_row = rows.first().map_or(0, |row| row[0].row.saturating_sub(1));
        for row in &rows {
            // A longer gap leads to a stray cell.
            for _ in 1..row[0].row.saturating_sub(last_row).min(MAX_GAP) {
                csv.write_record([""]).expect("memory takes all rows");
            }
            last_row = row[0].row;
            let mut values = vec![""; width.max(width_of(row)) as usize];
            row.iter()
                .for_each(|cell| values[(cell.column - first_column) as usize] = &cell.value);
            budget.take(
                values.iter().map(|value| value.len() as u64 + 1).sum(),
                &file.name,
                XLSX,
            )?;
            csv.write_record(values).expect("memory takes all rows");
        }
        let csv = csv.into_inner().expect("memory needs no flush");
        Ok(Self {
            csv,
            rows: rows.len(),
            empty,
        })
    }

    /// Returns `file` with this table as its content.
    fn into_file(self, file: &InputFile, name: &str) -> InputFile {
        let mut table = file.converted_to(Converted::Table, self.csv);
        table.notes.extend(self.empty.notes(&file.name, name));
        table
    }
}

/// Numbers of cells that display something but are read as empty.
#[derive(Default)]
struct Empty {
    errors: u64,
    formulas: u64,
}

impl Empty {
    fn count(&mut self, value: &DataRef<'_>, has_formula: bool) {
        match value {
            DataRef::Error(_) => self.errors += 1,
            DataRef::Empty if has_formula => self.formulas += 1,
            _ => {}
        }
    }

    /// Returns the warnings about these cells, for a sheet of the file `name`.
    fn notes(&self, name: &str, sheet: &str) -> Vec<Message> {
        let Self { errors, formulas } = *self;
        let (name, sheet) = (quoted(name), quoted(sheet));
        let of_errors = (errors > 0).then(|| {
            message!("{name}, sheet {sheet}: cells that show an error such as #N/A were read as empty ({count})", name, sheet, count = errors)
        });
        let of_formulas = (formulas > 0).then(|| {
            message!("{name}, sheet {sheet}: formulas without results were read as empty cells ({count}); a spreadsheet program adds the results when it saves the file", name, sheet, count = formulas)
        });
        of_errors.into_iter().chain(of_formulas).collect()
    }
}

/// A cell that is not empty.
struct Cell {
    row: u32,
    column: u32,
    value: String,
}

/// Reads the cells of a sheet in file order, which is row order.
fn cells(
    file: &InputFile,
    workbook: &mut Workbook,
    name: &str,
    budget: &mut Budget,
) -> Result<(Vec<Cell>, Empty), DataError> {
    let broken = |error| broken(file, &error);
    let mut reader = workbook.worksheet_cells_reader(name).map_err(broken)?;
    let (mut cells, mut empty) = (Vec::new(), Empty::default());
    while let Some(cell) = reader.next_cell_with_formula_metadata().map_err(broken)? {
        let (row, column) = cell.pos;
        let value = text(&cell.value);
        if row >= MAX_ROWS || column >= MAX_COLUMNS {
            return Err(damaged(
                &file.name,
                XLSX,
                message!("has a cell outside the limits of a sheet"),
            ));
        }
        // Many cells may share one long text, so each of them counts.
        budget.take(value.len() as u64, &file.name, XLSX)?;
        empty.count(&cell.value, cell.formula.is_some());
        if !value.is_empty() {
            cells.push(Cell { row, column, value });
        }
    }
    Ok((cells, empty))
}

fn broken(file: &InputFile, error: &calamine::XlsxError) -> DataError {
    damaged(
        &file.name,
        XLSX,
        message!(
            "is damaged ({error})",
            error = on_one_line(&error.to_string())
        ),
    )
}

/// Formats a value as a user would type it; dates as ISO 8601, errors as an empty string.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => format_number(*number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::SharedString(text) => (*text).to_string(),
        DataRef::Bool(is_true) => is_true.to_string(),
        DataRef::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            let clock = format!("{hour:02}:{minute:02}:{second:02}");
            // Day 0 means a time without a date.
            if time.as_f64() < 1.0 {
                clock
            } else if (hour, minute, second) == (0, 0, 0) {
                date
            } else {
                format!("{date} {clock}")
            }
        }
        DataRef::DateTime(time) => time.as_f64().to_string(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// Formats a number as a sheet shows it, with 15 significant digits.
fn format_number(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    rounded.to_string()
}
