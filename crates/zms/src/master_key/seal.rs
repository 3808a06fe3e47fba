//! Seals a master key into the text of a file.

use std::path::Path;

use zeroize::Zeroizing;
use zms_core::{
    id::VaultId,
    key_file::{KeyFile, Opener, Protection},
    principal::Principal,
};
use zms_crypto::{Key, passphrase::Cost};

use super::{Protect, credential, keychain, strength};
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    output::Progress,
    prompt,
};

/// A protection with what it takes, asked for or made where it has to be.
pub enum Seal {
    /// Nothing but the file's mode.
    None,
    /// A passphrase.
    Passphrase(Zeroizing<String>),
    /// A key that the keychain is about to hold.
    Keychain(Key),
    /// A key that a service has among its credentials, or will.
    Systemd(Key),
}

impl Seal {
    /// Asks for a new passphrase where the protection takes one. The parameters are today's, never
    /// an old file's. A credential is read from a file of ours, which is made where it is not
    /// there, or else from the credential directory.
    pub fn ask(protect: Protect, credential: Option<&Path>) -> Outcome<Self> {
        Ok(match (protect, credential) {
            (Protect::Systemd, Some(path)) => Self::Systemd(credential::of_file(path)?),
            (Protect::Systemd, None) => {
                Self::Systemd(credential::of_service()?.ok_or_else(|| {
                    Failure::usage("there is no credential to protect the key with").hint(
                        "`--credential FILE` makes one for `systemd-creds encrypt`; in a service \
                         that has one it is not needed",
                    )
                })?)
            }
            (_, Some(_)) => {
                return Err(Failure::usage("--credential goes with systemd only"));
            }
            (Protect::None, None) => Self::None,
            (Protect::Passphrase, None) => Self::Passphrase(new_passphrase()?),
            (Protect::Keychain, None) => {
                Self::Keychain(Key::generate(&mut *environment::entropy()))
            }
        })
    }

    /// The text of a key file, opened once more before it is given out. What the keychain is to
    /// hold is there by then, and was read back by another process.
    pub fn seal(&self, owner: &Principal, vault: VaultId) -> Outcome<Zeroizing<String>> {
        let _drawn = Progress::spinner("sealing the master key");
        let (protection, with) = match self {
            Self::None => (Protection::None, None),
            Self::Passphrase(text) => {
                (Protection::Passphrase(Cost::DEFAULT), Some(Opener::Passphrase(text)))
            }
            Self::Keychain(key) => (Protection::Keychain, Some(Opener::Key(key))),
            Self::Systemd(key) => (Protection::Systemd, Some(Opener::Key(key))),
        };
        let mut rng = environment::entropy();
        let text = KeyFile::write(owner, vault, protection, with, &mut *rng);
        let text = Zeroizing::new(text.map_err(Failure::other)?);
        let file = KeyFile::parse(&text).map_err(Failure::other)?;
        let opened = match self {
            Self::Keychain(key) => {
                keychain::store(&file, key)?;
                file.open(Some(Opener::Key(&keychain::fetch(&file)?)))
            }
            _ => file.open(with),
        };
        match opened {
            Ok(same) if same.id() == owner.id() => Ok(text),
            _ => Err(Failure::new(
                Exit::Other,
                "the new key file does not open; nothing was changed",
            )),
        }
    }
}

fn new_passphrase() -> Outcome<Zeroizing<String>> {
    let first = prompt::hidden("New passphrase: ")?;
    strength::check(&first)?;
    if *first != *prompt::hidden("Once more: ")? {
        return Err(Failure::usage("the two passphrases differ"));
    }
    Ok(first)
}
