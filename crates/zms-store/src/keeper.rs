//! A store that an engine keeps for others.

use zms_core::{
    admit::{Refused, Tree},
    audit::Event,
    batch::Batch,
    bundle::{Bundle, Trouble, TroubleClass},
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

/// What is to be noted of one request before it is answered.
#[derive(Debug, Clone)]
pub struct Slip {
    /// The state that the answer was made from; `None` where it was made from none.
    pub of: Option<Mark>,
    /// What it tells.
    pub events: Vec<Event>,
}

impl Slip {
    /// Whether it is noted where this is the present state; none need be known where no slip names one.
    pub fn holds(&self, now: Option<&Mark>) -> bool {
        self.of.is_none_or(|of| Some(&of) == now)
    }

    /// Whether one of them names a state.
    pub fn name_a_state(slips: &[Self]) -> bool {
        slips.iter().any(|slip| slip.of.is_some())
    }
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

    /// Appends the entries of those slips that hold of the present state, and gives its mark where one
    /// of them names a state: whose answer was made from another one is told so by it, and nothing
    /// is noted of that answer. A store whose own transaction it is not looks at the state right before.
    ///
    /// # Errors
    /// [`Trouble`]; then no entry was stored, and what they tell of must not happen.
    fn note(&mut self, slips: &[Slip]) -> Result<Option<Mark>, Trouble> {
        let now = Slip::name_a_state(slips).then(|| self.mark()).transpose()?;
        let held = slips.iter().filter(|slip| slip.holds(now.as_ref()));
        let events: Vec<Event> = held.flat_map(|slip| &slip.events).cloned().collect();
        self.audit_append(&events)?;
        Ok(now)
    }

    /// As [`Keeper::note`], by a caller that must not wait: neither for somebody else's transaction
    /// nor for the disk.
    ///
    /// # Errors
    /// [`TroubleClass::Busy`] where it would have to; other [`Trouble`] as [`Keeper::note`].
    fn note_at_once(&mut self, _: &[Slip]) -> Result<Option<Mark>, Trouble> {
        Err(Trouble::new(TroubleClass::Busy, "notes are not taken without waiting"))
    }

    /// Whether there is something to tidy that is better done beside the notes than between them.
    fn is_untidy(&self) -> bool {
        false
    }

    /// Tidies. What fails of it fails nothing.
    fn tidy(&mut self) {}

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
