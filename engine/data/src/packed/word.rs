//! A Word document (Office Open XML): its paragraphs, one per line.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The paragraphs of `document`, which is `word/document.xml`. Cells of tables are paragraphs; deleted text and
/// instructions of fields are left out.
///
/// # Errors
/// What is wrong, when it is not XML.
pub fn lines(document: &[u8]) -> Result<String, String> {
    let mut reader = Reader::from_reader(document);
    let mut lines = String::new();
    let (mut is_text, mut fallbacks) = (false, 0_usize);
    loop {
        let event = reader.read_event().map_err(|error| format!("is damaged ({error})"))?;
        match &event {
            Event::Eof => return Ok(lines),
            // What an older Word would show instead of the choice before it.
            Event::Start(tag) if tag.name().as_ref() == "mc:Fallback" => fallbacks += 1,
            Event::End(tag) if tag.name().as_ref() == "mc:Fallback" => fallbacks = fallbacks.saturating_sub(1),
            _ if fallbacks > 0 => {}
            Event::Start(tag) if tag.name().as_ref() == "w:t" => is_text = true,
            Event::End(tag) if tag.name().as_ref() == "w:t" => is_text = false,
            Event::End(tag) if tag.name().as_ref() == "w:p" => lines.push('\n'),
            Event::Empty(tag) if matches!(tag.name().as_ref(), "w:tab" | "w:br" | "w:cr") => lines.push(' '),
            Event::Text(text) if is_text => lines.push_str(&one_line(text)),
            Event::GeneralRef(name) if is_text => lines.push_str(&character(name)),
            Event::CData(text) if is_text => lines.push_str(&one_line(text)),
            _ => {}
        }
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n', '\t'], " ")
}

/// The character that `&name;` or `&#number;` stands for.
fn character(name: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(character)) = name.resolve_char_ref() {
        return one_line(&character.to_string());
    }
    quick_xml::escape::resolve_predefined_entity(name).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_lines() {
        let document = "<w:document><w:body><w:p><w:r><w:t>Fish &amp; chips</w:t><w:tab/><w:t xml:space=\"preserve\"> cold&#33;\
             </w:t></w:r></w:p><w:tbl><w:tc><w:p><w:t>cell</w:t><w:delText>gone</w:delText></w:p></w:tc></w:tbl>\
             <mc:Choice><w:p><w:t>box</w:t></w:p></mc:Choice><mc:Fallback><w:p><w:t>box</w:t></w:p></mc:Fallback>\
             </w:body></w:document>";
        assert_eq!(lines(document.as_bytes()).expect("XML"), "Fish & chips  cold!\ncell\nbox\n");
        assert!(lines(b"<w:p><w:t>open</w:r>").is_err());
    }
}
