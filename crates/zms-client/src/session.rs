//! Opens, audits, pins; prepares and commits changes.

mod audit;
mod backup;
mod bundle;
mod error;
mod exposure;
mod glance;
mod history;
mod master;
mod read;
mod revoke;
mod shape;
mod token;
mod transplant;
mod walk;
mod whole;
mod wrap;
mod write;

use std::{collections::BTreeSet, sync::Arc};

use zms_core::{
    audit::{Action, Event, Outcome},
    batch::Batch,
    change::ChangeError,
    id::{ScopeId, VaultId},
    open::{OpenError, OpenScope, Opening},
    pin::{Pinned, Pins},
    principal::Principal,
    roster::Line,
};
use zms_crypto::{CryptoRng, sign::Proven};
use zms_store::{Ahead, CommitError, Store, memory::MemoryStore};

pub use self::{
    audit::{AuditAlarm, AuditNames, AuditReader, AuditReport, NoteError, Standing, Subject},
    backup::Copied,
    error::SessionError,
    exposure::{Exposed, Exposure, Received, Times},
    glance::Glance,
    history::Past,
    read::{Choose, Own, View},
    revoke::Progress,
    token::{TokenInfo, TokenRequest, TokenScope},
    walk::{Inventory, Proof},
    whole::{After, Before, Listed, Snapshot, Whole, most_versions},
    write::Written,
};
use crate::pins::{HandedPins, PinFolder, PinTrouble};

/// How often a change that lost a race is prepared again. Each loss means that somebody else
/// went ahead, so a crowd of writers gets through long before this.
const MAX_TRIES: u32 = 200;

/// What a client holds a state against, beside what it has seen itself.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    /// Pins from elsewhere.
    pub pins: Option<HandedPins>,
    /// Most seconds since the roster was signed.
    pub roster_age: Option<u64>,
}

/// A principal at work on a store.
pub struct Session {
    store: Box<dyn Store>,
    principal: Principal,
    pins: PinFolder,
    clock: fn() -> u64,
    rng: Box<dyn CryptoRng>,
    first_use: bool,
    pins_void: bool,
    /// How many uses the principal has in all; 0 is without a limit.
    uses: u32,
    /// Whether this session has noted its use.
    used: bool,
    /// The scopes that it has given something of or changed, each at its revision.
    given: BTreeSet<(ScopeId, u64)>,
    /// Of the roster that was proven last.
    generation: u64,
    alarm: Option<AuditAlarm>,
    demand: Demand,
    /// Why what was seen of a copy is not kept.
    unkept: Option<PinTrouble>,
    /// What the next opening is going to ask first.
    ahead: Ahead,
    /// Whether what was seen is kept at all.
    keeps: bool,
    /// Whether a member is let in from where it is, where a server knows that.
    admits: Option<Admits>,
    /// Signatures that were proven before, where somebody remembers them.
    proven: Option<Arc<Proven>>,
}

/// Whether a member is let in.
pub type Admits = Box<dyn Fn(&Line) -> bool>;

impl Session {
    /// Brings a principal and a store together. `clock` gives unix seconds.
    pub fn new(
        store: Box<dyn Store>,
        principal: Principal,
        pins: PinFolder,
        clock: fn() -> u64,
        rng: Box<dyn CryptoRng>,
    ) -> Self {
        Self {
            store,
            principal,
            pins,
            clock,
            rng,
            first_use: false,
            pins_void: false,
            uses: 0,
            used: false,
            given: BTreeSet::new(),
            generation: 0,
            alarm: None,
            demand: Demand::default(),
            unkept: None,
            ahead: Ahead::Structure,
            keeps: true,
            admits: None,
            proven: None,
        }
    }

    /// The same for a process that acts for many and keeps nothing of any of them: it holds the
    /// state against nothing that was seen before.
    pub fn forgetful(
        store: Box<dyn Store>,
        principal: Principal,
        clock: fn() -> u64,
        rng: Box<dyn CryptoRng>,
    ) -> Self {
        let nowhere = PinFolder::new(std::path::PathBuf::new());
        Self { keeps: false, ..Self::new(store, principal, nowhere, clock, rng) }
    }

