//! TOML: one table of strings, numbers, booleans and dates (TOML 1.1, written as 1.0).

mod error;
mod read;
mod write;

pub use error::TomlError;
pub use read::parse_toml;
pub(crate) use write::push_pair;
