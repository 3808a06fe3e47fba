//! What many writers and readers saw, and whether one order explains it all.
//!
//! A scope is a register that is only ever changed by compare-and-swap: revision after revision.
//! So its history is linearizable if every acknowledged commit is in the chain, each revision once,
//! and each operation lies in the order of real time: whatever was acknowledged before it began it
//! has seen, and nothing that began after it ended.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use zms_core::{
    id::{ScopeId, VaultId},
    revision::{Revision, message_hash},
};
use zms_store::Store;

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
    pub writes: bool,
    /// The revision that was to be made, or that was shown.
    pub revision: u64,
    pub hash: [u8; 32],
    pub begun: Instant,
    pub ended: Instant,
    pub outcome: Ended,
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

    /// The longest time without an acknowledged commit.
    pub fn longest_gap(&self) -> Duration {
        let mut ends: Vec<Instant> = self
            .all()
            .into_iter()
            .filter(|it| it.writes && it.outcome == Ended::Done)
            .map(|it| it.ended)
            .collect();
        ends.sort();
        ends.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// When the first commit that began after a moment was acknowledged, as seen from there.
    pub fn first_after(&self, moment: Instant) -> Option<Duration> {
        let later = |it: &&Operation| it.writes && it.outcome == Ended::Done && it.ended > moment;
        self.all().iter().filter(later).map(|it| it.ended - moment).min()
    }

    /// Panics unless one order explains it all.
    pub fn check<S: Store>(&self, open: impl Fn(VaultId) -> S) {
        let mut scopes: HashMap<(VaultId, ScopeId), Vec<Operation>> = HashMap::new();
        for operation in self.all() {
            scopes.entry((operation.vault, operation.scope)).or_default().push(operation);
        }
        for ((vault, scope), operations) in scopes {
            let store = open(vault);
            let bundle = store.bundle().expect("it is read");
            let mut chain = bundle.revision_messages(scope, 0).expect("it is read");
            chain.extend(bundle.head(scope).expect("it is read").map(|head| head.message));
            let mut hash = [0; 32];
            for (number, message) in (1..).zip(&chain) {
                let revision = Revision::parse(message).expect("it is one of ours");
                assert_eq!((revision.revision, revision.prev_hash), (number, hash), "no gap");
                hash = message_hash(message);
            }
            let chain: Vec<[u8; 32]> = chain.iter().map(|message| message_hash(message)).collect();
            explain(&operations, &chain);
        }
    }
}

fn explain(operations: &[Operation], chain: &[[u8; 32]]) {
    let mut ordered: Vec<&Operation> = operations.iter().collect();
    ordered.sort_by_key(|it| it.begun);
    // When the commit that made a revision began: nobody can have seen it before.
    let mut made: HashMap<u64, Instant> = HashMap::new();
    for it in &ordered {
        let place = chain.get((it.revision as usize).wrapping_sub(1));
        let there = place == Some(&it.hash);
        if it.outcome == Ended::Done {
            assert!(there, "revision {} was acknowledged and is lost", it.revision);
        }
        if it.writes && it.outcome == Ended::Lost {
            assert!(!there, "revision {} was refused and is there", it.revision);
        }
        if it.writes && there {
            assert!(made.insert(it.revision, it.begun).is_none(), "two won {}", it.revision);
        }
    }
    let mut done: Vec<&Operation> =
        ordered.iter().copied().filter(|it| it.outcome == Ended::Done).collect();
    done.sort_by_key(|it| it.ended);
    // The highest revision that was acknowledged before an operation began.
    let (mut seen, mut next) = (0, 0);
    for it in ordered.iter().filter(|it| it.outcome == Ended::Done) {
        while let Some(before) = done.get(next).filter(|before| before.ended < it.begun) {
            seen = seen.max(before.revision);
            next += 1;
        }
        let least = if it.writes { seen + 1 } else { seen };
        assert!(it.revision >= least, "revision {} after {seen} was seen", it.revision);
        if let Some(begun) = made.get(&it.revision) {
            assert!(*begun <= it.ended, "revision {} was seen before it was made", it.revision);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(writes: bool, revision: u64, from: u64, to: u64, outcome: Ended) -> Operation {
        static ZERO: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let zero = *ZERO.get_or_init(Instant::now);
        let (vault, scope) = (VaultId([0; 16]), ScopeId([0; 16]));
        let hash = [revision as u8; 32];
        let (begun, ended) = (zero + Duration::from_millis(from), zero + Duration::from_millis(to));
        Operation { vault, scope, writes, revision, hash, begun, ended, outcome }
    }

    fn explains(operations: &[Operation], length: u8) -> bool {
        let chain: Vec<_> = (1..=length).map(|number| [number; 32]).collect();
        std::panic::catch_unwind(|| explain(operations, &chain)).is_ok()
    }

    #[test]
    fn what_no_order_explains_is_found() {
        let (done, lost, unknown) = (Ended::Done, Ended::Lost, Ended::Unknown);
        let two = [at(true, 1, 0, 10, done), at(true, 2, 20, 30, done)];
        assert!(explains(&two, 2));
        assert!(!explains(&two, 1), "an acknowledged commit is lost");
        assert!(!explains(&[at(true, 1, 0, 10, done), at(true, 1, 0, 10, done)], 1), "two won");
        assert!(!explains(&[at(true, 1, 0, 10, lost)], 1), "it was refused and is there");
        assert!(explains(&[at(true, 1, 0, 10, unknown)], 1));
        assert!(explains(&[at(true, 1, 0, 10, unknown)], 0));
        assert!(!explains(&[two[0].clone(), two[1].clone(), at(false, 1, 40, 50, done)], 2), "old");
        assert!(explains(&[two[0].clone(), two[1].clone(), at(false, 1, 15, 50, done)], 2));
        assert!(!explains(&[at(false, 1, 0, 5, done), at(true, 1, 10, 20, done)], 1), "early");
    }
}
