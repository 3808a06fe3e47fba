//! The embedded store: its contract, and what only files and processes can show.
#![expect(clippy::disallowed_methods, reason = "tests own their scratch files and children")]

mod concurrent;
mod contract;
mod durable;
mod files;
#[cfg(target_os = "linux")]
mod read_only;
mod tamper;
