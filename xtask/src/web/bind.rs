//! A compiled module to what a browser loads: wasm-bindgen writes the JavaScript that imports it, wasm-opt shrinks it.
//! wasm-bindgen is a library here, so that its version is the one that the module was compiled against.

use super::stamp::{digest, unless_done};
use super::{Binary, constructors};
use crate::error::Error;
use crate::project::Project;
use crate::setup;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wasm_bindgen_cli_support::Bindgen;

/// Part of each stamp: raise it when this file changes what it makes.
const RECIPE: &[u8] = b"2";

/// What rustc emits and every browser with WebGPU reads; no more, so that wasm-opt adds nothing that only some read.
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

/// Writes `NAME.js` and `NAME_bg.wasm` into a folder beside the module, and says which.
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
        // Whoever starts a module need not know where its wasm lies: beside its JavaScript.
        bindgen.omit_default_module_path(false);
        bindgen.web(true).map_err(|error| failed(&error))?;
        bindgen.generate(folder).map_err(|error| failed(&error))
    })
}

/// Copies a bound folder and shrinks the module in the copy; says where the copy is.
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
        Ok(())
    })
}