    /// Lets go of the vault, where nothing is asked of it any more: it is as if there were none.
    pub fn let_go(&mut self) {
        self.store = Box::new(MemoryStore::default());
    }

    /// The same, which opens nothing that does not meet a demand.
    #[must_use]
    pub fn demanding(mut self, demand: Demand) -> Self {
        self.demand = demand;
        self
    }

    /// The same, for members alone that are let in.
    #[must_use]
    pub fn admitting(mut self, admits: Admits) -> Self {
        self.admits = Some(admits);
        self
    }

    /// The same, which does not prove again the signatures that were proven before.
    #[must_use]
    pub fn knowing(mut self, proven: Arc<Proven>) -> Self {
        self.proven = Some(proven);
        self
    }

    /// Whether pins from elsewhere are demanded.
    pub const fn has_pins_handed(&self) -> bool {
        self.demand.pins.is_some()
    }

    /// Why what was seen of a copy could not be kept: a machine that can not write may read one
    /// all the same, and should be handed a pin.
    pub const fn unkept(&self) -> Option<&PinTrouble> {
        self.unkept.as_ref()
    }

    /// Who is at work.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether nothing was pinned before: a first use, where an old state can not be told.
    pub const fn first_use(&self) -> bool {
        self.first_use
    }

    /// Unix seconds.
    pub fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Whether a restore of the vault has voided what was seen before.
    pub const fn pins_void(&self) -> bool {
        self.pins_void
    }

