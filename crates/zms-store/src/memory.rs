//! The reference store: says in the fewest words what every promise means.
//!
//! A state never changes once it is made. A commit makes the next one aside and then swaps it in,
//! so it is all or nothing; a bundle holds on to the state it was asked for.

mod shown;
mod state;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use zms_core::{
    audit::{Entry, Event},
    batch::Batch,
    bundle::{Bundle, Trouble, TroubleClass},
    id::{PrincipalId, WrappedId},
    wrapped::MAX_KEPT,
};
use zms_crypto::Key;

use self::{shown::Shown, state::State};
use crate::{Check, CommitError, Keeper, Mark, Noted, Request, Store, Waiting};

/// A vault in memory.
#[derive(Default)]
pub struct MemoryStore {
    state: Arc<Mutex<Arc<State>>>,
}

impl MemoryStore {
    /// A store of its own that starts from this one's state: an old state to replay. Cheap, since
    /// states are shared.
    pub fn snapshot(&self) -> Self {
        Self { state: Arc::new(Mutex::new(self.current())) }
    }

    /// Another handle on the same store: what one commits, the other shows.
    pub fn share(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }

    fn current(&self) -> Arc<State> {
        Arc::clone(&self.lock())
    }

    /// States are swapped in whole, so one that a panic left behind is a good one.
    fn lock(&self) -> MutexGuard<'_, Arc<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper for MemoryStore {
    fn commit_checked(
        &mut self,
        batch: &Batch,
        events: &[Event],
        check: Check<'_>,
    ) -> Result<(), CommitError> {
        let mut current = self.lock();
        check(&Shown(Arc::clone(&current)))?;
        let mut next = State::clone(&current);
        next.apply(batch)?;
        next.append(events)?;
        *current = Arc::new(next);
        Ok(())
    }

    fn mark(&self) -> Result<Mark, Trouble> {
        Ok(self.current().mark())
    }

    fn marked(&self) -> Result<(Box<dyn Bundle + '_>, Mark), Trouble> {
        let current = self.current();
        let mark = current.mark();
        Ok((Box::new(Shown(current)), mark))
    }

    fn request_key(&self, principal: PrincipalId) -> Result<Option<Key>, Trouble> {
        let current = self.current();
        Ok(current.members.get(&principal).map(|member| member.request_key.duplicate()))
    }

    fn keep_wrapped(&mut self, waiting: &Waiting, now: u64) -> Result<bool, Trouble> {
        let mut current = self.lock();
        let other = |why| Trouble::new(TroubleClass::Other, why);
        current.vault.ok_or_else(|| other("there is no vault"))?;
        let state = Arc::make_mut(&mut current);
        state.wrapped.retain(|_, (expires, _)| *expires >= now);
        if state.wrapped.contains_key(&waiting.id) {
            return Err(other("an answer of this id waits"));
        }
        let kept: usize = state.wrapped.values().map(|(_, sealed)| sealed.len()).sum();
        if (kept + waiting.sealed.len()) as u64 > MAX_KEPT {
            return Ok(false);
        }
        let sealed = Arc::new(waiting.sealed.clone());
        state.wrapped.insert(waiting.id, (waiting.expires, sealed));
        Ok(true)
    }

    fn wrapped(&self, id: WrappedId) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.current().wrapped.get(&id).map(|(_, sealed)| sealed.to_vec()))
    }

    fn take_wrapped(&mut self, id: WrappedId, events: &[Event]) -> Result<bool, Trouble> {
        let mut current = self.lock();
        let state = Arc::make_mut(&mut current);
        if !state.wrapped.contains_key(&id) {
            return Ok(false);
        }
        state.append(events)?;
        state.wrapped.remove(&id);
        Ok(true)
    }

    fn note_once(
        &mut self,
        request: &Request,
        now: u64,
        most: Option<u32>,
        events: &[Event],
    ) -> Result<Noted, Trouble> {
        let mut current = self.lock();
        let state = Arc::make_mut(&mut current);
        state.requests.retain(|_, good_until| *good_until >= now);
        let sent = (request.principal, request.mac);
        if state.requests.contains_key(&sent) {
            return Ok(Noted::Again);
        }
        let used = state.spent.get(&request.principal).copied().unwrap_or(0);
        if most.is_some_and(|most| used >= most) {
            return Ok(Noted::Used);
        }
        state.append(events)?;
        state.requests.insert(sent, request.good_until);
        if most.is_some() {
            state.spent.insert(request.principal, used + 1);
        }
        Ok(Noted::Done)
    }
}

impl Store for MemoryStore {
    fn bundle(&self) -> Result<Box<dyn Bundle + '_>, Trouble> {
        Ok(Box::new(Shown(self.current())))
    }

    fn commit(&mut self, batch: &Batch, events: &[Event]) -> Result<(), CommitError> {
        self.commit_checked(batch, events, &|_| Ok(()))
    }

    fn audit_append(&mut self, events: &[Event]) -> Result<(), Trouble> {
        // Either every event is appended or the first one is refused.
        Arc::make_mut(&mut self.lock()).append(events)
    }

    fn spend(
        &mut self,
        principal: PrincipalId,
        most: u32,
        events: &[Event],
    ) -> Result<bool, Trouble> {
        let mut current = self.lock();
        let state = Arc::make_mut(&mut current);
        if state.spent.get(&principal).copied().unwrap_or(0) >= most {
            return Ok(false);
        }
        state.append(events)?;
        *state.spent.entry(principal).or_default() += 1;
        Ok(true)
    }

    fn audit_read(&self, chain: u64, after: u64, limit: usize) -> Result<Vec<Entry>, Trouble> {
        let state = self.current();
        let behind = |entry: &&Entry| entry.chain == chain && entry.seq > after;
        Ok(state.audit.iter().filter(behind).take(limit).cloned().collect())
    }

    fn audit_chains(&self) -> Result<Vec<(u64, u64)>, Trouble> {
        let state = self.current();
        let ends: BTreeMap<u64, u64> = state.audit.iter().map(|it| (it.chain, it.seq)).collect();
        Ok(ends.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use zms_core::bundle::Wanted;

    use super::*;
    use crate::contract::{
        self,
        vault::{Vault, put, remove},
    };

    #[test]
    fn the_reference_keeps_every_promise() {
        contract::run(MemoryStore::default);
        contract::run_kept(MemoryStore::default);
    }

    #[test]
    fn two_handles_keep_every_promise() {
        contract::run_shared(|| {
            let store = MemoryStore::default();
            (store.share(), store)
        });
        contract::run_shared_kept(|| {
            let store = MemoryStore::default();
            (store.share(), store)
        });
    }

    #[test]
    fn a_snapshot_stays_what_it_was() {
        let mut store = MemoryStore::default();
        let mut vault = Vault::written(&mut store);
        let old = store.snapshot();
        let batch = vault.write(&store, "shop/production", &[put("A", b"new"), remove("B")]);
        vault.commit(&mut store, &batch);
        assert_eq!(vault.scope(&old, "shop/production").head.revision, 2);
        let scope = vault.scope(&store, "shop/production");
        assert_eq!(scope.head.revision, 3);
        let ended = |store: &MemoryStore| {
            store.bundle().unwrap().ended(scope.id(), &Wanted::All).unwrap().len()
        };
        assert_eq!((ended(&store), ended(&old)), (2, 0));
    }
}
