//! Opens a key file by what protects it.

use std::path::Path;

use zms_core::{
    key_file::{KeyFile, KeyFileError, Opener, Protection},
    principal::Principal,
};

use super::{credential, keychain};
use crate::{
    exit::{Exit, Failure, Outcome},
    output::Progress,
    prompt,
};

/// How often a passphrase is asked for before the command gives up.
const TRIES: usize = 3;

/// Opens a file. Where somebody would have to be asked and nobody can be, it is locked.
pub fn open(file: &KeyFile, path: &Path) -> Outcome<Principal> {
    let shown = path.display();
    let locked = |what: &str| Failure::new(Exit::Locked, format!("{shown} is protected by {what}"));
    let opened = match file.protection() {
        Protection::None => file.open(None),
        Protection::Passphrase(_) => {
            let unasked = |_| {
                locked("a passphrase")
                    .hint("unlock it once, in a terminal, with `zms unlock`; or use a token")
            };
            by_passphrase(file, path).map_err(unasked)?
        }
        Protection::Keychain => {
            let key = keychain::fetch(file)?;
            file.open(Some(Opener::Key(&key)))
        }
        Protection::Systemd => {
            let key = credential::of_service()?.ok_or_else(|| {
                locked("a credential, and there is no CREDENTIALS_DIRECTORY/zms-key here").hint(
                    "run it in the service that has it (LoadCredentialEncrypted=zms-key), or use \
                     a token",
                )
            })?;
            file.open(Some(Opener::Key(&key)))
        }
    };
    opened.map_err(|error| {
        let why = match (&error, file.protection()) {
            (KeyFileError::Unopened, Protection::Keychain | Protection::Systemd) => {
                "does not open: it was changed, or the key for it is another one".to_owned()
            }
            _ => error.to_string(),
        };
        Failure::new(Exit::Integrity, format!("{shown} {why}"))
    })
}

/// Asks, and once more where what was typed opens nothing.
fn by_passphrase(file: &KeyFile, path: &Path) -> Outcome<Result<Principal, KeyFileError>> {
    // Where a replacement was interrupted, two are asked for, each with a passphrase of its own.
    let question = match path.extension() {
        Some(end) if end == "next" => "Passphrase of the new master key: ",
        _ => "Passphrase of the master key: ",
    };
    for _ in 1..TRIES {
        let opened = ask(file, question)?;
        if !matches!(opened, Err(KeyFileError::Unopened)) {
            return Ok(opened);
        }
        prompt::say("that passphrase does not open it");
    }
    ask(file, question)
}

fn ask(file: &KeyFile, question: &str) -> Outcome<Result<Principal, KeyFileError>> {
    let passphrase = prompt::hidden(question)?;
    let _drawn = Progress::spinner("opening the master key");
    Ok(file.open(Some(Opener::Passphrase(&passphrase))))
}