    /// Opens the current state and hands it to `work`; again where the state moved while a store
    /// that is far away was asked for more of it. What was seen is returned for pinning.
    fn opened<T>(
        &mut self,
        mut work: impl FnMut(&Opening<'_>, &mut dyn CryptoRng) -> Result<T, SessionError>,
    ) -> Result<(T, VaultId, Option<Pins>), SessionError> {
        let ahead = std::mem::replace(&mut self.ahead, Ahead::Structure);
        for attempt in 0..MAX_TRIES {
            match self.opened_once(ahead, &mut work) {
                Err(error) if error.moved() => self.step_aside(attempt),
                opened => return opened,
            }
        }
        Err(SessionError::Conflict)
    }

    fn opened_once<T>(
        &mut self,
        ahead: Ahead,
        work: &mut impl FnMut(&Opening<'_>, &mut dyn CryptoRng) -> Result<T, SessionError>,
    ) -> Result<(T, VaultId, Option<Pins>), SessionError> {
        // Before the state: pins that another process takes meanwhile would make it seem old.
        let pins = self.keeps.then(|| self.pins.peek(self.principal.id()));
        let bundle = self.store.bundle_ahead(ahead).map_err(OpenError::Trouble)?;
        let vault = bundle.vault().map_err(OpenError::Trouble)?.ok_or(OpenError::NoVault)?;
        let pins = pins.map(|pins| pins.of(vault)).transpose()?.unwrap_or_default();
        self.first_use = pins.roster().is_none();
        let handed = self.demand.pins.as_ref().map(|pins| pins.of(vault)).transpose()?;
        let (now, proven) = ((self.clock)(), self.proven.as_deref());
        let mut opening = Opening::begin_knowing(&self.principal, &*bundle, &pins, now, proven)?;
        if let Some(handed) = &handed {
            opening = opening.demanding(handed)?;
        }
        if let Some(seconds) = self.demand.roster_age {
            opening.no_older_than(seconds)?;
        }
        if self.admits.as_ref().is_some_and(|admits| !admits(opening.line())) {
            return Err(SessionError::NotAdmitted);
        }
        self.pins_void = opening.pins_void();
        self.uses = opening.line().limits.uses;
        self.generation = opening.roster().generation;
        let made = work(&opening, &mut *self.rng)?;
        // What is pinned already needs no keeping: the usual read writes nothing here.
        let seen = opening.seen().filter(|seen| pins.gains(seen));
        Ok((made, vault, seen))
    }

    /// As [`Session::opened`]; a refusal leaves its entry in the audit.
    fn opened_audited<T>(
        &mut self,
        action: Action,
        work: impl FnMut(&Opening<'_>, &mut dyn CryptoRng) -> Result<T, SessionError>,
    ) -> Result<(T, VaultId, Option<Pins>), SessionError> {
        let opened = self.opened(work);
        if let Some(outcome) = opened.as_ref().err().and_then(SessionError::outcome) {
            let event = self.event(action, None, 0, outcome);
            // The refusal stands whether or not it can be noted: nothing leaves either way.
            let _unnoted = self.store.audit_append(&[event]);
        }
        opened
    }

    fn event(
        &self,
        action: Action,
        scope: Option<ScopeId>,
        revision: u64,
        outcome: Outcome,
    ) -> Event {
        let (time, principal) = ((self.clock)(), self.principal.id());
        Event { time, principal, action, scope, revision, outcome }
    }

    /// Prepares a change from the current state and commits it; again where somebody was faster.
    fn change<T>(
        &mut self,
        action: Action,
        mut prepare: impl FnMut(
            &Opening<'_>,
            &mut dyn CryptoRng,
        ) -> Result<(Option<Batch>, T), SessionError>,
    ) -> Result<T, SessionError> {
        self.change_noting(action, |opening, rng| {
            let (batch, made) = prepare(opening, rng)?;
            Ok((batch, Vec::new(), made))
        })
    }

    /// As [`Session::change`], with entries about other scopes at their revisions. They are stored
    /// where nothing is to be committed, too: what was prepared has been seen.
    fn change_noting<T>(
        &mut self,
        action: Action,
        mut prepare: impl FnMut(
            &Opening<'_>,
            &mut dyn CryptoRng,
        ) -> Result<(Option<Batch>, Vec<Noted>, T), SessionError>,
    ) -> Result<T, SessionError> {
        for attempt in 0..MAX_TRIES {
            let prepared = self.opened_audited(action, |opening, rng| prepare(opening, rng));
            let ((batch, noted, made), vault, seen) = prepared?;
            let Some(batch) = batch else {
                self.note_all(action, &noted)?;
                self.keep(vault, seen)?;
                return Ok(made);
            };
            let mut events = self.events_of(action, &batch);
            events.extend(noted.iter().map(|noted| self.event_of(noted)));
            self.spend(action, &[])?;
            match self.store.commit(&batch, &events) {
                Ok(()) => {
                    self.remember(&events);
                    self.pin(vault, seen)?;
                    self.keep_committed(vault, batch.pins())?;
                    return Ok(made);
                }
                Err(CommitError::Conflict) => self.step_aside(attempt),
                Err(error) => return Err(error.into()),
            }
        }
        Err(SessionError::Conflict)
    }

    /// Waits a random moment, longer with each loss, so that a crowd does not stay in step.
    fn step_aside(&mut self, attempt: u32) {
        let most = 2_000 << attempt.min(5);
        let micros = u64::from(self.rng.next_u32()) % most;
        std::thread::sleep(std::time::Duration::from_micros(micros));
    }

    /// As [`Session::change_noting`] for what `prepare` decides on scopes that it is shown: it
    /// fills in which. Where it refuses, it may tell what it saw, so that is noted before.
    fn change_shown<T>(
        &mut self,
        action: Action,
        mut prepare: impl FnMut(
            &Opening<'_>,
            &mut dyn CryptoRng,
            &mut Vec<Noted>,
        ) -> Result<(Option<Batch>, T), SessionError>,
    ) -> Result<T, SessionError> {
        let mut refused = Vec::new();
        let changed = self.change_noting(action, |opening, rng| {
            let mut shown = Vec::new();
            match prepare(opening, rng, &mut shown) {
                // A write's own entry says more than that it was read before.
                Ok((Some(batch), made)) => Ok((Some(batch), Vec::new(), made)),
                Ok((None, made)) => Ok((None, shown, made)),
                Err(error) => {
                    refused = shown;
                    Err(error)
                }
            }
        });
        if changed.is_err() {
            self.note_all(action, &refused)?;
        }
        changed
    }

    fn note_all(&mut self, action: Action, noted: &[Noted]) -> Result<(), SessionError> {
        if noted.is_empty() {
            return Ok(());
        }
        let events: Vec<Event> = noted.iter().map(|noted| self.event_of(noted)).collect();
        self.note(action, &events)
    }

    fn event_of(&self, noted: &Noted) -> Event {
        self.event(noted.action, Some(noted.scope), noted.revision, Outcome::Done)
    }

    /// Stores the entries of what is about to be given out, and counts it where uses are counted.
    fn note(&mut self, action: Action, events: &[Event]) -> Result<(), SessionError> {
        if self.uses > 0 && !self.used {
            self.spend(action, events)?;
        } else {
            self.store.audit_append(events).map_err(SessionError::Audit)?;
        }
        self.remember(events);
        Ok(())
    }

    /// Counts this session as one use, once, where uses are counted.
    fn spend(&mut self, action: Action, events: &[Event]) -> Result<(), SessionError> {
        if self.uses == 0 || self.used {
            return Ok(());
        }
        let principal = self.principal.id();
        self.used = self.store.spend(principal, self.uses, events).map_err(SessionError::Audit)?;
        if self.used {
            return Ok(());
        }
        let refusal = self.event(action, None, 0, Outcome::Denied);
        // The refusal stands whether or not it can be noted: nothing leaves either way.
        let _unnoted = self.store.audit_append(&[refusal]);
        Err(SessionError::Used)
    }

    fn events_of(&self, action: Action, batch: &Batch) -> Vec<Event> {
        self.event(action, None, 0, Outcome::Done).of_each(batch.revisions())
    }

    /// Keeps what was seen: pins, and a checkpoint of the audit.
    fn keep(&mut self, vault: VaultId, seen: Option<Pins>) -> Result<(), SessionError> {
        self.pin(vault, seen)?;
        self.witness(vault, false);
        Ok(())
    }

    /// Keeps what was committed, and waits for the disk as the commit has.
    fn keep_committed(&mut self, vault: VaultId, made: Pins) -> Result<(), SessionError> {
        self.generation = made.roster.map_or(self.generation, |roster| roster.generation);
        self.pin(vault, Some(made))?;
        self.witness(vault, true);
        Ok(())
    }

    fn pin(&mut self, vault: VaultId, seen: Option<Pins>) -> Result<(), SessionError> {
        let Some(seen) = seen.filter(|_| self.keeps) else { return Ok(()) };
        match self.pins.advance(vault, self.principal.id(), &seen) {
            Err(trouble @ PinTrouble::File { .. }) if self.store.is_copy() => {
                self.unkept = Some(trouble);
                Ok(())
            }
            kept => Ok(kept?),
        }
    }
}

/// What is to be noted of a scope beside its revisions.
struct Noted {
    action: Action,
    scope: ScopeId,
    revision: u64,
}

impl Noted {
    fn of(action: Action, scope: &OpenScope) -> Self {
        Self { action, scope: scope.id(), revision: scope.head.revision }
    }
}

/// Events of a read: one for each scope whose records were given out.
fn read_events(session: &Session, scopes: &[OpenScope]) -> Vec<Event> {
    let read = scopes.iter().filter(|scope| scope.records_proven() && scope.lineage.len() > 1);
    read.map(|scope| {
        session.event(Action::Read, Some(scope.id()), scope.head.revision, Outcome::Done)
    })
    .collect()
}

impl From<ChangeError> for SessionError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Open(error) => Self::Open(error),
            error => Self::Change(error),
        }
    }
}
