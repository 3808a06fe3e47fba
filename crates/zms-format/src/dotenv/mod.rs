//! Dotenv: one reader, two writers.
//!
//! There is no standard, only readers. ZMS reads as npm dotenv does where npm dotenv gives an
//! answer a person can have meant, and refuses the rest by line; see `docs/dotenv.md`.

mod blank;
mod error;
mod npm;
mod parse;
mod python;

pub use error::ParseError;
pub(crate) use npm::push as push_npm;
pub use parse::parse_dotenv;
pub(crate) use python::push as push_python;
