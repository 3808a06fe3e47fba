//! How a failure is called, in a form that can be compared.

use zms_client::SessionError;
use zms_core::{
    change::{ChangeError, Junk},
    open::{OpenError, Place},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Class {
    NoVault,
    Unknown,
    Departed,
    Expired,
    Integrity(Place),
    RolledBack(Place),
    Removed(String),
    NotFound(String),
    OutOfScope(String),
    Trouble,
    Junk(Vec<Junk>),
    NotAdministrator,
    MayNotWrite,
    Conflict,
    Pins,
    Unreadable,
    Other(String),
}

impl From<OpenError> for Class {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::NoVault => Self::NoVault,
            OpenError::Unknown => Self::Unknown,
            OpenError::Departed { .. } => Self::Departed,
            OpenError::Expired { .. } => Self::Expired,
            OpenError::Integrity(place) => Self::Integrity(place),
            OpenError::RolledBack(place) => Self::RolledBack(place),
            OpenError::Removed(path) => Self::Removed(path.to_string()),
            OpenError::NotFound(path) => Self::NotFound(path.to_string()),
            OpenError::OutOfScope(path) => Self::OutOfScope(path.to_string()),
            OpenError::Trouble(_) => Self::Trouble,
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<SessionError> for Class {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Open(error) => error.into(),
            SessionError::Change(ChangeError::Open(error)) => error.into(),
            SessionError::Change(ChangeError::Junk(junk)) => Self::Junk(junk),
            SessionError::Change(ChangeError::NotAdministrator) => Self::NotAdministrator,
            SessionError::Change(ChangeError::MayNotWrite(_)) => Self::MayNotWrite,
            SessionError::Unreadable(_) => Self::Unreadable,
            SessionError::Conflict => Self::Conflict,
            SessionError::Pins(_) => Self::Pins,
            SessionError::Store(_) | SessionError::Audit(_) => Self::Trouble,
            other => Self::Other(other.to_string()),
        }
    }
}
