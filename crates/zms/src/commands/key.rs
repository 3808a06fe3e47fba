//! `zms key`.

mod combine;
mod drill;
pub mod protect;
mod rotate;
mod split;
mod status;
mod verify_share;

use clap::Subcommand;

use crate::{exit::Outcome, session::Context};

/// What can be done with the master key.
#[derive(Subcommand)]
pub enum Command {
    Status(status::Args),
    Rotate(rotate::Args),
    Protect(protect::Args),
    Split(split::Args),
    Combine(combine::Args),
    VerifyShare(verify_share::Args),
    Drill(drill::Args),
}

/// Runs the subcommand.
pub fn run(context: &Context, command: &Command) -> Outcome {
    match command {
        Command::Status(args) => status::run(context, args),
        Command::Rotate(args) => rotate::run(context, args),
        Command::Protect(args) => protect::run(context, args),
        Command::Split(args) => split::run(context, args),
        Command::Combine(args) => combine::run(context, args),
        Command::VerifyShare(args) => verify_share::run(context, args),
        Command::Drill(args) => drill::run(context, args),
    }
}
