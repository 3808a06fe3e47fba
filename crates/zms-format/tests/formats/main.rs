//! The text formats and their real readers.
#![expect(clippy::unwrap_used, reason = "a test fails where it can not go on")]
#![expect(clippy::disallowed_methods, reason = "tests own their scratch files")]

mod corpus;
mod dotenv_corpus;
mod random;
mod readers;
mod real_readers;
mod refusals;
mod round_trip;
mod table_corpus;
mod table_readers;
