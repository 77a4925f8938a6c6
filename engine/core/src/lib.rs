//! The engine of Clozelab, everything between text and weights, in four layers:
//! `data -> model -> train -> session`. Two thin hosts, `engine/worker` and `engine/cli`, drive the
//! same [`session::Session`].
#![recursion_limit = "256"]

pub use data;
pub mod device;
pub mod error;
pub mod interop;
pub mod kernels;
pub mod launches;
pub mod linear;
pub mod model;
pub mod session;
pub mod train;
