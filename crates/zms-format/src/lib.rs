//! Text formats in and out of the vault: dotenv, JSON, YAML, TOML; shells, Docker, systemd,
//! Kubernetes, Terraform and GitHub Actions out only, what other tools export in only.
//!
//! Pure: text in, values out, and back. Nothing here opens a file, reads a variable or runs a
//! command, and nothing inside a value is ever expanded. What a file means is decided by the
//! programs that read such files today; `docs/dotenv.md` and `docs/formats.md` have the
//! comparison, `tests/` asks the real readers.

mod docker;
mod dotenv;
mod entry;
mod fish;
mod format;
mod github;
mod import;
mod json;
mod k8s;
mod lines;
mod output;
mod powershell;
mod quoted;
mod refusal;
mod rfc3339;
mod shell;
mod systemd;
mod tfvars;
mod toml;
mod tree;
mod value;
mod yaml;

pub use dotenv::{ParseError, parse_dotenv};
pub use entry::{Entry, Note};
pub use format::{Format, write};
pub use github::github_masks;
pub use import::{
    CsvError, Expected, Import, ImportError, Imported, LeftOut, MAX_SECRETS, Syntax, Tool, import,
};
pub use json::{JsonError, Member, json_members, parse_json};
pub use k8s::Manifest;
pub use refusal::{Reason, Refusal};
pub use rfc3339::rfc3339;
pub use shell::quote as shell_quote;
pub use toml::{TomlError, parse_toml};
pub use tree::MAX_LEVELS;
pub use value::{MAX_NAME_BYTES, MAX_VALUE_BYTES, Value};
pub use yaml::{YamlError, parse_yaml};
