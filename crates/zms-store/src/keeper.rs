//! A store that an engine keeps for others.

use zms_core::{
    admit::{Refused, Tree},
    audit::Event,
    batch::Batch,
    bundle::{Bundle, Trouble},
    id::PrincipalId,
};
use zms_crypto::{Key, sign::Signature};

use crate::{CommitError, Store};

/// What is checked of the state that a batch is put on.
pub type Check<'c> = &'c dyn Fn(&dyn Tree) -> Result<(), Refused>;

/// Tells a state from every other one of the vault: what was made from one is good while this is
/// the same. A restore may count anew, but never under the same roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// How many commits there were.
    pub commits: u64,
    /// The current roster's signature; `None` where there is no vault.
    pub roster: Option<Signature>,
}

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

    /// The mark of the current state.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn mark(&self) -> Result<Mark, Trouble>;

    /// The current state, as [`Store::bundle`], with its mark.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn marked(&self) -> Result<(Box<dyn Bundle + '_>, Mark), Trouble>;

    /// The key that a member's requests are checked with. Opens nothing.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn request_key(&self, principal: PrincipalId) -> Result<Option<Key>, Trouble>;
}
