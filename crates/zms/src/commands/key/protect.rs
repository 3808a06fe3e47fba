//! `zms key protect`.

use zms_core::key_file::KeyFile;

use crate::{
    credentials,
    exit::{Exit, Failure, Outcome},
    home::{read_private, replace_private, trouble},
    master_key::{Protect, Seal},
    session::Context,
};

/// Change how the master key file is protected; the key stays the same
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms key protect passphrase   asks for a new one, twice
  zms key protect none

The new file is opened once before it takes the place of the old one, in one step. Copies of the old
file stay as they are: remove them, or replace the key with `zms key rotate`.")]
pub struct Args {
    /// How it is protected from now on
    #[arg(value_enum)]
    protection: Protect,
}

/// Seals the same seed anew.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home()?;
    let path = home.key();
    let owner = credentials::owner(&home)?;
    let seal = Seal::ask(args.protection)?;
    let _lock = home.lock()?;
    let text = read_private(&path, Exit::Integrity)?;
    let file = text.as_deref().and_then(|text| KeyFile::parse(text).ok());
    let file = file.filter(|file| file.principal() == owner.principal.id());
    let vault = file.map(|file| file.vault()).ok_or_else(|| {
        Failure::new(Exit::Integrity, format!("{} was changed meanwhile", path.display()))
    })?;
    let text = seal.seal(&owner.principal, vault)?;
    replace_private(&path, &text)
        .map_err(|error| trouble(&error, format!("{} can not be replaced", path.display())))?;
    let how = match args.protection {
        Protect::None => "by its mode alone: only you can read it",
        Protect::Passphrase => "by the new passphrase",
    };
    if context.output.json {
        return context.output.json(serde_json::json!({
            "file": path.display().to_string(), "protection": credentials::protection(&home),
        }));
    }
    context.output.note(format!("{} is protected {how}", path.display()));
    Ok(())
}
