//! `zms key protect`.

use std::path::PathBuf;

use zms_core::key_file::{KeyFile, Protection};

use crate::{
    agent, credentials,
    exit::{Exit, Failure, Outcome},
    files,
    home::{read_private, replace_private, trouble},
    master_key::{Protect, Seal, credential, keychain},
    session::Context,
};

/// Change how the master key file is protected; the key stays the same
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  zms key protect passphrase   asks for a new one, twice
  zms key protect keychain     the session's keychain holds what opens it
  zms key protect systemd --credential zms-key
  zms key protect none

The new file is opened once before it takes the place of the old one, in one step. Copies of the
old file stay as they are: remove them, or replace the key with `zms key rotate`. An agent that
holds the key ends. How a service is given a credential is told in docs/service.md.")]
pub struct Args {
    /// How it is protected from now on
    #[arg(value_enum)]
    protection: Protect,
    /// For systemd: the file of the credential, which is made where it is not there
    #[arg(long, value_name = "FILE")]
    credential: Option<PathBuf>,
}

/// Seals the same seed anew.
pub fn run(context: &Context, args: &Args) -> Outcome {
    let home = context.home()?;
    let path = home.key();
    let owner = credentials::owner(&home)?;
    if !files::exists(&path) {
        let credential =
            if args.protection == Protect::Systemd { " --credential FILE" } else { "" };
        let failure =
            Failure::new(Exit::Locked, format!("there is no master key at {}", path.display()));
        return Err(failure.hint(format!(
            "its shares give one that is protected so: `zms key combine --protect {}{credential}{}`",
            args.protection.name(),
            home.as_typed()
        )));
    }
    let seal = Seal::ask(args.protection, args.credential.as_deref())?;
    let _lock = home.lock()?;
    let text = read_private(&path, Exit::Integrity)?;
    let old = text.as_deref().and_then(|text| KeyFile::parse(text).ok());
    let old = old.filter(|file| file.principal() == owner.principal.id()).ok_or_else(|| {
        Failure::new(Exit::Integrity, format!("{} was changed meanwhile", path.display()))
    })?;
    let text = seal.seal(&owner.principal, old.vault())?;
    replace_private(&path, &text)
        .map_err(|error| trouble(&error, format!("{} can not be replaced", path.display())))?;
    agent::lock(&home)?;
    if old.protection() == Protection::Keychain
        && let Err(failure) = keychain::forget(&old)
    {
        context.output.warn(format!("the old entry stays in the keychain: {failure}"));
    }
    if context.output.json {
        return context.output.json(serde_json::json!({
            "file": path.display().to_string(), "protection": args.protection.name(),
        }));
    }
    let how = match args.protection {
        Protect::Passphrase => "the new passphrase",
        other => other.words(),
    };
    context.output.note(format!("{} is protected by {how}", path.display()));
    if let Some(credential) = &args.credential {
        context.output.note(seal_credential(&credential.display().to_string()));
    }
    Ok(())
}

/// What is to be done with the file of a credential.
pub fn seal_credential(file: &str) -> String {
    format!(
        "Next, as root: systemd-creds encrypt --name={name} {file} \
         /etc/credstore.encrypted/{name}\nThen keep {file} in a safe place away from here, or \
         destroy it: it opens the key file",
        name = credential::NAME
    )
}
