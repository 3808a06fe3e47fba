//! What many writers and readers saw, and whether one order explains it all.
//!
//! A scope is a register that is only ever changed by compare-and-swap: a revision names the one it
//! was made from. So each scope's history is held against the chain that is stored in the end, and
//! `register.rs` looks for an order of everything that was seen of it.

use std::{
    collections::HashMap,
    sync::Mutex,
    thread::sleep,
    time::{Duration, Instant},
};

use zms_core::{
    audit::first_bad,
    id::{ScopeId, VaultId},
    revision::{Revision, message_hash},
};
use zms_store::Store;

use crate::register::{Call, Saw, Value, order};

/// The revision of the scope once a vault is made, before anybody else is there.
pub const MADE: u64 = 2;

/// How long is waited for something.
const PATIENCE: Duration = Duration::from_secs(120);

/// What was done. A revision is told from every other by its message's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It put a revision on top of another.
    Commit { from: Value, to: Value },
    /// It was shown a revision.
    Read(Value),
    /// It was told how many commits there were, as who answers from what is at hand asks.
    Mark,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was acknowledged: committed, or shown.
    Done,
    /// Somebody was faster.
    Lost,
    /// Nobody knows.
    Unknown,
}

/// A commit or a read of one scope.
#[derive(Debug, Clone)]
pub struct Operation {
    pub vault: VaultId,
    pub scope: ScopeId,
    pub did: Did,
    /// The revision that was to be made, or that was shown.
    pub revision: u64,
    pub begun: Instant,
    pub ended: Instant,
    pub outcome: Ended,
}

impl Operation {
    /// Whether it is a commit that was acknowledged.
    fn made(&self) -> bool {
        matches!(self.did, Did::Commit { .. }) && self.outcome == Ended::Done
    }

    /// As what a register was asked, where a chain tells which revision is meant by a number.
    fn call(&self, chain: &[Value]) -> Call {
        let named = chain.get((self.revision as usize).wrapping_sub(1)).copied();
        let saw = match (self.did, self.outcome) {
            (Did::Commit { from, to }, Ended::Done) => Saw::Swapped { from, to },
            (Did::Commit { from, .. }, Ended::Lost) => Saw::Refused { from },
            (Did::Commit { from, to }, Ended::Unknown) => Saw::Perhaps { from, to },
            (Did::Read(shown), _) => Saw::Read(shown),
            (Did::Mark, _) => Saw::Read(named.expect("a mark tells of commits that there were")),
        };
        Call { saw, begun: self.begun, ended: self.ended }
    }
}

/// The longest time without one of some ends, and how long after a moment the next one came.
pub fn gap(mut ends: Vec<Instant>, moment: Instant) -> (Duration, Duration) {
    ends.sort();
    let longest = ends.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    let next = ends.iter().find(|end| **end > moment).expect("it goes on");
    (longest, *next - moment)
}

/// Waits until there are so many more of something; whether there are.
#[must_use]
pub fn goes_on(count: impl Fn() -> usize, more: usize) -> bool {
    let (begun, before) = (Instant::now(), count());
    while count() < before + more {
        if begun.elapsed() > PATIENCE {
            return false;
        }
        sleep(Duration::from_millis(50));
    }
    true
}

/// What was seen, by everybody.
#[derive(Default)]
pub struct History(Mutex<Vec<Operation>>);

impl History {
    pub fn note(&self, operation: Operation) {
        self.0.lock().expect("nobody panicked").push(operation);
    }

    pub fn all(&self) -> Vec<Operation> {
        self.0.lock().expect("nobody panicked").clone()
    }

    /// When commits were acknowledged.
    pub fn acknowledged(&self) -> Vec<Instant> {
        self.all().into_iter().filter(Operation::made).map(|it| it.ended).collect()
    }

    /// Panics unless one order explains it all, and what is stored.
    pub fn check<S: Store>(&self, open: impl Fn(VaultId) -> S) {
        let mut scopes: HashMap<(VaultId, ScopeId), Vec<Operation>> = HashMap::new();
        for operation in self.all() {
            scopes.entry((operation.vault, operation.scope)).or_default().push(operation);
        }
        for ((vault, scope), operations) in scopes {
            let begun = Instant::now();
            let chain = chain(&open(vault), scope);
            compare(&operations, &chain);
            let made = chain[MADE as usize - 1];
            let mut calls: Vec<Call> = operations.iter().map(|it| it.call(&chain)).collect();
            let last = Saw::Read(*chain.last().expect("it was made"));
            calls.push(Call { saw: last, begun, ended: Instant::now() });
            let told = format!("no order explains {} operations on {vault:?}", calls.len());
            assert!(order(made, calls).is_some(), "{told}");
        }
    }

