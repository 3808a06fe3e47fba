//! Why nothing was committed.

use zms_core::bundle::Trouble;
use zms_store::CommitError;

use crate::trouble::{Fault, trouble};

/// Why nothing was committed, before the driver's errors are sorted.
pub(crate) enum Refusal {
    Commit(CommitError),
    Driver(Fault),
    /// Somebody else appended to the chain of this replica.
    Stale,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Driver(fault)
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
            Refusal::Driver(fault) => trouble(fault).into(),
            Refusal::Stale => stale().into(),
        }
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Commit(CommitError::Trouble(trouble)) => trouble,
            Refusal::Commit(error) => Self::new(zms_core::bundle::TroubleClass::Other, error),
            Refusal::Driver(fault) => trouble(fault),
            Refusal::Stale => stale(),
        }
    }
}

fn stale() -> Trouble {
    let what = "another replica appends to the same audit chain";
    Trouble::new(zms_core::bundle::TroubleClass::Busy, what)
}

/// Goes on only where what was promised holds.
pub(crate) fn require(holds: bool) -> Result<(), Refusal> {
    holds.then_some(()).ok_or(Refusal::Commit(CommitError::Conflict))
}
