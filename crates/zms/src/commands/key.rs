//! `zms key`.

mod protect;
mod rotate;
mod status;

use clap::Subcommand;

use crate::{exit::Outcome, session::Context};

/// What can be done with the master key.
#[derive(Subcommand)]
pub enum Command {
    Status(status::Args),
    Rotate(rotate::Args),
    Protect(protect::Args),
}

/// Runs the subcommand.
pub fn run(context: &Context, command: &Command) -> Outcome {
    match command {
        Command::Status(args) => status::run(context, args),
        Command::Rotate(args) => rotate::run(context, args),
        Command::Protect(args) => protect::run(context, args),
    }
}
