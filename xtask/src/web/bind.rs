//! Turns a compiled module into what a browser loads: the parts that are loaded later become modules
//! of their own, wasm-bindgen generates the JavaScript bindings, wasm-opt shrinks each module.
//! wasm-bindgen is used as a library, so that its version matches the one that the module was
//! compiled against.

use super::binary::Binary;
use super::constructors;
use super::imports;
use super::size::files;
use super::stamp::{digest, remove, unless_done};
use crate::error::Error;
use crate::project::Project;
use crate::setup;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wasm_bindgen_cli_support::Bindgen;

/// Version of this stage, part of each stamp: increase it when the output of this file changes.
const RECIPE: &[u8] = b"4";

/// Features that rustc emits and every browser with WebGPU supports; no others, so that wasm-opt
/// adds nothing with less support.
const WASM_FEATURES: [&str; 9] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

/// Generates `NAME.js`, `NAME_bg.wasm` and the modules that are loaded later in a folder beside the
/// module, and returns that folder.
pub fn bind(module: &Path, binary: &Binary) -> Result<PathBuf, Error> {
    let bytes = std::fs::read(module).map_err(Error::file("read", module))?;
    if constructors::run_on_every_call(&bytes) {
        return Err(Error::Command {
            module: module.into(),
        });
    }
    let input = digest(&[RECIPE, binary.name.as_bytes(), &bytes]);
    unless_done(&module.with_file_name("bound"), &input, |folder| {
        let failed = |error: &dyn std::fmt::Display| Error::Bindgen {
            module: module.into(),
            message: format!("{error:#}"),
        };
        let input = if binary.is_split {
            split(&bytes, binary, folder).map_err(|error| failed(&error))?
        } else {
            module.into()
        };
        let mut bindgen = Bindgen::new();
        bindgen
            .input_path(&input)
            // The later modules use the table, the memory and the globals of the first one.
            .keep_lld_exports(binary.is_split)
            .out_name(binary.name)
            .typescript(false);
        bindgen
            .remove_name_section(true)
            .remove_producers_section(true);
        // The module's JavaScript locates its wasm file by itself, so that callers need not know
        // the path.
        bindgen.omit_default_module_path(false);
        bindgen.web(true).map_err(|error| failed(&error))?;
        bindgen.generate(folder).map_err(|error| failed(&error))?;
        if binary.is_split {
            remove(&input)?;
        }
        Ok(())
    })
}

/// Moves the functions marked with `wasm_split`, and what only they use, to modules of their own in
/// `folder`, with the script that loads them. Returns the path of what is left.
///
/// The names of the script and the modules contain the digest of the whole: parts of different builds
/// would read each other's memory wrongly, and this way they cannot be loaded together.
fn split(bytes: &[u8], binary: &Binary, folder: &Path) -> eyre::Result<PathBuf> {
    let rest = folder.join("rest.wasm");
    let build = &digest(&[bytes])[..16];
    let (script, loader) = (
        format!("./{}.js", binary.name),
        format!("./later-{build}.js"),
    );
    let mut options = wasm_split_cli_support::Options::new(bytes);
    options.output_dir = folder;
    options.main_out_path = &rest;
    options.main_module = &script;
    options.link_name = &loader;
    let parts = wasm_split_cli_support::transform(options)?.split_modules;
    let loader = folder.join(&loader);
    let mut text = std::fs::read_to_string(&loader)?;
    for part in parts {
        let stem = part.file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{stem}-{build}");
        let old = format!("./{stem}.wasm");
        eyre::ensure!(text.contains(&old), "the loader does not load {old}");
        text = text.replace(&old, &format!("./{name}.wasm"));
        std::fs::rename(&part, folder.join(format!("{name}.wasm")))?;
    }
    // The page reports a failure itself, and leaving it while it loads is none.
    std::fs::write(&loader, text.replace("console.error(e);", ""))?;
    Ok(rest)
}

/// Returns the modules of a bound folder.
fn modules(bound: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = files(bound)?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "wasm"));
    Ok(files)
}

/// Copies a bound folder, shrinks the modules in the copy, and returns the copy.
pub fn shrink(project: &Project, bound: &Path, binary: &Binary) -> Result<PathBuf, Error> {
    let name = format!("{}_bg.wasm", binary.name);
    let read = |path: &PathBuf| std::fs::read(path).map_err(Error::file("read", path));
    let bytes: Vec<Vec<u8>> = modules(bound)?.iter().map(read).collect::<Result<_, _>>()?;
    let bytes = bytes.concat();
    let flags =
        [&binary.optimise.join(" "), &WASM_FEATURES.join(" ")].map(|text| text.as_bytes().to_vec());
    let glue = std::fs::read(bound.join(format!("{}.js", binary.name))).unwrap_or_default();
    let input = digest(&[RECIPE, &flags[0], &flags[1], &bytes, &glue]);
    unless_done(&bound.with_file_name("shrunk"), &input, |folder| {
        super::site::copy_folder(bound, folder)?;
        let begin = Instant::now();
        eprintln!(
            "xtask: shrinking the {} with wasm-opt, {} kB",
            binary.name,
            bytes.len() / 1000
        );
        for module in modules(bound)? {
            setup::wasm_opt(project)
                .args(binary.optimise)
                .args(WASM_FEATURES)
                .args(["--strip-debug", "--strip-producers", "-o"])
                .args([folder.join(module.file_name().unwrap_or_default()), module])
                .run()?;
        }
        eprintln!("xtask: shrunk in {:.0} s", begin.elapsed().as_secs_f64());
        let [module, script] = [name, format!("{}.js", binary.name)].map(|name| folder.join(name));
        let bytes = std::fs::read(&module).map_err(Error::file("read", &module))?;
        let text = std::fs::read_to_string(&script).map_err(Error::file("read", &script))?;
        let short = imports::shorten(&bytes, &text);
        std::fs::write(&module, short.module).map_err(Error::file("write", &module))?;
        std::fs::write(&script, short.glue).map_err(Error::file("write", &script))
    })
}