    /// Panics unless every chain is whole, and tells of every read and commit that was acknowledged.
    pub fn check_audit<S: Store>(&self, open: impl Fn(VaultId) -> S) {
        let mut told: HashMap<VaultId, usize> = HashMap::new();
        for it in self.all().iter().filter(|it| it.outcome == Ended::Done) {
            *told.entry(it.vault).or_default() += 1;
        }
        for (vault, told) in told {
            let store = open(vault);
            let mut entries = 0;
            for (chain, last) in store.audit_chains().expect("it is read") {
                let chain = store.audit_read(chain, 0, usize::MAX).expect("it is read");
                assert_eq!(first_bad(vault, &chain), None);
                assert_eq!(chain.len() as u64, last);
                entries += chain.len();
            }
            assert!(entries >= told, "{told} were answered and {entries} noted");
        }
    }
}

/// The hashes of all revisions of a scope as they are stored, each on top of the one before.
fn chain(store: &impl Store, scope: ScopeId) -> Vec<Value> {
    let bundle = store.bundle().expect("it is read");
    let mut chain = bundle.revision_messages(scope, 0).expect("it is read");
    chain.extend(bundle.head(scope).expect("it is read").map(|head| head.message));
    let mut hash = [0; 32];
    for (number, message) in (1..).zip(&chain) {
        let revision = Revision::parse(message).expect("it is one of ours");
        assert_eq!((revision.revision, revision.prev_hash), (number, hash), "no gap");
        hash = message_hash(message);
    }
    chain.iter().map(|message| message_hash(message)).collect()
}

/// Panics unless what was acknowledged is stored, and what was refused is not.
fn compare(operations: &[Operation], chain: &[Value]) {
    let mut won = HashMap::new();
    for it in operations {
        let stored = chain.get((it.revision as usize).wrapping_sub(1));
        let there = match it.did {
            Did::Commit { to, .. } => stored == Some(&to),
            Did::Read(shown) => stored == Some(&shown),
            Did::Mark => stored.is_some(),
        };
        let number = it.revision;
        match it.outcome {
            Ended::Done => assert!(there, "revision {number} was acknowledged and is lost"),
            Ended::Lost => assert!(!there, "revision {number} was refused and is there"),
            Ended::Unknown => {}
        }
        if matches!(it.did, Did::Commit { .. }) && there {
            assert!(won.insert(number, it.begun).is_none(), "two won {number}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(did: Did, revision: u64, outcome: Ended) -> Operation {
        let now = Instant::now();
        let (vault, scope) = (VaultId([0; 16]), ScopeId([0; 16]));
        Operation { vault, scope, did, revision, begun: now, ended: now, outcome }
    }

    fn commit(revision: u8, outcome: Ended) -> Operation {
        let did = Did::Commit { from: [revision - 1; 32], to: [revision; 32] };
        operation(did, revision.into(), outcome)
    }

    fn compares(operations: &[Operation], length: u8) -> bool {
        let chain: Vec<Value> = (1..=length).map(|number| [number; 32]).collect();
        std::panic::catch_unwind(|| compare(operations, &chain)).is_ok()
    }

    #[test]
    fn what_is_not_stored_as_it_was_told_is_found() {
        let (done, lost, unknown) = (Ended::Done, Ended::Lost, Ended::Unknown);
        assert!(compares(&[commit(1, done), commit(2, done)], 2));
        assert!(!compares(&[commit(1, done), commit(2, done)], 1), "an acknowledged one is lost");
        assert!(!compares(&[commit(1, done), commit(1, done)], 1), "two won");
        assert!(!compares(&[commit(1, lost)], 1), "it was refused and is there");
        assert!(compares(&[commit(1, lost)], 0));
        assert!(compares(&[commit(1, unknown)], 1));
        assert!(compares(&[commit(1, unknown)], 0));
        assert!(!compares(&[operation(Did::Read([2; 32]), 1, done)], 1), "it is another one");
        assert!(!compares(&[operation(Did::Mark, 2, done)], 1), "there never was one");
    }
}
