//! A workbook (Office Open XML): its sheets as CSV.

use super::damaged;
use super::open::Budget;
use crate::byte_source::{Converted, InputFile};
use crate::corpus::split_role;
use crate::error::DataError;
use crate::shown::quoted;
use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};
use protocol::FileRole;
use std::io::Cursor;

type Workbook = Xlsx<Cursor<Vec<u8>>>;

/// Its name in a sentence.
const XLSX: &str = "Excel";
/// The width of the table is taken from these rows; a stray cell may follow far below.
const SHOWN_ROWS: usize = 200;
/// A sheet with this part of the rows of the largest one may be what a workbook is for.
const MAIN_SHARE: usize = 4;
/// Empty rows between others that are kept at most.
const MAX_GAP: u32 = 1000;
/// Size of a sheet (Excel's specifications and limits).
const MAX_ROWS: u32 = 1 << 20;
const MAX_COLUMNS: u32 = 1 << 14;

/// The sheets of a workbook that hold what is looked for: those named like parts of a data set where one is for training
/// and one is not (`train`, `test`), else the first visible one that is no mere cover, or a hidden one where all visible
/// ones are empty. The others are reported.
///
/// # Errors
/// When it is damaged or too large, or all sheets are empty.
pub(super) fn sheets(
    file: &InputFile,
    bytes: Cursor<Vec<u8>>,
    budget: &mut Budget,
) -> Result<Vec<InputFile>, DataError> {
    let mut workbook = Xlsx::new(bytes).map_err(|error| broken(file, &error))?;
    let named = |is_shown: bool| {
        let sheets = workbook
            .sheets_metadata()
            .iter()
            .filter(|sheet| sheet.typ == SheetType::WorkSheet);
        let sheets = sheets.filter(|sheet| (sheet.visible == SheetVisible::Visible) == is_shown);
        sheets
            .map(|sheet| sheet.name.clone())
            .collect::<Vec<String>>()
    };
    let (names, hidden) = (named(true), named(false));
    let roles: Vec<Option<FileRole>> = names.iter().map(|name| split_role(name)).collect();
    let holds_out = roles.iter().flatten().any(|role| *role != FileRole::Train);
    let mut found = Vec::new();
    if roles.contains(&Some(FileRole::Train)) && holds_out {
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
            file.notes.push(format!(
                "all visible sheets of {} are empty: the hidden sheet {} was read",
                quoted(&file.name),
                quoted(name)
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
        let message = format!(
            "of the sheets of {}, {} was read; left out: {}; a sheet can be saved as a file of its own",
            quoted(&file.name),
            DataError::columns(&taken),
            DataError::columns(&others)
        );
        first.1.notes.push(message);
    }
    Ok(found.into_iter().map(|(_, file)| file).collect())
}

/// The first sheet with a quarter of the rows of the largest one: what stands before it is a cover or an explanation.
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
    let most = tables
        .iter()
        .map(|(_, table)| table.rows)
        .max()
        .unwrap_or_default();
    let found = tables
        .into_iter()
        .find(|(_, table)| table.rows > 0 && table.rows >= most.div_ceil(MAIN_SHARE));
    Ok(found.map(|(name, table)| (name, table.into_file(file, name))))
}

/// A sheet as CSV, from its first filled cell on.
struct Table {
    csv: Vec<u8>,
    /// How many rows hold something.
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
            .take(SHOWN_ROWS)
            .map(|row| width_of(row))
            .max()
            .unwrap_or_default();
        let mut csv = csv::WriterBuilder::new()
            .flexible(true)
            .from_writer(Vec::new());
        let mut last_row = rows.first().map_or(0, |row| row[0].row.saturating_sub(1));
        for row in &rows {
            // A longer jump leads to a stray cell.
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

    /// `file` as this table.
    fn into_file(self, file: &InputFile, name: &str) -> InputFile {
        let mut table = file.converted_to(Converted::Table, self.csv);
        table.notes.extend(self.empty.notes(&file.name, name));
        table
    }
}

/// Cells that show something and are read as empty ones.
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

    /// What a person should know of them, of a sheet of the file `name`.
    fn notes(&self, name: &str, sheet: &str) -> Vec<String> {
        let Self { errors, formulas } = *self;
        let (name, sheet) = (quoted(name), quoted(sheet));
        let of_errors = (errors > 0).then(|| {
            format!("{name}, sheet {sheet}: cells that show an error such as #N/A were read as empty ({errors})")
        });
        let of_formulas = (formulas > 0).then(|| {
            format!(
                "{name}, sheet {sheet}: formulas without results were read as empty cells ({formulas}); a spreadsheet \
                 program adds the results when it saves the file"
            )
        });
        of_errors.into_iter().chain(of_formulas).collect()
    }
}

/// A cell with something in it.
struct Cell {
    row: u32,
    column: u32,
    value: String,
}

/// The cells of a sheet in the order of the file, which is that of its rows.
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
            return Err(damaged(&file.name, XLSX, "has a cell outside of any sheet"));
        }
        // Many cells may share one long text.
        budget.take(value.len() as u64, &file.name, XLSX)?;
        empty.count(&cell.value, cell.formula.is_some());
        if !value.is_empty() {
            cells.push(Cell { row, column, value });
        }
    }
    Ok((cells, empty))
}

fn broken(file: &InputFile, error: &calamine::XlsxError) -> DataError {
    damaged(&file.name, XLSX, format!("is damaged ({error})"))
}

/// A value as a person would type it; dates as ISO 8601, errors as nothing.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => shown(*number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::SharedString(text) => (*text).to_string(),
        DataRef::Bool(is_true) => is_true.to_string(),
        DataRef::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            let clock = format!("{hour:02}:{minute:02}:{second:02}");
            // The day before the first is that of a time without a date.
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

/// A number as a sheet shows it: with 15 significant digits.
fn shown(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    rounded.to_string()
}
