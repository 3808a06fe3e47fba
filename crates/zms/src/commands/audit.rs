//! `zms audit`.

mod checkpoint;
mod list;
mod show;
mod verify;
mod when;

use clap::Subcommand;

use crate::{
    exit::{Failure, Outcome},
    session::Context,
};

/// List who read and changed what, newest last; verify it; sign a checkpoint over it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms audit --since 1h
  zms audit -e production --token ci
  zms audit --key DATABASE_URL --since 2026-01-01
  zms audit verify
  zms audit checkpoint --out audit-2026-01.note
Entries hold ids, never names or values: names are filled in from what your key opens. A token
sees its own entries only.")]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: list::Args,
}

#[derive(Subcommand)]
enum Command {
    Verify(verify::Args),
    Checkpoint(checkpoint::Args),
}

/// Runs the subcommand, or lists.
pub fn run(context: &Context, args: &Args) -> Outcome {
    if args.command.is_some() && args.list != list::Args::default() {
        return Err(Failure::usage("what is listed can be chosen, not what is verified or signed")
            .hint("leave the options in front of `verify` and `checkpoint` out"));
    }
    match &args.command {
        None => list::run(context, &args.list),
        Some(Command::Verify(args)) => verify::run(context, args),
        Some(Command::Checkpoint(args)) => checkpoint::run(context, args),
    }
}
