//! `zms`: ends plaintext `.env` files.
#![cfg_attr(not(test), no_main)]

mod agent;
mod allowed;
mod audit_file;
mod bundle_file;
mod child;
mod cli;
mod commands;
mod credentials;
mod environment;
mod exit;
mod expiry;
mod files;
mod generate;
mod heap;
mod home;
mod hygiene;
mod last_backup;
mod master_key;
mod output;
mod personal;
mod place;
mod prompt;
mod registration;
mod relocate;
mod renewal;
mod server;
mod session;
mod settings;
mod shares;
mod supervise;

use std::{
    ffi::{c_char, c_int},
    panic, process,
};

/// Exit code of a defect, as Rust's runtime has it.
const PANICKED: c_int = 101;

#[cfg(not(target_env = "gnu"))]
compile_error!("where its runtime does not begin, Rust knows the arguments with glibc only");

/// The C library calls this, not Rust's runtime: that one reads the map of the process for a message
/// about overflown stacks, and ignores SIGPIPE, which a program that `run` starts would inherit.
/// It takes 0.08 ms, as much as opening twenty secrets; without it a stack that overflows is a bare SIGSEGV. What it did for us, [`hygiene::harden`] does.
#[cfg_attr(not(test), expect(unsafe_code, reason = "the symbol that the C library calls"))]
#[cfg_attr(not(test), unsafe(no_mangle))]
pub extern "C" fn main(_: c_int, _: *const *const c_char) -> c_int {
    process::exit(panic::catch_unwind(act).unwrap_or(PANICKED))
}

fn act() -> c_int {
    heap::grow_in_steps();
    let inherited = hygiene::harden();
    match cli::run(&inherited) {
        Ok(()) => 0,
        Err(failure) => {
            output::fail(&failure);
            failure.exit as c_int
        }
    }
}
