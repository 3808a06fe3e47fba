//! `zms`: ends plaintext `.env` files.

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

use std::process::ExitCode;

fn main() -> ExitCode {
    let inherited = hygiene::harden();
    match cli::run(&inherited) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::fail(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}
