//! Queries and headers of requests: `just fuzz`.
#![no_main]

#[path = "../bodies/requests.rs"]
mod requests;

libfuzzer_sys::fuzz_target!(|data: &[u8]| requests::fuzz_requests(data));
