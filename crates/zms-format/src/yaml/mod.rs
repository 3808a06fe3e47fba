//! YAML: one mapping of names to scalars (YAML 1.2, refused where 1.1 differs).

mod binary;
mod error;
mod read;
mod tree;
mod write;

pub use error::YamlError;
pub use read::parse_yaml;
pub(crate) use tree::tree;
pub(crate) use write::push_pair;
