//! `zms allow`.

use std::path::PathBuf;

use crate::{allowed, exit::Outcome, session::Context};

/// Trust the ZMS_TOKEN in a `.env` file of this folder, as the file is now
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms allow                 the .env of this folder
  zms allow .env.local

Only `zms run` uses such a token, only the key ZMS_TOKEN is ever read from the file, and a change
of the file ends the trust.")]
pub struct Args {
    /// The file
    #[arg(default_value = ".env")]
    file: PathBuf,
}

/// Notes the consent.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let path = allowed::allow(&context.home()?, &args.file)?;
    context.output.note(format!("{} may name the token of `zms run`", path.display()));
    Ok(())
}
