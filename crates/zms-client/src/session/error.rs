//! What can go wrong in a session.

use zms_core::{
    admit::Refused,
    audit::Outcome,
    bundle::{Trouble, TroubleClass, check::Flaw, collect::Uncollected},
    change::ChangeError,
    merge::Unreadable,
    open::OpenError,
};
use zms_store::CommitError;

use crate::pins::PinTrouble;

/// Why a session could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The vault does not open for this principal.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The change can not be made.
    #[error(transparent)]
    Change(ChangeError),
    /// A secret can not be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Somebody else wrote the same meanwhile, or was faster every time.
    #[error("somebody else changed the same meanwhile")]
    Conflict,
    /// The token has had all its uses.
    #[error("the token has been used as often as it may be")]
    Used,
    /// The token's line does not let it in from where it is used.
    #[error("the token may not be used from here")]
    NotAdmitted,
    /// There is a vault already.
    #[error("there is a vault already")]
    Exists,
    /// Who keeps the store refused the change.
    #[error("the vault's engine refused the change: {0}")]
    Refused(#[source] Refused),
    /// The store is in trouble: nothing was written.
    #[error("{0}")]
    Store(#[source] Trouble),
    /// The audit entry could not be stored, so nothing was given out.
    #[error("the audit entry could not be stored, so nothing was given out: {0}")]
    Audit(#[source] Trouble),
    /// A bundle can not be collected.
    #[error("a bundle can not be made: {0}")]
    Uncollected(#[source] Uncollected),
    /// A bundle is not what its authors signed.
    #[error("the bundle was damaged or changed: {0}")]
    Flawed(#[from] Flaw),
    /// What was seen can not be kept.
    #[error(transparent)]
    Pins(#[from] PinTrouble),
    /// No token of that name or id.
    #[error("there is no token {0}")]
    NoToken(String),
    /// What the caller made of it.
    #[error("{0}")]
    Caller(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SessionError {
    /// Whether the state moved while it was read, so that reading it again is all there is to do.
    pub(super) fn moved(&self) -> bool {
        let trouble = match self {
            Self::Open(OpenError::Trouble(trouble))
            | Self::Change(ChangeError::Open(OpenError::Trouble(trouble)))
            | Self::Uncollected(Uncollected::Trouble(trouble))
            | Self::Store(trouble) => trouble,
            _ => return false,
        };
        trouble.class == TroubleClass::Moved
    }

    /// How the audit calls it, where it is a refusal.
    pub(super) const fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Open(
                OpenError::Unknown
                | OpenError::Departed { .. }
                | OpenError::Expired { .. }
                | OpenError::OutOfScope(_),
            )
            | Self::NotAdmitted
            | Self::Change(ChangeError::MayNotWrite(_) | ChangeError::NotAdministrator) => {
                Some(Outcome::Denied)
            }
            Self::Open(OpenError::Integrity(_) | OpenError::RolledBack(_)) => {
                Some(Outcome::Integrity)
            }
            _ => None,
        }
    }
}

impl From<Uncollected> for SessionError {
    fn from(error: Uncollected) -> Self {
        match error {
            Uncollected::Trouble(trouble) => Self::Store(trouble),
            error => Self::Uncollected(error),
        }
    }
}

impl From<CommitError> for SessionError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Exists => Self::Exists,
            CommitError::Refused(refused) => Self::Refused(refused),
            CommitError::Trouble(trouble) => Self::Store(trouble),
            _ => Self::Conflict,
        }
    }
}
