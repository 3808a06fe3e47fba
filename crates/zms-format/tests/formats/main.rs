//! The text formats and their real readers.
#![expect(clippy::unwrap_used, reason = "a test fails where it can not go on")]
#![expect(clippy::disallowed_methods, reason = "tests own their scratch files")]

mod actions;
mod corpus;
mod docker;
mod dotenv_corpus;
mod export_corpus;
mod fuzz;
mod kubernetes;
mod powershell;
mod random;
mod readers;
mod real_readers;
mod refusals;
mod round_trip;
mod shells;
mod systemd;
mod table_corpus;
mod table_readers;
mod terraform;
mod written;
