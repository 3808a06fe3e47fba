//! JSON: one object of strings, numbers and booleans (RFC 8259).

mod error;
mod read;
mod string;
mod tree;
mod write;

pub use error::JsonError;
pub use read::parse_json;
pub(crate) use tree::tree;
pub use tree::{Member, json_members};
pub(crate) use write::push_member;
