//! Reads a Word document (Office Open XML): its paragraphs, one per line, or its table if that is
//! most of the document.

use crate::text::shown::on_one_line;
use protocol::{Message, message};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// The content of a document.
#[derive(Debug, PartialEq)]
pub enum Text {
    /// Text with one paragraph per line.
    Lines(String),
    /// Table rows as CSV.
    Table(Vec<u8>),
}

/// Minimum number of rows for a table to be the main content.
const MIN_ROWS: usize = 3;
/// Elements whose text is not part of the document: the fallback repeats the preceding choice for
/// older versions of Word, and moved text is also present at its destination.
const SKIPPED: [&str; 2] = ["mc:Fallback", "w:moveFrom"];

/// Extracts the text of `document`, the content of `word/document.xml`. Deleted text and field
/// instructions are left out.
///
/// # Errors
/// Returns a description of the problem if the XML is malformed or truncated.
pub fn text(document: &[u8]) -> Result<Text, Message> {
    let mut reader = Reader::from_reader(document);
    let mut blocks = Blocks::default();
    let (mut depth, mut skipped) = (0_usize, 0_usize);
    loop {
        let event = reader.read_event().map_err(|error| {
            message!(
                "is damaged ({error})",
                error = on_one_line(&error.to_string())
            )
        })?;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof if depth > 0 => return Err(message!("ends early")),
            Event::Eof => return Ok(blocks.text()),
            _ => {}
        }
        match event {
            Event::Start(tag) if SKIPPED.contains(&tag.name().as_ref()) => skipped += 1,
            Event::End(tag) if SKIPPED.contains(&tag.name().as_ref()) => {
                skipped = skipped.saturating_sub(1)
            }
            _ if skipped > 0 => {}
            Event::Start(tag) => blocks.open(tag.name().as_ref()),
            Event::End(tag) => blocks.close(tag.name().as_ref()),
            Event::Empty(tag) => match tag.name().as_ref() {
                "w:tab" | "w:br" | "w:cr" => blocks.put(" "),
                "w:noBreakHyphen" => blocks.put("-"),
                _ => {}
            },
            Event::Text(text) if blocks.is_text => blocks.put(&text),
            Event::CData(text) if blocks.is_text => blocks.put(&text),
            Event::GeneralRef(name) if blocks.is_text => blocks.put(&character(&name)),
            _ => {}
        }
    }
}

/// Collects paragraphs and table rows during parsing.
#[derive(Default)]
struct Blocks {
    is_text: bool,
    /// Paragraphs that are not yet closed: a text box is nested in one.
    open: Vec<String>,
    tables: usize,
    cell: Vec<String>,
    row: Vec<Vec<String>>,
    done: Vec<Block>,
}

enum Block {
    Line(String),
    /// The paragraphs of each cell.
    Row(Vec<Vec<String>>),
}

impl Blocks {
    fn open(&mut self, tag: &str) {
        match tag {
            "w:t" => self.is_text = true,
            "w:p" => self.open.push(String::new()),
            "w:tbl" => self.tables += 1,
            _ => {}
        }
    }

    fn close(&mut self, tag: &str) {
        match tag {
            "w:t" => self.is_text = false,
            "w:p" => {
                let Some(line) = self.open.pop() else { return };
                if self.tables > 0 {
                    self.cell.push(line)
                } else {
                    self.done.push(Block::Line(line))
                }
            }
            // A table nested in a cell is part of that cell.
            "w:tc" if self.tables == 1 => self.row.push(std::mem::take(&mut self.cell)),
            "w:tr" if self.tables == 1 => self.done.push(Block::Row(std::mem::take(&mut self.row))),
            "w:tbl" => self.tables = self.tables.saturating_sub(1),
            _ => {}
        }
    }

    fn put(&mut self, text: &str) {
        if let Some(line) = self.open.last_mut() {
            line.push_str(&text.replace(['\r', '\n', '\t'], " "));
        }
    }

    fn text(self) -> Text {
        let cells = |block: &Block| match block {
            Block::Line(_) => 0,
            Block::Row(cells) => cells.len(),
        };
        let chars = |block: &Block| match block {
            Block::Line(line) => line.len(),
            Block::Row(cells) => cells.iter().flatten().map(String::len).sum(),
        };
        let rows: Vec<&Block> = self.done.iter().filter(|block| cells(block) > 1).collect();
        let are_alike = rows.iter().all(|row| cells(row) == cells(rows[0]));
        let of_rows: usize = rows.iter().map(|row| chars(row)).sum();
        let is_table =
            rows.len() >= MIN_ROWS && are_alike && 2 * of_rows > self.done.iter().map(chars).sum();
        if is_table {
            Text::Table(csv_of(&rows))
        } else {
            Text::Lines(lines_of(&self.done))
        }
    }
}

fn lines_of(blocks: &[Block]) -> String {
    let lines = blocks.iter().flat_map(|block| match block {
        Block::Line(line) => vec![line],
        Block::Row(cells) => cells.iter().flatten().collect(),
    });
    lines.map(|line| format!("{line}\n")).collect()
}

fn csv_of(rows: &[&Block]) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for block in rows {
        if let Block::Row(cells) = block {
            csv.write_record(cells.iter().map(|cell| cell.join("\n")))
                .expect("memory takes all rows");
        }
    }
    csv.into_inner().expect("memory needs no flush")
}

/// Returns the character that `&name;` or `&#number;` stands for.
fn character(name: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = name.resolve_char_ref() {
        return character.to_string();
    }
    quick_xml::escape::resolve_predefined_entity(name)
        .unwrap_or_default()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(body: &str) -> Result<Text, Message> {
        text(format!("<w:document><w:body>{body}</w:body></w:document>").as_bytes())
    }

    #[test]
    fn paragraphs_are_lines() {
        let body = "<w:p><w:r><w:t>Fish &amp; chips</w:t><w:tab/><w:t xml:space=\"preserve\"> cold&#33; </w:t></w:r></w:p>\
             <w:tbl><w:tr><w:tc><w:p><w:t>cell</w:t><w:delText>gone</w:delText></w:p></w:tc></w:tr></w:tbl>\
             <w:p><w:t>about a </w:t><mc:Choice><w:p><w:t>box</w:t></w:p></mc:Choice>\
             <mc:Fallback><w:p><w:t>box</w:t></w:p></mc:Fallback><w:t>ship</w:t></w:p>\
             <w:moveFrom><w:p><w:t>moved</w:t></w:p></w:moveFrom>";
        let expected = "Fish & chips  cold! \ncell\nbox\nabout a ship\n";
        assert_eq!(document(body), Ok(Text::Lines(expected.into())));
        assert!(document("<w:p><w:t>open</w:r>").is_err());
        assert_eq!(
            text(b"<w:document><w:p><w:t>cut"),
            Err(Message::phrase("ends early"))
        );
    }

    #[test]
    fn a_document_that_is_a_table_has_rows() {
        let cell = |text: &str| format!("<w:tc><w:p><w:t>{text}</w:t></w:p></w:tc>");
        let row = |text: &str, label: &str| format!("<w:tr>{}{}</w:tr>", cell(text), cell(label));
        let rows = [
            row("text", "label"),
            row("a red, old boat", "boat"),
            row("a tall tree", "tree"),
        ]
        .concat();
        let expected = "text,label\n\"a red, old boat\",boat\na tall tree,tree\n";
        let table = document(&format!("<w:p><w:t>Title</w:t></w:p><w:tbl>{rows}</w:tbl>"));
        assert_eq!(table, Ok(Text::Table(expected.into())));
    }
}
