//! What a rebuilt key is compared with: another passphrase, or shares of another set, give another
//! key and no error. spec/shares.md#combining

use zms_client::{Session, SessionError, pins::PinFolder};
use zms_core::{
    bundle::TroubleClass,
    id::{PrincipalId, VaultId},
    open::OpenError,
    principal::{Kind, Principal},
};
use zms_crypto::Key;

use super::{
    gather::{Gathered, Given, gather},
    read::id,
};
use crate::{
    environment,
    exit::{Exit, Failure, Outcome},
    home::Home,
    output::Output,
    server,
    session::tell,
};

/// What a sheet says of the key: of which vault it is, and whose principal id it must give.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The vault.
    pub vault: VaultId,
    /// The owner.
    pub key: PrincipalId,
}

impl Claim {
    /// As it stands on a sheet: both ids, with a hyphen between.
    pub fn parse(text: &str) -> Option<Self> {
        let (vault, key) = text.trim().split_once('-')?;
        Some(Self { vault: VaultId(id(vault)?), key: PrincipalId(id(key)?) })
    }
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.vault, self.key)
    }
}

/// The key that shares gave, proven.
pub struct Proven {
    /// Its principal.
    pub owner: Principal,
    /// Its vault.
    pub vault: VaultId,
}

/// What is at hand to compare a key with.
pub enum Reference {
    /// The vault itself: the key must open it.
    Vault(VaultId),
    /// Nothing but what stands on a sheet.
    Sheet(Claim),
    /// Nothing yet: the sheets that are read must say it.
    Unknown,
}

impl Reference {
    /// The vault that is here, else what was read off a sheet.
    pub fn find(home: &Home, sheet: Option<Claim>) -> Outcome<Self> {
        home.check()?;
        let vault = server::vault(home)?;
        Ok(match (vault, sheet) {
            (Some(vault), Some(sheet)) if vault != sheet.vault => {
                return Err(Failure::new(
                    Exit::Denied,
                    format!("the sheet is of the vault {}, and here is {vault}", sheet.vault),
                )
                .hint("name the right vault with `--vault NAME` or ZMS_HOME"));
            }
            (Some(vault), _) => Self::Vault(vault),
            (None, Some(sheet)) => Self::Sheet(sheet),
            (None, None) => Self::Unknown,
        })
    }

    /// Proves that a seed is the owner's.
    ///
    /// # Errors
    /// [`Exit::Denied`] where it is not.
    pub fn prove(
        &self,
        home: &Home,
        seed: Key,
        sheets: &[Claim],
        output: Output,
    ) -> Outcome<Proven> {
        let owner = Principal::from_seed(Kind::Administrator, seed);
        if let Some(other) = sheets.iter().find(|sheet| sheet.key != owner.id()) {
            return Err(denied(format!(
                "the shares give the key {}, and a sheet says {}",
                owner.id(),
                other.key
            ))
            .hint(
                "a share or a sheet was changed, or a passphrase is wrong; nothing was changed",
            ));
        }
        let vault = match (self, sheets.first()) {
            (Self::Vault(vault), _) => {
                opens(home, &owner, output)?;
                *vault
            }
            (Self::Sheet(sheet), _) if sheet.key == owner.id() => sheet.vault,
            (Self::Sheet(sheet), _) => {
                return Err(denied(format!(
                    "the shares give the key {}, not {}",
                    owner.id(),
                    sheet.key
                ))
                .hint("they are of another set, or a passphrase is wrong; nothing was changed"));
            }
            (Self::Unknown, Some(sheet)) => sheet.vault,
            (Self::Unknown, None) => {
                return Err(Failure::new(
                    Exit::Locked,
                    "there is no vault here, and nothing else that the key could be compared with",
                )
                .hint(
                    "put the database back first, or name what stands on a sheet with `--sheet-id`",
                ));
            }
        };
        Ok(Proven { owner, vault })
    }
}

/// Asks for shares, or takes them from files, until the owner's key is rebuilt and opens the vault
/// that is here.
///
/// # Errors
/// As [`gather`]. Nothing is written, and nothing of the key is shown.
pub fn rebuild(home: &Home, output: Output, given: &Given) -> Outcome<Gathered<Proven>> {
    let reference = Reference::find(home, None)?;
    if !matches!(reference, Reference::Vault(_)) {
        return Err(Failure::new(
            Exit::Locked,
            format!("there is no vault at {}", home.database().display()),
        )
        .hint("put its database back, or name another vault with `--vault NAME` or ZMS_HOME"));
    }
    gather(output, given, &mut |seed, sheets| reference.prove(home, seed, sheets, output))
}

fn denied(message: String) -> Failure {
    Failure::new(Exit::Denied, message)
}

/// Opens the vault with the key, as every command of the owner does.
fn opens(home: &Home, owner: &Principal, output: Output) -> Outcome {
    let Some(store) = server::store(home, owner)? else {
        return Err(Failure::new(Exit::Locked, "the database is gone"));
    };
    let again = Principal::from_seed(owner.kind(), owner.seed().duplicate());
    let mut session = Session::new(
        store,
        again,
        PinFolder::new(home.pins()),
        environment::now,
        environment::entropy(),
    );
    session.own().map_err(|error| match error {
        SessionError::Open(OpenError::Departed { .. }) => {
            denied("the shares give a master key that has been replaced".to_owned())
                .hint("take shares that were made since; nothing was changed")
        }
        SessionError::Open(OpenError::Unknown) => denied(
            "the shares give a key that this vault does not know".to_owned(),
        )
        .hint("they are of another vault's key, or a passphrase is wrong; nothing was changed"),
        SessionError::Open(OpenError::Trouble(trouble))
            if trouble.class == TroubleClass::Unauthentic =>
        {
            denied("the shares give a key that this server does not know".to_owned()).hint(
                "it was replaced since, they are of another vault's key, a passphrase is wrong, or \
                 the clocks differ by more than a minute; nothing was changed",
            )
        }
        error => error.into(),
    })?;
    tell(&session, output);
    Ok(())
}
