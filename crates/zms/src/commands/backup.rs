//! `zms backup`.

mod make;
mod unpack;
mod verify;

use std::path::PathBuf;

use clap::Subcommand;

pub use self::{
    make::make,
    unpack::{DATABASE, Unpacked, unpack},
};
use crate::{exit::Outcome, session::Context};

/// Copy the whole vault into one encrypted file, or verify such a file
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  zms backup /media/usb/zms-2026-01-31.backup
  zms backup verify /media/usb/zms-2026-01-31.backup
  zms restore /media/usb/zms-2026-01-31.backup

The file holds everything: secrets, their past, tokens, the audit. It opens with the master key,
or with the token of an administrator, as they were when it was made; the key itself is not in it.
It can be made while others use the vault. Before it gets its name, the copy is proven as
`zms doctor` does, and the file is read back."
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// New file to write
    #[arg(required = true, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    Verify(verify::Args),
}

/// Verifies, or makes one.
pub fn run(context: &Context, args: &Args) -> Outcome {
    match (&args.command, &args.file) {
        (Some(Command::Verify(args)), _) => verify::run(context, args),
        (None, Some(file)) => make::run(context, file),
        (None, None) => unreachable!("clap asks for one of them"),
    }
}
