//! Every importer on any text: `cargo +nightly fuzz run import`.
#![no_main]

#[path = "../bodies/import.rs"]
mod import;

libfuzzer_sys::fuzz_target!(|data: &[u8]| import::fuzz_import(data));
