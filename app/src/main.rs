//! The page's wasm binary: hands over to [`context::page`]. No logic.

#[cfg(target_arch = "wasm32")]
fn main() {
    context::page::mount();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("The page runs in a browser: build it with `cargo xtask build`.");
    std::process::exit(2);
}
