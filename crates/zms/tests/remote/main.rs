//! Vaults that a server keeps: the real program, a real engine, and between them whoever means ill.
#![expect(clippy::disallowed_methods, reason = "tests own their scratch files")]
#![expect(clippy::unwrap_used, reason = "a test that can not be set up fails where it stands")]

mod attacks;
#[path = "../process/mark.rs"]
#[expect(dead_code, reason = "shared with the tests of processes")]
mod mark;
mod moving;
mod people;
mod proxy;
mod runs;
#[path = "../transcripts/store.rs"]
#[expect(dead_code, reason = "the engines that are attacked here keep files")]
mod store;
mod user;
mod wire;
