//! Where vaults are kept: one database, a folder of them, or a server of databases.

mod file;
mod folder;
mod handle;
mod room;
mod shared;

use zms_core::{
    audit::Event,
    batch::Batch,
    bundle::Trouble,
    id::{PrincipalId, VaultId},
};
use zms_store::{Check, CommitError};

pub(crate) use self::handle::File;
pub use self::{file::OneFile, folder::Folder, handle::Handle, shared::Shared};

/// How far requests can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    /// As ever.
    Whole,
    /// Reads alone, from copies of what was answered last.
    Stale,
}

/// Keeps many vaults. Its calls may wait for a disk or a network.
pub trait Vaults: Send + Sync {
    /// A handle on a vault; `None` where there is none of this id.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be told or opened.
    fn find(&self, vault: VaultId) -> Result<Option<Handle>, Trouble>;

    /// Which vaults may have a principal as a member. Whoever makes a vault can name in it whom it
    /// likes: the principal's own is the one that knows its request key.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be told.
    fn of(&self, principal: PrincipalId) -> Result<Vec<VaultId>, Trouble>;

    /// Makes a vault by its first commit, as [`zms_store::Keeper::commit_checked`] does; where that
    /// is refused, there is none.
    ///
    /// # Errors
    /// [`CommitError`], with [`CommitError::Exists`] where there is one of this id, or no room for
    /// another.
    fn create(&self, batch: &Batch, events: &[Event], check: Check<'_>) -> Result<(), CommitError>;

    /// Makes the first vault of all, as [`Self::create`] does. Of several that do at once, one
    /// succeeds: who else keeps vaults in the same place at the same time has to be asked there.
    ///
    /// # Errors
    /// [`CommitError`], with [`CommitError::Exists`] where there is any vault.
    fn create_first(
        &self,
        batch: &Batch,
        events: &[Event],
        check: Check<'_>,
    ) -> Result<(), CommitError> {
        if self.is_empty()? { self.create(batch, events, check) } else { Err(CommitError::Exists) }
    }

    /// Whether there is no vault at all.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be told.
    fn is_empty(&self) -> Result<bool, Trouble>;

    /// Whether requests can be answered now. It may look, and write what is removed again; the
    /// engine asks for that seldom.
    ///
    /// # Errors
    /// [`Trouble`] where not.
    fn ready(&self) -> Result<Ready, Trouble>;

    /// Is told of the members that joined a vault.
    fn joined(&self, vault: VaultId, principals: &[PrincipalId]) {
        let _ = (vault, principals);
    }

    /// Has a listener told of vaults that somebody else changed, as far and as soon as that is known.
    fn on_move(&self, listener: Box<dyn Fn(VaultId) + Send + Sync>) {
        drop(listener);
    }

    /// In which vaults a principal is known to be, as [`Self::of`]; `None` where that is to be looked
    /// for.
    fn known(&self, principal: PrincipalId) -> Option<Vec<VaultId>> {
        let _ = principal;
        None
    }

    /// Whether a handle on a vault waits to be lent where vaults are quick: then a row or two are read
    /// before another thread has begun to.
    fn is_open(&self, vault: VaultId) -> bool {
        let _ = vault;
        false
    }

    /// Whether all vaults of a principal are known, and open.
    fn are_open(&self, principal: PrincipalId) -> bool {
        let known = self.known(principal);
        known.is_some_and(|vaults| vaults.into_iter().all(|vault| self.is_open(vault)))
    }

    /// Whether finding a vault that is open and reading a row of it takes less time than handing that
    /// over to another thread.
    fn is_quick(&self) -> bool {
        false
    }
}
