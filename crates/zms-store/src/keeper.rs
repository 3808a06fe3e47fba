//! A store that an engine keeps for others.

use zms_core::{
    admit::{Refused, Tree},
    audit::Event,
    batch::Batch,
    bundle::Trouble,
    id::PrincipalId,
};
use zms_crypto::Key;

use crate::{CommitError, Store};

/// What is checked of the state that a batch is put on.
pub type Check<'c> = &'c dyn Fn(&dyn Tree) -> Result<(), Refused>;

/// Keeps one vault for members who do not trust each other.
pub trait Keeper: Store {
    /// As [`Store::commit`], once `check` has seen the state that the batch is put on. Nobody
    /// commits between the two.
    ///
    /// # Errors
    /// [`CommitError`], with [`CommitError::Refused`] for what the check refuses.
    fn commit_checked(
        &mut self,
        batch: &Batch,
        events: &[Event],
        check: Check<'_>,
    ) -> Result<(), CommitError>;

    /// How many commits there were: an answer made from one state is good as long as this is the
    /// same before it was made and now.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn commits(&self) -> Result<u64, Trouble>;

    /// The key that a member's requests are checked with. Opens nothing.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn request_key(&self, principal: PrincipalId) -> Result<Option<Key>, Trouble>;
}
