//! One file per command: its arguments, then `run`.

pub mod allow;
pub mod completions;
pub mod diff;
pub mod env;
pub mod export;
pub mod exposure;
pub mod get;
pub mod help;
pub mod history;
pub mod import;
pub mod init;
pub mod log;
pub mod ls;
pub mod man;
mod past;
pub mod project;
pub mod reset;
pub mod rm;
pub mod rollback;
pub mod run;
pub mod service;
pub mod set;
pub mod status;
mod structure;
pub mod token;
pub mod undo;
pub mod use_place;
