//! Bundles and commits: `just fuzz`.
#![no_main]

#[path = "../bodies/bundles.rs"]
mod bundles;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bundles::fuzz_bundles(data));
