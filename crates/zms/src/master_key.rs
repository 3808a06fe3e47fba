//! The master key file as it changes: sealed, written beside the old one, put in its place.

use zeroize::Zeroizing;
use zms_client::SessionError;
use zms_core::{
    bundle::Standing,
    id::VaultId,
    key_file::{KeyFile, Protection},
    open::Opening,
    pin::Pins,
    principal::Principal,
};
use zms_crypto::passphrase::Cost;
use zms_store::Store;

use crate::{
    credentials::{self, Caller},
    environment,
    exit::{Exit, Failure, Outcome},
    files,
    home::{Home, put_in_place, read_private, trouble},
    output::Progress,
    prompt,
};

/// How a key file is protected.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
pub enum Protect {
    /// By the file's mode: only you can read it
    None,
    /// By a passphrase, asked for whenever the owner acts
    Passphrase,
}

impl From<Protection> for Protect {
    fn from(protection: Protection) -> Self {
        match protection {
            Protection::None => Self::None,
            Protection::Passphrase(_) => Self::Passphrase,
        }
    }
}

/// A protection with what it takes, asked for where it has to be.
pub struct Seal {
    protection: Protection,
    passphrase: Option<Zeroizing<String>>,
}

impl Seal {
    /// Asks for a new passphrase where the protection takes one. The parameters are today's, never
    /// an old file's.
    pub fn ask(protect: Protect) -> Outcome<Self> {
        Ok(match protect {
            Protect::None => Self { protection: Protection::None, passphrase: None },
            Protect::Passphrase => Self {
                protection: Protection::Passphrase(Cost::DEFAULT),
                passphrase: Some(new_passphrase()?),
            },
        })
    }

    /// The text of a key file, opened once more before it is given out.
    pub fn seal(&self, owner: &Principal, vault: VaultId) -> Outcome<Zeroizing<String>> {
        let passphrase = self.passphrase.as_ref().map(|text| text.as_str());
        let _drawn = Progress::spinner("sealing the master key");
        let mut rng = environment::entropy();
        let text = KeyFile::write(owner, vault, self.protection, passphrase, &mut *rng);
        let text = Zeroizing::new(text.map_err(Failure::other)?);
        let opened = KeyFile::parse(&text).and_then(|file| file.open(passphrase));
        match opened {
            Ok(same) if same.id() == owner.id() => Ok(text),
            _ => Err(Failure::other("the new key file does not open; nothing was changed")),
        }
    }
}

fn new_passphrase() -> Outcome<Zeroizing<String>> {
    let first = prompt::hidden("New passphrase: ")?;
    if first.chars().count() < 8 {
        return Err(Failure::usage("the passphrase is shorter than 8 characters"));
    }
    if *first != *prompt::hidden("Once more: ")? {
        return Err(Failure::usage("the two passphrases differ"));
    }
    Ok(first)
}

/// Ends a replacement of the key that was interrupted after its commit, and gives the new owner;
/// `None` where there was none. The store's word is not enough to give up the old key: the new one
/// must open the vault. One that the vault does not know is left alone, as somebody may be about to
/// commit it.
pub fn settle(home: &Home, store: &dyn Store) -> Outcome<Option<Caller>> {
    let next = home.next_key();
    if !files::exists(&next) {
        return Ok(None);
    }
    let text = read_private(&next, Exit::Integrity)?;
    let Some(file) = text.as_deref().and_then(|text| KeyFile::parse(text).ok()) else {
        return Ok(None);
    };
    let bundle = store.bundle().map_err(SessionError::Store)?;
    let standing = bundle.standing(file.principal()).map_err(SessionError::Store)?;
    if !matches!(standing, Standing::Member(_)) {
        return Ok(None);
    }
    let heir = credentials::owner_by(&next)?;
    Opening::begin(&heir.principal, &*bundle, &Pins::default(), environment::now())
        .map_err(SessionError::from)?;
    promote(home)?;
    Ok(Some(Caller { source: home.key().display().to_string(), ..heir }))
}

/// Puts the next key in the place of the one that is there.
pub fn promote(home: &Home) -> Outcome {
    match put_in_place(&home.next_key(), &home.key()) {
        // Another process was faster with the same.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(trouble(&error, format!("{} can not be replaced", home.key().display()))
            .hint("the new key lies beside it and works; the next command puts it in its place")),
        Ok(()) => Ok(()),
    }
}
