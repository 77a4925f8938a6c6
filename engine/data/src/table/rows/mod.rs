//! Rows of tables and JSON objects, with the position of each cell in the file.

pub(crate) mod objects;
pub(crate) mod places;
pub(crate) mod relaxed;
pub(crate) mod row;
pub(crate) mod scanner;
pub(crate) mod separated;
