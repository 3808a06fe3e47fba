//! Why nothing was committed.

use zms_core::bundle::Trouble;
use zms_store::CommitError;

use crate::trouble::trouble;

/// Why nothing was committed, before the driver's errors are sorted.
pub(crate) enum Refusal {
    Commit(CommitError),
    Driver(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Commit(trouble.into())
    }
}

impl From<Refusal> for CommitError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Commit(error) => error,
            Refusal::Driver(error) => trouble(error).into(),
        }
    }
}

/// Goes on only where what was promised holds.
pub(crate) fn require(holds: bool) -> Result<(), Refusal> {
    holds.then_some(()).ok_or(Refusal::Commit(CommitError::Conflict))
}
