//! `zms bundle`.

mod create;
mod inspect;
mod verify;

use std::path::Path;

use clap::Subcommand;
use zms_client::SessionError;
use zms_core::bundle::{Packed, check::check};

use crate::{
    bundle_file::{self, Carried, explain},
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

/// Reads a bundle file, and checks what anybody can.
pub fn whole(file: &Path) -> Outcome<Packed> {
    let packed = bundle_file::read(file)?;
    check(&packed).map_err(SessionError::from)?;
    Ok(packed)
}

/// Checks all that the token that is named opens in a bundle; how many secrets that are. `None` where
/// no token is.
pub fn opened(context: &Context, file: &Path) -> Outcome<Option<(Acting, usize)>> {
    let Some(mut acting) = as_token(context, file)? else { return Ok(None) };
    let opened = acting.session.survey(None, |_, _| Some(())).map_err(explain)?;
    Ok(Some((acting, opened.len())))
}

/// As the token that is named, on a bundle; `None` where no token is.
fn as_token(context: &Context, file: &Path) -> Outcome<Option<Acting>> {
    context.act_as_token(&Carried::of(file))
}

/// A size as people read it.
fn kib(bytes: usize) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}
