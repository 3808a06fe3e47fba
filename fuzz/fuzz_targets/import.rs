//! Every importer on any text: `just fuzz`.
#![no_main]

#[path = "../bodies/import.rs"]
mod import;

libfuzzer_sys::fuzz_target!(|data: &[u8]| import::fuzz_import(data));
