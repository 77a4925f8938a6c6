//! Modules that are compiled for wasm only must not contain tests: nothing would run them.

use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn wasm_only_modules_have_no_tests() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let library = std::fs::read_to_string(sources.join("lib.rs")).expect("the library");
    let (_, browser) = library
        .split_once("#[cfg(target_arch = \"wasm32\")]")
        .expect("modules of the browser");
    let modules = browser.lines().filter_map(|line| {
        line.trim_start_matches("pub ")
            .strip_prefix("mod ")?
            .strip_suffix(';')
    });
    let modules: Vec<&str> = modules.collect();
    assert!(modules.contains(&"panels"), "{modules:?}");
    let is_wasm_only = |path: &Path| {
        let path = path
            .strip_prefix(&sources)
            .expect("a source")
            .with_extension("");
        modules.iter().any(|module| path.starts_with(module))
    };
    let tested: Vec<PathBuf> = files(&sources)
        .into_iter()
        .filter(|path| is_wasm_only(path))
        .filter(|path| {
            std::fs::read_to_string(path)
                .expect("text")
                .contains("#[test]")
        })
        .collect();
    assert!(tested.is_empty(), "{tested:?}");
}
