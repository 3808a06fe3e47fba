//! The master key file as it changes: sealed, written beside the old one, put in its place.

pub mod credential;
pub mod keychain;
pub mod opener;
mod seal;
mod strength;

use zms_client::SessionError;
use zms_core::{
    bundle::{Standing, TroubleClass},
    key_file::{KeyFile, Protection},
    open::Opening,
    pin::Pins,
};

pub use self::seal::Seal;
use crate::{
    agent,
    credentials::{self, Caller},
    environment,
    exit::{Exit, Outcome},
    files,
    home::{Home, put_in_place, read_private, trouble},
    server,
};

/// How a key file is protected.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
pub enum Protect {
    /// By the file's mode: only you can read it
    None,
    /// By a passphrase, asked for whenever the owner acts
    Passphrase,
    /// By a key in the keychain of your session
    Keychain,
    /// By a key in the credentials of a systemd service
    Systemd,
}

impl From<Protection> for Protect {
    fn from(protection: Protection) -> Self {
        match protection {
            Protection::None => Self::None,
            Protection::Passphrase(_) => Self::Passphrase,
            Protection::Keychain => Self::Keychain,
            Protection::Systemd => Self::Systemd,
        }
    }
}

impl Protect {
    /// Its name, as it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Passphrase => "passphrase",
            Self::Keychain => "keychain",
            Self::Systemd => "systemd",
        }
    }

    /// What protects the file, in words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "its mode alone: only you can read it",
            Self::Passphrase => "a passphrase",
            Self::Keychain => "a key in the keychain of your session",
            Self::Systemd => "a key in the credentials of a systemd service",
        }
    }
}

/// Ends a replacement of the key that was interrupted after its commit, and gives the new owner;
/// `None` where there was none. The store's word is not enough to give up the old key: the new one
/// must open the vault. One that the vault does not know is left alone, as somebody may be about to
/// commit it.
pub fn settle(home: &Home) -> Outcome<Option<Caller>> {
    let next = home.next_key();
    if !files::exists(&next) {
        return Ok(None);
    }
    let text = read_private(&next, Exit::Integrity)?;
    let Some(file) = text.as_deref().and_then(|text| KeyFile::parse(text).ok()) else {
        return Ok(None);
    };
    // A server speaks to its members alone, so the new one asks for itself.
    let asks = home.server().map(|_| credentials::owner_by(&next)).transpose()?;
    let store = match &asks {
        Some(heir) => server::store(home, &heir.principal)?,
        None => server::here(home)?,
    };
    let Some(store) = store else { return Ok(None) };
    let bundle = match store.bundle() {
        Err(trouble) if trouble.class == TroubleClass::Unauthentic => return Ok(None),
        bundle => bundle.map_err(SessionError::Store)?,
    };
    let standing = bundle.standing(file.principal()).map_err(SessionError::Store)?;
    if !matches!(standing, Standing::Member(_)) {
        return Ok(None);
    }
    let heir = match asks {
        Some(heir) => heir,
        None => credentials::owner_by(&next)?,
    };
    Opening::begin(&heir.principal, &*bundle, &Pins::default(), environment::now())
        .map_err(SessionError::from)?;
    promote(home)?;
    Ok(Some(Caller { source: home.key().display().to_string(), ..heir }))
}

/// Puts the next key in the place of the one that is there, which nobody holds any more then.
pub fn promote(home: &Home) -> Outcome {
    let old = read_private(&home.key(), Exit::Integrity).ok().flatten();
    match put_in_place(&home.next_key(), &home.key()) {
        // Another process was faster with the same.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let what = format!("{} can not be replaced", home.key().display());
            return Err(trouble(&error, what).hint(
                "the new key lies beside it and works; the next command puts it in its place",
            ));
        }
        Ok(()) => {}
    }
    agent::lock(home)?;
    if let Some(old) = old.and_then(|text| KeyFile::parse(&text).ok())
        && old.protection() == Protection::Keychain
    {
        // What stays where the keychain can not be asked opens a key that opens nothing.
        let _stays = keychain::forget(&old);
    }
    Ok(())
}
