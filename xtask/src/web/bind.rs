//! Turns a compiled module into what a browser loads: wasm-bindgen generates the JavaScript
//! bindings, wasm-opt shrinks the module. wasm-bindgen is used as a library, so that its version
//! matches the one that the module was compiled against.

use super::binary::Binary;
use super::constructors;
use super::imports;
use super::stamp::{digest, unless_done};
use crate::error::Error;
use crate::project::Project;
use crate::setup;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wasm_bindgen_cli_support::Bindgen;

/// Version of this stage, part of each stamp: increase it when the output of this file changes.
const RECIPE: &[u8] = b"3";

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

/// Generates `NAME.js` and `NAME_bg.wasm` in a folder beside the module, and returns that folder.
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
        let mut bindgen = Bindgen::new();
        bindgen
            .input_path(module)
            .out_name(binary.name)
            .typescript(false);
        bindgen
            .remove_name_section(true)
            .remove_producers_section(true);
        // The module's JavaScript locates its wasm file by itself, so that callers need not know
        // the path.
        bindgen.omit_default_module_path(false);
        bindgen.web(true).map_err(|error| failed(&error))?;
        bindgen.generate(folder).map_err(|error| failed(&error))
    })
}

/// Copies a bound folder, shrinks the module in the copy, and returns the copy.
pub fn shrink(project: &Project, bound: &Path, binary: &Binary) -> Result<PathBuf, Error> {
    let name = format!("{}_bg.wasm", binary.name);
    let bytes =
        std::fs::read(bound.join(&name)).map_err(Error::file("read", &bound.join(&name)))?;
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
        let optimiser = setup::wasm_opt(project)
            .args(binary.optimise)
            .args(WASM_FEATURES);
        optimiser
            .args(["--strip-debug", "--strip-producers", "-o"])
            .args([folder.join(&name), bound.join(&name)])
            .run()?;
        eprintln!("xtask: shrunk in {:.0} s", begin.elapsed().as_secs_f64());
        let [module, script] = [name, format!("{}.js", binary.name)].map(|name| folder.join(name));
        let bytes = std::fs::read(&module).map_err(Error::file("read", &module))?;
        let text = std::fs::read_to_string(&script).map_err(Error::file("read", &script))?;
        let short = imports::shorten(&bytes, &text);
        std::fs::write(&module, short.module).map_err(Error::file("write", &module))?;
        std::fs::write(&script, short.glue).map_err(Error::file("write", &script))
    })
}
