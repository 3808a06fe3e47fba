//! `zms bundle`.

mod create;
mod inspect;
mod verify;

use std::path::Path;

use clap::Subcommand;

use crate::{
    bundle_file::Carried,
    exit::Outcome,
    session::{Acting, Context},
};

/// Make one sealed file that tokens read from without the vault; check and show one
#[derive(Subcommand)]
pub enum Command {
    Create(create::Args),
    Verify(verify::Args),
    Inspect(inspect::Args),
}

/// Runs the subcommand.
pub fn run(context: &Context, command: &Command) -> Outcome {
    match command {
        Command::Create(args) => create::run(context, args),
        Command::Verify(args) => verify::run(context, args),
        Command::Inspect(args) => inspect::run(context, args),
    }
}

/// As the token that is named, on a bundle; `None` where no token is.
pub fn as_token(context: &Context, file: &Path) -> Outcome<Option<Acting>> {
    context.act_as_token(&Carried::of(file))
}

/// A size as people read it.
fn kib(bytes: usize) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
