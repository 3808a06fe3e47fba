//! A store that an engine keeps for others.

use zms_core::{
    admit::{Refused, Tree},
    audit::Event,
    batch::Batch,
    bundle::{Bundle, Trouble},
    id::{PrincipalId, WrappedId},
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

    /// Whether a commit could begin now, as far as that can be told without one. It changes nothing.
    ///
    /// # Errors
    /// [`Trouble`] where it could not: somebody holds the vault, or it can not be read or written.
    fn writable(&mut self) -> Result<(), Trouble> {
        self.mark().map(|_| ())
    }

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

    /// Keeps a sealed answer until it is taken, durably. Those whose time was over `now` go first.
    /// `false`: there is no room for it within [`zms_core::wrapped::MAX_KEPT`], and it is not kept.
    ///
    /// # Errors
    /// [`Trouble`]: then it is not kept; also where the id is in use.
    fn keep_wrapped(&mut self, wrapped: &Waiting, now: u64) -> Result<bool, Trouble>;

    /// A sealed answer that waits; it goes on waiting.
    ///
    /// # Errors
    /// [`Trouble`] where it can not be read.
    fn wrapped(&self, id: WrappedId) -> Result<Option<Vec<u8>>, Trouble>;

    /// Takes a sealed answer away, with the entries of who gets it, in one durable transaction.
    /// However many ask for it at once, one is told `true`. `false`: it does not wait, and nothing
    /// was stored.
    ///
    /// # Errors
    /// [`Trouble`]: then it was not taken, and must not be given out.
    fn take_wrapped(&mut self, id: WrappedId, events: &[Event]) -> Result<bool, Trouble>;

    /// Notes what a request is for, unless the same request was noted before, whoever serves it:
    /// the request, a use of its sender where it has only `most` of them, and the entries, in one
    /// transaction. Requests that were good until before `now` may go. Where a use is taken, it is
    /// durable.
    ///
    /// # Errors
    /// [`Trouble`]: then nothing was stored, and what it was for must not happen.
    fn note_once(
        &mut self,
        request: &Request,
        now: u64,
        most: Option<u32>,
        events: &[Event],
    ) -> Result<Noted, Trouble>;
}

/// What tells a request from every other one. spec/engine.md#requests
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Who sent it.
    pub principal: PrincipalId,
    /// Over all of it: whoever changes a byte of it makes another one.
    pub mac: [u8; 32],
    /// The last unix second in which it may be good.
    pub good_until: u64,
}

/// How noting a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It is noted.
    Done,
    /// It was noted before; nothing was stored.
    Again,
    /// All uses were used before; nothing was stored.
    Used,
}

/// A sealed answer that is to wait for its token. spec/wrapped.md
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What it is kept by.
    pub id: WrappedId,
    /// The last unix second in which it is given out.
    pub expires: u64,
    /// The answer; only its token opens it.
    pub sealed: Vec<u8>,
}
