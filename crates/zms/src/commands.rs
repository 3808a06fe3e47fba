//! One file per command: its arguments, then `run`.

pub mod allow;
pub mod completions;
pub mod env;
pub mod export;
pub mod get;
pub mod help;
pub mod import;
pub mod init;
pub mod ls;
pub mod man;
pub mod project;
pub mod reset;
pub mod rm;
pub mod run;
pub mod service;
pub mod set;
pub mod status;
mod structure;
pub mod token;
pub mod use_place;
