//! Shortens the names under which a module imports the functions of its glue. wasm-bindgen ends each
//! name with a hash, which does not compress and stands in both files.

/// A module and its glue with short names.
pub struct Shortened {
    /// The module.
    pub module: Vec<u8>,
    /// Its JavaScript.
    pub glue: String,
}

/// Id of the import section (WebAssembly core specification, section 5.5.5).
const IMPORT_SECTION: u8 = 2;

/// Magic number and version.
const HEADER_BYTES: usize = 8;

/// Replaces the name of each imported function by its place among the imports.
///
/// # Panics
/// Panics if the module is damaged.
pub fn shorten(module: &[u8], glue: &str) -> Shortened {
    let names: Vec<String> = names(module);
    let mut glue = glue.to_string();
    let mut bytes = module[..HEADER_BYTES].to_vec();
    let mut rest = &module[HEADER_BYTES..];
    while let Some((&id, after)) = rest.split_first() {
        let (size, content) = number(after);
        let (content, next) = content.split_at(size);
        let content = match id {
            IMPORT_SECTION => renamed(content, &names),
            _ => content.to_vec(),
        };
        bytes.push(id);
        push_number(&mut bytes, content.len());
        bytes.extend(content);
        rest = next;
    }
    for (place, name) in names.iter().enumerate() {
        // Each name is a key of one object.
        glue = glue.replace(&format!("{name}: "), &format!("{}: ", short(place)));
    }
    Shortened {
        module: bytes,
        glue,
    }
}

fn short(place: usize) -> String {
    format!("_{place}")
}

fn names(module: &[u8]) -> Vec<String> {
    let payloads = wasmparser::Parser::new(0).parse_all(module);
    let mut names = Vec::new();
    for payload in payloads {
        if let wasmparser::Payload::ImportSection(reader) = payload.expect("a sound module") {
            for import in reader.into_imports() {
                names.push(import.expect("a sound module").name.to_string());
            }
        }
    }
    names
}

/// Returns the import section with short names.
fn renamed(section: &[u8], names: &[String]) -> Vec<u8> {
    let (count, mut rest) = number(section);
    assert_eq!(count, names.len(), "one name for each import");
    let mut bytes = Vec::new();
    push_number(&mut bytes, count);
    for (place, name) in names.iter().enumerate() {
        let (size, after) = number(rest);
        let (module, after) = after.split_at(size);
        push_number(&mut bytes, size);
        bytes.extend(module);
        let (size, after) = number(after);
        let (found, after) = after.split_at(size);
        assert_eq!(found, name.as_bytes(), "imports are in order");
        let short = short(place);
        push_number(&mut bytes, short.len());
        bytes.extend(short.as_bytes());
        // A function: its kind and its type.
        let (_, next) = number(&after[1..]);
        bytes.extend(&after[..after.len() - next.len()]);
        rest = next;
    }
    bytes
}

/// Reads an unsigned LEB128 number; returns it with the bytes after it.
fn number(bytes: &[u8]) -> (usize, &[u8]) {
    let (mut value, mut shift) = (0, 0);
    for (place, byte) in bytes.iter().enumerate() {
        value |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return (value, &bytes[place + 1..]);
        }
    }
    panic!("the module ends within a number");
}

fn push_number(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with two imported functions and one type.
    fn module() -> Vec<u8> {
        let mut bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0".to_vec();
        let mut imports = vec![2];
        for name in ["__wbg_now_1234567890abcdef", "__wbg_log_fedcba0987654321"] {
            imports.push(3);
            imports.extend(b"./p");
            imports.push(name.len() as u8);
            imports.extend(name.as_bytes());
            imports.extend([0, 0]);
        }
        bytes.push(IMPORT_SECTION);
        bytes.push(imports.len() as u8);
        bytes.extend(imports);
        bytes
    }

    #[test]
    fn names_are_replaced_in_both_files() {
        let glue = "{ __wbg_now_1234567890abcdef: function() {}, __wbg_log_fedcba0987654321: f, };";
        let Shortened { module, glue } = shorten(&module(), glue);
        assert_eq!(names(&module), ["_0", "_1"]);
        assert_eq!(glue, "{ _0: function() {}, _1: f, };");
        wasmparser::validate(&module).expect("a valid module");
    }
}
