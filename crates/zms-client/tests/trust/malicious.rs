//! A store that lies: over a real one, whose bundles pass through until it is told otherwise.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use zms_core::{
    admit::{Tree, admit},
    audit::{Entry, Event},
    batch::{Batch, MemberPut},
    bundle::{Bundle, Trouble, TroubleClass},
    id::{PrincipalId, ScopeId},
};
use zms_crypto::Key;
use zms_store::{CommitError, Keeper, Store};

use crate::{
    state::State,
    world::{now, rng},
};

/// What the store shows, and what it does with commits.
#[derive(Clone)]
pub(crate) enum Face {
    /// The real store.
    Honest,
    /// The real store's states, each edited before it is shown; commits reach the real store.
    Twisted(Rc<dyn Fn(&mut State)>),
    /// A state of its own; commits are taken in without asking whether they fit.
    Own(Box<State>),
}

/// Handles are shared: what is told to one holds for all.
#[derive(Clone)]
pub(crate) struct Malicious(Rc<RefCell<Inner>>);

struct Inner {
    store: Box<dyn Keeper>,
    face: Face,
    scopes: BTreeSet<ScopeId>,
    principals: BTreeSet<PrincipalId>,
    /// The state after each commit.
    history: Vec<State>,
    /// Commits that still succeed.
    commits_left: Option<usize>,
    /// What it shows of the audit instead of the real one.
    audit: Option<Vec<Entry>>,
    /// Told of each commit once it is done.
    watch: Option<Rc<dyn Fn()>>,
    /// How often entries were appended, however many.
    appended: usize,
}

impl Malicious {
    pub(crate) fn over(store: Box<dyn Keeper>) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            store,
            face: Face::Honest,
            scopes: BTreeSet::new(),
            principals: BTreeSet::new(),
            history: Vec::new(),
            commits_left: None,
            audit: None,
            watch: None,
            appended: 0,
        })))
    }

    /// How often entries were appended, however many.
    pub(crate) fn appended(&self) -> usize {
        self.0.borrow().appended
    }

    /// What is really stored now.
    pub(crate) fn state(&self) -> State {
        self.0.borrow().real().expect("the real store is in no trouble").expect("there is a vault")
    }

    /// Every state there was, oldest first.
    pub(crate) fn history(&self) -> Vec<State> {
        self.0.borrow().history.clone()
    }

    pub(crate) fn wear(&self, face: Face) {
        self.0.borrow_mut().face = face;
    }

    pub(crate) fn honest(&self) {
        self.wear(Face::Honest);
    }

    /// Edits every state before it is shown.
    pub(crate) fn twist(&self, lie: impl Fn(&mut State) + 'static) {
        self.wear(Face::Twisted(Rc::new(lie)));
    }

    /// Shows a state of its own from now on.
    pub(crate) fn show(&self, state: State) {
        self.wear(Face::Own(Box::new(state)));
    }

    /// What it shows now.
    pub(crate) fn shown(&self) -> State {
        self.0.borrow().shown().expect("the real store is in no trouble").expect("there is a vault")
    }

    /// Works on what is really stored, and then wears the same face again.
    pub(crate) fn honestly<T>(&self, work: impl FnOnce() -> T) -> T {
        let face = std::mem::replace(&mut self.0.borrow_mut().face, Face::Honest);
        let done = work();
        self.wear(face);
        done
    }

    /// Lets so many commits through and then fails each: `None` ends that.
    pub(crate) fn fail_after(&self, commits: Option<usize>) {
        self.0.borrow_mut().commits_left = commits;
    }

    /// Shows these entries as its audit: `None` ends that. What is appended reaches the real one.
    pub(crate) fn show_audit(&self, entries: Option<Vec<Entry>>) {
        self.0.borrow_mut().audit = entries;
    }

    pub(crate) fn watch(&self, watch: impl Fn() + 'static) {
        self.0.borrow_mut().watch = Some(Rc::new(watch));
    }
}

impl Inner {
    fn real(&self) -> Result<Option<State>, Trouble> {
        State::of(&*self.store.bundle()?, &self.scopes, &self.principals)
    }

    fn shown(&self) -> Result<Option<State>, Trouble> {
        Ok(match &self.face {
            Face::Own(state) => Some((**state).clone()),
            Face::Honest => self.real()?,
            Face::Twisted(lie) => self.real()?.map(|mut state| {
                lie(&mut state);
                state
            }),
        })
    }

    fn note(&mut self, batch: &Batch) {
        for put in &batch.members {
            let (MemberPut::Joins { principal, .. } | MemberPut::Keyring { principal, .. }) = put;
            self.principals.insert(*principal);
        }
        self.scopes.extend(batch.scopes.iter().map(|put| put.revision.scope));
    }
}

impl Store for Malicious {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        let empty = || Trouble::new(TroubleClass::Other, "no test reads before there is a vault");
        Ok(Box::new(self.0.borrow().shown()?.ok_or_else(empty)?))
    }

    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError> {
        let watch = self.0.borrow().watch.clone();
        let mut inner = self.0.borrow_mut();
        match &mut inner.commits_left {
            Some(0) => return Err(Trouble::new(TroubleClass::Other, "told to fail").into()),
            Some(left) => *left -= 1,
            None => {}
        }
        inner.note(batch);
        if let Face::Own(state) = &mut inner.face {
            state.apply(batch);
            return Ok(());
        }
        // An engine takes in all that an honest client makes.
        let caller = events.first().expect("a commit has its entry").principal;
        let (shared, mut rng) = (Key::from_bytes(&[7; 32]), rng());
        let sent = Batch::decode(&batch.encode(&shared, &mut rng), &shared);
        let batch = &sent.expect("what was sent is what arrives");
        let check = |tree: &dyn Tree| admit(tree, caller, batch, now());
        inner.store.commit_checked(batch, events, &check)?;
        let state = inner.real()?;
        inner.history.extend(state);
        drop(inner);
        if let Some(watch) = watch {
            watch();
        }
        Ok(())
    }

    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        let mut inner = self.0.borrow_mut();
        inner.appended += 1;
        inner.store.audit_append(events)
    }

    fn spend(
        &mut self,
        principal: PrincipalId,
        most: u32,
        events: &[Event],
    ) -> Result<bool, Trouble> {
        self.0.borrow_mut().store.spend(principal, most, events)
    }

    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        let inner = self.0.borrow();
        let Some(shown) = &inner.audit else { return inner.store.audit_read(chain, after, limit) };
        let behind = |entry: &&Entry| entry.chain == chain && entry.seq > after;
        Ok(shown.iter().filter(behind).take(limit).cloned().collect())
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        let inner = self.0.borrow();
        let Some(shown) = &inner.audit else { return inner.store.audit_chains() };
        let ends: BTreeMap<u64, u64> = shown.iter().map(|it| (it.chain, it.seq)).collect();
        Ok(ends.into_iter().collect())
    }
}
