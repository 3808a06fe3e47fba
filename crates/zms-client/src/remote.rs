//! A store that an engine keeps: requests signed by the caller, answers that prove nothing.
//! spec/engine.md#http
//!
//! What an engine says is opened and verified as what any store says. It can withhold, and it can
//! be slow; it can not lie.

mod answer;
mod ask;
mod cache;
mod line;
mod shown;
mod trust;
mod watch;
mod wire;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use zms_core::{
    address::Address,
    audit::{Action, Entry, Event, Outcome},
    batch::Batch,
    bundle::{Bundle, Trouble, TroubleClass},
    engine::{
        self, AuditQuery, BundleQuery, CommitQuery, MAX_EVENTS, MAX_PAGE, Records, Whose,
        path::Named,
    },
    id::PrincipalId,
    principal::{Kind, Principal},
};
use zms_crypto::{CryptoRng, Key};
use zms_store::{Ahead, CommitError, Store};

use self::{
    ask::{Caller, Question},
    cache::{Cache, Kept},
    shown::Shown,
};
pub use self::{cache::newest_copy, watch::Watcher, wire::reach};

/// How many messages of each chain come without being asked for: a client that was here lately
/// needs no more to see that what it knew leads to what is there.
const LAST: u64 = 32;

/// How old a copy of the last answer was that was used; none where the engine answered.
pub type Age = Rc<Cell<Option<u64>>>;

/// The vault of one principal, at an engine.
pub struct RemoteStore {
    caller: Caller,
    administers: bool,
    /// What makes a vault: the key of a registration secret.
    register: Option<Key>,
    /// Seals what others must not see of a commit.
    rng: RefCell<Box<dyn CryptoRng + Send>>,
    /// The last answer, to ask whether it still holds.
    held: RefCell<Option<Kept>>,
    cache: Option<Cache>,
    /// Whether the last answer is to be kept once it has been opened.
    fresh: Cell<bool>,
    /// How old a kept answer may be where the engine can not be reached.
    most_stale: Option<u64>,
    age: Age,
}

impl RemoteStore {
    /// Speaks to an engine as a principal. `clock` gives unix seconds.
    pub fn new(
        address: Address,
        principal: &Principal,
        clock: fn() -> u64,
        rng: [Box<dyn CryptoRng + Send>; 2],
    ) -> Self {
        let [nonces, sealing] = rng;
        let caller = Caller::new(address, principal.id(), principal.request_key(), clock, nonces);
        Self {
            caller,
            administers: principal.kind() == Kind::Administrator,
            register: None,
            rng: RefCell::new(sealing),
            held: RefCell::new(None),
            cache: None,
            fresh: Cell::new(false),
            most_stale: None,
            age: Age::default(),
        }
    }

    /// With what allows to make a vault there.
    #[must_use]
    pub fn registering(mut self, secret: &str) -> Self {
        self.register = Some(engine::register_key(secret));
        self
    }

    /// Keeps what was opened last in a file, sealed as it came. Where the engine can not be
    /// reached, what is kept is shown if it is no older than `most_stale` seconds; how old it is
    /// stands in what this returns.
    pub fn caching(&mut self, path: std::path::PathBuf, most_stale: Option<u64>) -> Age {
        let cache = Cache::new(path);
        *self.held.borrow_mut() = cache.load();
        self.cache = Some(cache);
        self.most_stale = most_stale;
        self.age.clone()
    }

    /// Waits for changes, from another thread.
    pub fn watcher(&self, rng: Box<dyn CryptoRng + Send>) -> Watcher {
        Watcher::new(&self.caller, rng)
    }

    /// What is asked first.
    fn first(ahead: Ahead) -> BundleQuery {
        let (records, of) = match ahead {
            Ahead::Structure => (Records::None, Whose::All),
            Ahead::Own => (Records::All, Whose::Own),
            Ahead::Everything => (Records::All, Whose::All),
        };
        BundleQuery { last: Some(LAST), records, of, ..BundleQuery::default() }
    }

    /// The state as the engine has it now.
    fn current(&self, query: &BundleQuery) -> Result<Kept, Trouble> {
        let query = query.encode();
        let held = self.held.borrow().clone().filter(|held| held.query == query);
        let etag = held.as_ref().map(|held| held.etag.as_str());
        let answer = self.caller.bundle(&query, etag)?;
        self.age.set(None);
        self.fresh.set(true);
        let now = self.caller.now();
        let kept = match (answer, held) {
            (None, Some(held)) => Kept { at: now, ..held },
            (None, None) => return Err(answer::foreign("it says that nothing was changed")),
            (Some(fresh), _) => Kept { query, at: now, ..fresh },
        };
        *self.held.borrow_mut() = Some(kept.clone());
        Ok(kept)
    }

