//! A workbook (Office Open XML): its sheets as CSV.

use super::{damaged, is_bomb, too_large};
use crate::content::InputFile;
use crate::corpus::is_split_name;
use crate::error::{DataError, quoted};
use calamine::{DataRef, Reader, SheetType, SheetVisible, Xlsx};
use std::io::Cursor;

type Workbook = Xlsx<Cursor<Vec<u8>>>;

/// Its name in a sentence.
const XLSX: &str = "Excel";
/// Rows that decide how many cells a row has: far behind them may stand a stray one.
const SHOWN_ROWS: usize = 200;
/// Empty rows between others that are kept, so that rows keep their numbers.
const MAX_GAP: u32 = 1000;

/// The sheets of a workbook that hold what is looked for: those named like parts of a data set (`train`, `test`), else
/// the first visible one with rows below its header. The names of the others are reported.
///
/// # Errors
/// When it is damaged, or all sheets are empty.
pub fn sheets(file: &InputFile, bytes: Cursor<Vec<u8>>) -> Result<Vec<InputFile>, DataError> {
    let mut workbook = Xlsx::new(bytes).map_err(|error| broken(file, &error))?;
    let is_shown =
        |sheet: &&calamine::Sheet| sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet;
    let names: Vec<String> =
        workbook.sheets_metadata().iter().filter(is_shown).map(|sheet| sheet.name.clone()).collect();
    if names.iter().any(|name| is_split_name(name)) {
        let parts = names.iter().filter(|name| is_split_name(name));
        let part = |name: &String| {
            let (csv, _) = table(file, &mut workbook, name)?;
            let name = format!("{}/{name}.csv", file.name);
            Ok(InputFile { name, ..file.with_content(csv) })
        };
        return parts.map(part).collect();
    }
    let mut first = None;
    for name in &names {
        let (csv, rows) = table(file, &mut workbook, name)?;
        if rows > 1 {
            first = Some((name, csv));
            break;
        }
        first = first.or(Some((name, csv)).filter(|(_, csv)| !csv.is_empty()));
    }
    let (taken, csv) = first.ok_or_else(|| DataError::EmptyFile { file: file.name.clone() })?;
    let mut found = file.with_content(csv);
    let others: Vec<String> = names.iter().filter(|name| *name != taken).cloned().collect();
    if !others.is_empty() {
        let message = format!(
            "of the sheets of {}, {} was read; left out: {}",
            quoted(&file.name),
            quoted(taken),
            DataError::columns(&others)
        );
        found.notes.push(("sheet", message));
    }
    Ok(vec![found])
}

/// A sheet as CSV, from its first filled cell on, and how many of its rows hold something.
fn table(file: &InputFile, workbook: &mut Workbook, name: &str) -> Result<(Vec<u8>, usize), DataError> {
    let cells = cells(file, workbook, name)?;
    let rows: Vec<&[Cell]> = cells.chunk_by(|a, b| a.row == b.row).collect();
    let first_column = cells.iter().map(|cell| cell.column).min().unwrap_or_default();
    let width_of = |row: &[Cell]| row.iter().map(|cell| cell.column - first_column + 1).max().unwrap_or_default();
    let width = rows.iter().take(SHOWN_ROWS).map(|row| width_of(row)).max().unwrap_or_default();
    let mut csv = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let mut last_row = rows.first().map_or(0, |row| row[0].row.saturating_sub(1));
    for row in &rows {
        // A jump over a million rows is a stray cell, not a gap.
        for _ in 1..row[0].row.saturating_sub(last_row).min(MAX_GAP) {
            csv.write_record([""]).expect("memory takes all rows");
        }
        last_row = row[0].row;
        let mut values = vec![""; width.max(width_of(row)) as usize];
        row.iter().for_each(|cell| values[(cell.column - first_column) as usize] = &cell.value);
        csv.write_record(values).expect("memory takes all rows");
        if is_bomb(file.content.size(), csv.get_ref().len() as u64) {
            return Err(too_large(&file.name, XLSX));
        }
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
fn cells(file: &InputFile, workbook: &mut Workbook, name: &str) -> Result<Vec<Cell>, DataError> {
    let broken = |error| broken(file, &error);
    let mut reader = workbook.worksheet_cells_reader(name).map_err(broken)?;
    let (mut cells, mut bytes) = (Vec::new(), 0);
    while let Some(cell) = reader.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        let value = text(cell.get_value());
        // Many cells may share one long text.
        bytes += value.len() as u64;
        if is_bomb(file.content.size(), bytes) {
            return Err(too_large(&file.name, XLSX));
        }
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
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_string(),
        DataRef::Bool(is_true) => is_true.to_string(),
        DataRef::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date} {hour:02}:{minute:02}:{second:02}") }
        }
        DataRef::DateTime(time) => time.as_f64().to_string(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}
