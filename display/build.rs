//! Generates the list of languages from the catalogues in `public/languages`, so that a language is
//! one file: each states its own name and writing direction under `language`.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let folder = manifest.join("../public/languages");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut catalogues: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    catalogues.sort();
    let languages: String = catalogues.iter().map(|path| language(path)).collect();
    let count = catalogues.len() + 1;
    let list = format!("[Language; {count}] = [\n    SOURCE,\n{languages}]");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let code = format!(
        "/// All supported languages. The first is the language of the source and has no catalogue.\n\
         pub const LANGUAGES: {list};\n"
    );
    fs::write(out.join("languages.rs"), code).expect("a writable output folder");
}

/// Returns the Rust literal of a catalogue's language.
fn language(path: &Path) -> String {
    let tag = path.file_stem().expect("a file name").to_string_lossy();
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let catalogue: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let value = |key: &str| {
        let value = catalogue["language"][key].as_str();
        value.unwrap_or_else(|| panic!("{}: no \"language\".\"{key}\"", path.display()))
    };
    format!(
        "    Language {{ tag: {tag:?}, name: {:?}, direction: {:?} }},\n",
        value("name"),
        value("direction")
    )
}
