//! A workbook (Office Open XML): its sheets as CSV.

use super::{Budget, damaged};
use crate::content::{Converted, InputFile};
use crate::corpus::split_role;
use crate::error::{DataError, quoted};
use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};
use protocol::FileRole;
use std::io::Cursor;

type Workbook = Xlsx<Cursor<Vec<u8>>>;

/// Its name in a sentence.
const XLSX: &str = "Excel";
/// The width of the table is taken from these rows; a stray cell may follow far below.
const SHOWN_ROWS: usize = 200;
/// Empty rows between others that are kept at most.
const MAX_GAP: u32 = 1000;
/// Size of a sheet (Excel's specifications and limits).
const MAX_ROWS: u32 = 1 << 20;
const MAX_COLUMNS: u32 = 1 << 14;

/// The sheets of a workbook that hold what is looked for: those named like parts of a data set where one is for training
/// and one is not (`train`, `test`), else the first visible one with rows below its header. The others are reported.
///
/// # Errors
/// When it is damaged or too large, or all visible sheets are empty.
pub(super) fn sheets(
    file: &InputFile,
    bytes: Cursor<Vec<u8>>,
    budget: &mut Budget,
) -> Result<Vec<InputFile>, DataError> {
    let mut workbook = Xlsx::new(bytes).map_err(|error| broken(file, &error))?;
    let is_shown =
        |sheet: &&calamine::Sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet;
    let names: Vec<String> =
        workbook.sheets_metadata().iter().filter(is_shown).map(|sheet| sheet.name.clone()).collect();
    let roles: Vec<Option<FileRole>> = names.iter().map(|name| split_role(name)).collect();
    let holds_out = roles.iter().flatten().any(|role| *role != FileRole::Train);
    let mut found = Vec::new();
    if roles.contains(&Some(FileRole::Train)) && holds_out {
        for (name, _) in names.iter().zip(&roles).filter(|(_, role)| role.is_some()) {
            let (csv, _) = table(file, &mut workbook, name, budget)?;
            let part =
                InputFile { name: format!("{}/{name}.csv", file.name), ..file.converted_to(Converted::Table, csv) };
            found.push((name, part));
        }
    } else {
        found.extend(main_sheet(file, &mut workbook, &names, budget)?);
    }
    let taken: Vec<String> = found.iter().map(|(name, _)| (*name).clone()).collect();
    let others: Vec<String> = names.iter().filter(|name| !taken.contains(name)).cloned().collect();
    let first = found.first_mut().ok_or_else(|| DataError::EmptyFile { file: file.name.clone() })?;
    if !others.is_empty() {
        let message = format!(
            "of the sheets of {}, {} was read; left out: {}; a sheet can be saved as a file of its own",
            quoted(&file.name),
            DataError::columns(&taken),
            DataError::columns(&others)
        );
        first.1.notes.push(("sheet", message));
    }
    Ok(found.into_iter().map(|(_, file)| file).collect())
}

/// The first sheet with more than one row, else the first with one.
fn main_sheet<'a>(
    file: &InputFile,
    workbook: &mut Workbook,
    names: &'a [String],
    budget: &mut Budget,
) -> Result<Option<(&'a String, InputFile)>, DataError> {
    let mut first = None;
    for name in names {
        let (csv, rows) = table(file, workbook, name, budget)?;
        if rows > 1 {
            return Ok(Some((name, file.converted_to(Converted::Table, csv))));
        }
        first = first.or((rows > 0).then_some((name, csv)));
    }
    Ok(first.map(|(name, csv)| (name, file.converted_to(Converted::Table, csv))))
}

/// A sheet as CSV, from its first filled cell on, and how many of its rows hold something.
fn table(
    file: &InputFile,
    workbook: &mut Workbook,
    name: &str,
    budget: &mut Budget,
) -> Result<(Vec<u8>, usize), DataError> {
    let cells = cells(file, workbook, name, budget)?;
    let rows: Vec<&[Cell]> = cells.chunk_by(|a, b| a.row == b.row).collect();
    let first_column = cells.iter().map(|cell| cell.column).min().unwrap_or_default();
    let width_of = |row: &[Cell]| row.iter().map(|cell| cell.column - first_column + 1).max().unwrap_or_default();
    let width = rows.iter().take(SHOWN_ROWS).map(|row| width_of(row)).max().unwrap_or_default();
    let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut last_row = rows.first().map_or(0, |row| row[0].row.saturating_sub(1));
    for row in &rows {
        // A longer jump leads to a stray cell.
        for _ in 1..row[0].row.saturating_sub(last_row).min(MAX_GAP) {
            csv.write_record([""]).expect("memory takes all rows");
        }
        last_row = row[0].row;
        let mut values = vec![""; width.max(width_of(row)) as usize];
        row.iter().for_each(|cell| values[(cell.column - first_column) as usize] = &cell.value);
        budget.take(values.iter().map(|value| value.len() as u64 + 1).sum(), &file.name, XLSX)?;
        csv.write_record(values).expect("memory takes all rows");
    }
    Ok((csv.into_inner().expect("memory needs no flush"), rows.len()))
}

/// A cell with something in it.
struct Cell {
    row: u32,
    column: u32,
    value: String,
}

/// The cells of a sheet in the order of the file, which is that of its rows.
fn cells(file: &InputFile, workbook: &mut Workbook, name: &str, budget: &mut Budget) -> Result<Vec<Cell>, DataError> {
    let broken = |error| broken(file, &error);
    let mut reader = workbook.worksheet_cells_reader(name).map_err(broken)?;
    let mut cells = Vec::new();
    while let Some(cell) = reader.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        let value = text(cell.get_value());
        if row >= MAX_ROWS || column >= MAX_COLUMNS {
            return Err(damaged(&file.name, XLSX, "has a cell outside of any sheet"));
        }
        // Many cells may share one long text.
        budget.take(value.len() as u64, &file.name, XLSX)?;
        if !value.is_empty() {
            cells.push(Cell { row, column, value });
        }
    }
    Ok(cells)
}

fn broken(file: &InputFile, error: &calamine::XlsxError) -> DataError {
    damaged(&file.name, XLSX, format!("is damaged ({error})"))
}

/// A value as a person would type it; dates as ISO 8601, errors as nothing.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => shown(*number),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
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
