//! The store: an untrusted mailbox for signed and sealed objects. spec/store.md
//!
//! It speaks the protocol's nouns, not SQL. [`memory::MemoryStore`] is the reference that says
//! what each promise means; [`contract`] tests every promise, and every backend runs it.
//! [`copy::Copy`] reads from a bundle that was carried away from its vault.

pub mod contract;
pub mod copy;
mod keeper;
pub mod memory;

pub use keeper::{Check, Keeper, Mark, Noted, Request, Slip, Waiting};

use zms_core::{
    admit::Refused,
    audit::{Entry, Event},
    batch::Batch,
    bundle::{Bundle, Trouble},
    id::PrincipalId,
};

/// Keeps one vault.
///
/// Promises:
/// - a [`Bundle`] shows one state, however long it is kept and whoever commits meanwhile;
/// - [`Store::commit`] is all or nothing, and durable once it returns `Ok`;
/// - a commit succeeds only where nothing it was made from has moved;
/// - absent is `None` or empty, trouble is `Err`, and trouble changes nothing.
///
/// Writing takes `&mut self`, so that nobody commits on a handle while reading an older state
/// from it.
pub trait Store {
    /// The current state.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble>;

    /// The current state, for a reader that says what it is going to ask first: a store that is
    /// far away sends that at once. It changes nothing about what is shown.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn bundle_ahead(&self, _: Ahead) -> Result<Box<dyn Bundle + '_>, Trouble> {
        self.bundle()
    }

    /// Commits a batch and the audit entries of who made it, in one transaction.
    ///
    /// It fails with [`CommitError::Conflict`], changing nothing, unless all of this holds:
    /// - `found` is the current roster's generation, version and hash; for `None`, there is no
    ///   vault yet (else [`CommitError::Exists`]);
    /// - a new roster has the next version and names the current one's hash (a first one: version
    ///   1 and zero);
    /// - each revision is its scope's head + 1 and names the head's hash (a first one: no head
    ///   ever was; zero);
    /// - a scope that the batch leaves `unmoved` has the head that it names;
    /// - nothing follows a closing revision but another closing one;
    /// - a member that joins was never here, one whose keyring changes or who departs is here;
    /// - every row that ends is live, and no row begins where one is live, or in a scope that
    ///   closes;
    /// - a child that begins is live nowhere else.
    ///
    /// A closing revision ends every live row of its scope. Records that end are kept, with the
    /// revision that ended them; messages and signatures of old revisions and rosters are kept.
    ///
    /// # Errors
    /// [`CommitError`].
    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError>;

    /// Appends audit entries behind the last one. Entries of reads survive a crash of the
    /// process, not necessarily of the machine.
    ///
    /// # Errors
    /// [`Trouble`]: then none was stored, and what they tell of must not happen.
    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble>;

    /// Notes a use of a member that has only `most` of them, with the entries of what it was used
    /// for, in one durable transaction. `false`: all were used before, and nothing was stored.
    ///
    /// # Errors
    /// [`Trouble`]: then none was noted, and what it was for must not happen.
    fn spend(
        &mut self,
        principal: PrincipalId,
        most: u32,
        events: &[Event],
    ) -> Result<bool, Trouble>;

    /// Up to `limit` audit entries of a chain behind `after`, ascending by their place.
    ///
    /// # Errors
    /// [`Trouble`] where they can not be read.
    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble>;

    /// Every audit chain, ascending, with the place of its last entry.
    ///
    /// # Errors
    /// [`Trouble`] where they can not be read.
    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble>;

    /// Waits until every entry that can be read by now survives a crash of the machine, where entries
    /// of reads do not wait for that themselves.
    ///
    /// # Errors
    /// [`Trouble`]: then some of them may not.
    fn settle_audit(&mut self) -> Result<(), Trouble> {
        Ok(())
    }

    /// Whether it is a copy that somebody carries: it takes no change, and has no audit of its own.
    fn is_copy(&self) -> bool {
        false
    }
}

/// What a reader is going to ask first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    /// What the tree looks like and who signed it; no records.
    Structure,
    /// The records of the scopes that the reader's own line names, too.
    Own,
    /// All records of all scopes.
    Everything,
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// Somebody was faster; prepare the change again.
    #[error("somebody else changed the vault meanwhile")]
    Conflict,
    /// There is a vault already.
    #[error("there is a vault already")]
    Exists,
    /// A check of the state that it was to be put on refused it.
    #[error(transparent)]
    Refused(Refused),
    /// The store is in trouble.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl From<Refused> for CommitError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Moved => Self::Conflict,
            Refused::Exists => Self::Exists,
            Refused::Trouble(trouble) => Self::Trouble(trouble),
            refused => Self::Refused(refused),
        }
    }
}
