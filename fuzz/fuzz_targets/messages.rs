//! Signed and sealed messages: `just fuzz`.
#![no_main]

#[path = "../bodies/messages.rs"]
mod messages;

libfuzzer_sys::fuzz_target!(|data: &[u8]| messages::fuzz_messages(data));
