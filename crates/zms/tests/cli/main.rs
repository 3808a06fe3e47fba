//! How the command behaves beside its words: files, other processes, terminals, and whoever
//! means ill. Its words are in `tests/cmd`.
#![expect(clippy::disallowed_methods, reason = "tests own their scratch files")]
#![expect(clippy::unwrap_used, reason = "a test that can not be set up fails where it stands")]

mod admin;
mod audit;
mod backup;
mod bundle;
mod completions;
mod database;
mod doctor;
mod edit;
mod everyday;
mod files;
mod folder;
mod frozen;
mod import;
mod init;
mod machine;
mod progress;
mod prompts;
mod read_only;
mod revoke;
mod shares;
mod tables;
mod terminal;
mod token;
mod unlock;
mod values;
