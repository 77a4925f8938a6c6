//! The wasm binaries of the page and how each is compiled.

/// One of the three wasm binaries.
pub struct Binary {
    /// Name in the site: `NAME.js` and `NAME_bg.wasm`.
    pub name: &'static str,
    /// Name of the crate.
    pub package: &'static str,
    /// Binary target of the crate.
    pub bin: &'static str,
    /// Features that replace the crate's default ones; empty keeps the defaults.
    pub features: &'static str,
    /// Whether parts of it are loaded later, as modules of their own.
    pub is_split: bool,
    /// Flags for rustc.
    pub rustflags: &'static str,
    /// Further settings of the release profile.
    pub profile: &'static [&'static str],
    /// Optimisation flags for wasm-opt.
    pub optimise: &'static [&'static str],
}

/// Leptos and the panels. The page is usable before the engine has loaded, so its size matters
/// most. Type erasure of views and link-time optimisation reduce it by a sixth (measured); building
/// the engine that way would take too long.
pub const PAGE: Binary = Binary {
    name: "page",
    package: "clozelab-app",
    bin: "page",
    features: "",
    is_split: true,
    // The splitter reads relocations and symbols.
    rustflags: "--cfg erase_components -C link-arg=--emit-relocs",
    // The page is never CPU-bound, so only size matters.
    profile: &[
        "profile.web.lto=\"fat\"",
        "profile.web.codegen-units=1",
        "profile.web.opt-level=\"z\"",
        "profile.web.strip=false",
    ],
    // Measured after brotli: rebuilding the control flow from scratch saves 6 kB; not inlining
    // functions with a single caller, 5 kB; each of the other passes, about 1 kB. Neither
    // `--low-memory-unused` nor `--ignore-implicit-traps`: with them the page accessed memory out of
    // bounds.
    optimise: &[
        "-Oz",
        "--licm",
        "--flatten",
        "--rereloop",
        "--simplify-locals",
        "--coalesce-locals-learning",
        "-Oz",
        "--gufa",
        "-Oz",
        "--one-caller-inline-max-function-size=15",
    ],
};

/// The engine in its worker. `simd128` makes the CPU backend fast; every browser with WebGPU
/// supports it.
pub const ENGINE: Binary = Binary {
    name: "engine",
    package: "clozelab-worker",
    bin: "worker",
    features: "gpu",
    is_split: false,
    rustflags: "-C target-feature=+simd128",
    profile: &[],
    optimise: &["-Os"],
};

/// Opens archives, workbooks and Word documents. Fetched for the first of them, which for most
/// users is never.
pub const UNPACK: Binary = Binary {
    name: "unpack",
    package: "clozelab-unpack",
    bin: "unpack",
    features: "module",
    is_split: false,
    rustflags: "",
    profile: &["profile.web.lto=\"fat\"", "profile.web.codegen-units=1"],
    optimise: &["-Os"],
};