    /// What was kept, where that may be used.
    fn stale(&self, query: &BundleQuery, unreached: Trouble) -> Result<Kept, Trouble> {
        let held = self.held.borrow().clone().filter(|held| held.query == query.encode());
        let (Some(most), Some(held)) = (self.most_stale, held) else { return Err(unreached) };
        let now = self.caller.now();
        // A clock that went back makes nothing young.
        let age = now.checked_sub(held.at).unwrap_or(u64::MAX);
        if age > most {
            let why = unreached.source;
            let told = match age {
                u64::MAX => format!("{why}; the copy of its last answer is from the future"),
                age => format!("{why}; the copy of its last answer is {age} seconds old"),
            };
            return Err(Trouble::new(TroubleClass::Unreachable, told));
        }
        self.age.set(Some(age));
        Ok(held)
    }

    /// Keeps the last answer, now that it has been opened.
    fn keep(&self) {
        if let (true, Some(cache)) = (self.fresh.replace(false), &self.cache)
            && let Some(held) = &*self.held.borrow()
        {
            cache.keep(held);
        }
    }

    fn hand_in(&self, events: &[&Event]) -> Result<(), Trouble> {
        let path = engine::path::audit(Named::Own);
        for part in events.chunks(MAX_EVENTS) {
            let part: Vec<Event> = part.iter().map(|event| (*event).clone()).collect();
            let body = engine::encode_events(&part);
            self.caller.ask(&Question { body: &body, again: false, ..Question::post(&path) })?;
        }
        Ok(())
    }
}

impl Store for RemoteStore {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        self.bundle_ahead(Ahead::Structure)
    }

    fn bundle_ahead(&self, ahead: Ahead) -> Result<Box<dyn Bundle + '_>, Trouble> {
        let mut query = Self::first(ahead);
        let mut answered = self.current(&query);
        let is_large = |answered: &Result<Kept, Trouble>| matches!(answered, Err(trouble) if trouble.class == TroubleClass::TooLarge);
        if is_large(&answered) {
            // Of a vault that is large, what is needed of the past is asked for when it is.
            query.last = Some(0);
            answered = self.current(&query);
        }
        if is_large(&answered) && ahead != Ahead::Structure {
            // Then of the records, too, scope by scope.
            query = BundleQuery { last: Some(0), ..Self::first(Ahead::Structure) };
            answered = self.current(&query);
        }
        let kept = match answered {
            Err(trouble) if trouble.class == TroubleClass::Unreachable => {
                self.stale(&query, trouble)
            }
            answered => answered,
        }?;
        Ok(Box::new(Shown::new(&self.caller, kept, self.administers)))
    }

    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError> {
        *self.held.borrow_mut() = None;
        let Some(action) = events.first().map(|event| event.action) else {
            return Err(Trouble::new(TroubleClass::Other, "a commit is noted as something").into());
        };
        if batch.found.is_none() {
            let refused = || Trouble::new(TroubleClass::Refused, "no registration secret is named");
            let register = self.register.as_ref().ok_or_else(refused)?;
            let body = batch.encode(register, &mut **self.rng.borrow_mut());
            return self.caller.commit(engine::path::VAULTS, "", &body, Some(register));
        }
        // What the engine can not know by itself goes ahead: what is not noted must not happen.
        let known: Vec<_> = batch.scopes.iter().map(|put| Some(put.revision.scope)).collect();
        let own = |event: &&Event| {
            event.action != action || !(event.scope.is_none() || known.contains(&event.scope))
        };
        self.hand_in(&events.iter().filter(own).collect::<Vec<_>>())?;
        let body = batch.encode(self.caller.key(), &mut **self.rng.borrow_mut());
        let query = CommitQuery { action }.encode();
        self.caller.commit(&engine::path::commits(Named::Own), &query, &body, None)
    }

    /// An engine notes itself what it gave out, so what is handed in is the rest.
    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        self.keep();
        if self.age.get().is_some() {
            return Ok(());
        }
        let noted = |event: &&Event| {
            let read = matches!(event.action, Action::Read | Action::ReadPast);
            !(read && event.outcome == Outcome::Done)
        };
        self.hand_in(&events.iter().filter(noted).collect::<Vec<_>>())
    }

    /// The engine counts what it gives out, and gives out nothing where all uses are spent.
    fn spend(&mut self, _: PrincipalId, _: u32, events: &[Event]) -> Result<bool, Trouble> {
        if self.age.get().is_some() {
            let why = "a token of so many uses is counted there, and a copy counts nothing";
            return Err(Trouble::new(TroubleClass::Unreachable, why));
        }
        self.audit_append(events)?;
        Ok(true)
    }

    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        let query = AuditQuery { chain, after, limit: limit.min(MAX_PAGE) }.encode();
        let path = engine::path::audit(Named::Own);
        let answer = self.caller.ask(&Question { query: &query, ..Question::get(&path) })?;
        engine::decode_entries(&answer.body, chain).map_err(|_| answer::garbled())
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        let path = engine::path::audit_chains(Named::Own);
        let answer = self.caller.ask(&Question::get(&path))?;
        engine::decode_chains(&answer.body).map_err(|_| answer::garbled())
    }
}
