//! The page's wasm binary: calls `app::page::mount`. Contains no logic.

#[cfg(target_arch = "wasm32")]
fn main() {
    app::page::mount();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("The page runs in a browser: build it with `cargo xtask build`.");
    std::process::exit(2);
}
