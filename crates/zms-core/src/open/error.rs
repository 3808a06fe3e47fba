//! What a failure to open is called. spec/bundle.md#classes

use std::fmt;

use crate::{bundle::Trouble, path::ScopePath};

/// Why a bundle does not open. The class is named, never the check.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store holds no vault.
    #[error("there is no vault")]
    NoVault,
    /// The store has never heard of the principal.
    #[error("the token is not known to this vault")]
    Unknown,
    /// The principal was a member once.
    #[error("the token has been revoked")]
    Departed {
        /// Unix seconds.
        at: u64,
    },
    /// Its line has ended.
    #[error("the token has expired")]
    Expired {
        /// Unix seconds.
        at: u64,
    },
    /// Something is not what the vault's members signed.
    #[error("{0} does not verify")]
    Integrity(Place),
    /// Older than, or a branch beside, what this client has seen.
    #[error("{0} is older than what was seen here before, or a branch beside it")]
    RolledBack(Place),
    /// The roster was signed longer ago than is demanded here.
    #[error("the roster is older than is demanded here")]
    Stale {
        /// Unix seconds at which it was signed.
        issued_at: u64,
    },
    /// The scope was closed.
    #[error("{0} was removed")]
    Removed(ScopePath),
    /// A proven list of children lacks it.
    #[error("there is no {0}")]
    NotFound(ScopePath),
    /// The keyring does not lead there.
    #[error("{0} is outside what this token opens")]
    OutOfScope(ScopePath),
    /// The store is in trouble.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl OpenError {
    /// The same finding once more. Trouble has a cause that can not be copied; it is reported where
    /// it happens.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::RolledBack(place) => Self::RolledBack(place.clone()),
            Self::Integrity(place) => Self::Integrity(place.clone()),
            Self::Removed(path) | Self::NotFound(path) | Self::OutOfScope(path) => {
                Self::Integrity(Place::Scope(path.clone()))
            }
            _ => Self::Integrity(Place::Roster),
        }
    }
}

/// Where in the vault a check failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The caller's keyring.
    Keyring,
    /// The roster.
    Roster,
    /// A member's line or proof.
    Member,
    /// A scope: its head, records or children.
    Scope(ScopePath),
    /// A record that does not open in a scope that verifies.
    Record(ScopePath),
    /// What a scope was before its head.
    Past(ScopePath),
    /// A child entry that does not open in a scope that verifies.
    Child(ScopePath),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("the keyring"),
            Self::Roster => f.write_str("the roster"),
            Self::Member => f.write_str("a line of the roster"),
            Self::Scope(path) => write!(f, "{path}"),
            Self::Record(path) => write!(f, "a record in {path}"),
            Self::Past(path) => write!(f, "the history of {path}"),
            Self::Child(path) => write!(f, "a child entry of {path}"),
        }
    }
}

impl From<Place> for OpenError {
    fn from(place: Place) -> Self {
        Self::Integrity(place)
    }
}
