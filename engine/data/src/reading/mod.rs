//! Files to rows: bytes, their encoding, and the readers of lines and tables.

pub mod byte_source;
pub(crate) mod encoding;
pub(crate) mod file;
pub(crate) mod lines;
pub(crate) mod reader;
pub(crate) mod warning;
