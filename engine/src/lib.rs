//! The engine of Clozelab, everything between text and weights, in four layers:
//! `data -> model -> train -> session`. Two thin hosts, a Web Worker and a command line, drive the
//! same [`session::Session`].
#![recursion_limit = "256"]

pub use data;
pub mod device;
pub mod error;
pub mod interop;
pub mod kernels;
pub mod linear;
pub mod model;
#[cfg(feature = "native")]
pub mod native;
pub mod session;
pub mod train;
#[cfg(all(feature = "worker", target_arch = "wasm32"))]
pub mod web;
