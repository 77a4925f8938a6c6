//! Shortens the names under which a module imports the functions of its glue. wasm-bindgen ends each
//! name with a hash, which does not compress and stands in both files.

use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{ImportSection, Module};
use wasmparser::{ImportSectionReader, Parser};

/// A module and its glue with short names.
pub struct Shortened {
    /// The module.
    pub module: Vec<u8>,
    /// Its JavaScript.
    pub glue: String,
}

/// Replaces the name of each function that the module imports from its glue by its place among the
/// imports.
///
/// # Panics
/// Panics if the module is damaged.
pub fn shorten(module: &[u8], glue: &str) -> Shortened {
    let mut names = Names {
        glue,
        replaced: Vec::new(),
    };
    let mut short_module = Module::new();
    names
        .parse_core_module(&mut short_module, Parser::new(0), module)
        .expect("wasm-opt writes a sound module");
    let mut glue = glue.to_string();
    for (place, name) in names.replaced.iter().enumerate() {
        glue = glue.replace(&key(name), &key(&short(place)));
    }
    Shortened {
        module: short_module.finish(),
        glue,
    }
}

fn short(place: usize) -> String {
    format!("_{place}")
}

/// Returns how the glue defines a function: each name is a key of one object, after a blank.
fn key(name: &str) -> String {
    format!(" {name}: ")
}

/// The names of the functions that the glue defines.
struct Names<'a> {
    glue: &'a str,
    /// Those that were replaced, in the order of the imports.
    replaced: Vec<String>,
}

impl Reencode for Names<'_> {
    type Error = Infallible;

    fn parse_import_section(
        &mut self,
        imports: &mut ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error<Infallible>> {
        for import in section.into_imports() {
            let import = import?;
            let kind = self.entity_type(import.ty)?;
            if self.glue.contains(&key(import.name)) {
                imports.import(import.module, &short(self.replaced.len()), kind);
                self.replaced.push(import.name.into());
            } else {
                // Another script defines it.
                imports.import(import.module, import.name, kind);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{EntityType, TypeSection};

    fn module(names: &[&str]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        for name in names {
            imports.import("./page_bg.js", name, EntityType::Function(0));
        }
        let mut module = Module::new();
        module.section(&types).section(&imports);
        module.finish()
    }

    #[test]
    fn names_are_replaced_in_both_files() {
        let names = [
            "__wbg_now_1234567890abcdef",
            "__wbg_log_fedcba0987654321",
            "load",
        ];
        let glue = "{ __wbg_now_1234567890abcdef: function() {}, __wbg_log_fedcba0987654321: f, };";
        let shortened = shorten(&module(&names), glue);
        assert_eq!(shortened.module, module(&["_0", "_1", "load"]));
        assert_eq!(shortened.glue, "{ _0: function() {}, _1: f, };");
    }
}
