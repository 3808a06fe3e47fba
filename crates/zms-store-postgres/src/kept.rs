//! Records of scopes, kept by the head that they belong to. What a head signs never changes, so
//! nothing here is ever out of date; what is not asked for any more is let go.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use zms_core::{
    bundle::Wanted,
    id::{ScopeId, VaultId},
    record::{Envelope, StoredRecord},
};

/// A scope at one revision: the hash of its message tells it from every other, also after a restore.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct At {
    pub(crate) vault: VaultId,
    pub(crate) scope: ScopeId,
    pub(crate) head: [u8; 32],
}

/// Whole records of a scope.
type Records = Arc<Vec<StoredRecord>>;

/// Two generations: what was asked for since the younger one began is in it, and the older one goes
/// when the younger is full.
#[derive(Default)]
struct Generations {
    young: HashMap<At, Records>,
    old: HashMap<At, Records>,
    bytes: usize,
}

/// What is kept, within a number of bytes.
pub(crate) struct Kept {
    most: usize,
    generations: Mutex<Generations>,
}

impl Kept {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, generations: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records of a scope, those that are wanted whole.
    pub(crate) fn records(&self, at: &At, wanted: &Wanted) -> Option<Vec<StoredRecord>> {
        let records = {
            let mut held = self.held();
            match held.young.get(at) {
                Some(records) => Arc::clone(records),
                None => {
                    let records = Arc::clone(held.old.get(at)?);
                    self.add(&mut held, *at, Arc::clone(&records));
                    records
                }
            }
        };
        Some(records.iter().map(|record| as_wanted(record, wanted)).collect())
    }

    /// Keeps whole records of a scope.
    pub(crate) fn keep(&self, at: At, records: &[StoredRecord]) {
        self.add(&mut self.held(), at, Arc::new(records.to_vec()));
    }

    fn add(&self, held: &mut Generations, at: At, records: Records) {
        let bytes: usize = records.iter().map(weight).sum::<usize>() + 256;
        // Half of the room is the older generation's.
        if bytes > self.most / 8 {
            return;
        }
        if held.bytes + bytes > self.most / 2 {
            held.old = mem::take(&mut held.young);
            held.bytes = 0;
        }
        if held.young.insert(at, records).is_none() {
            held.bytes += bytes;
        }
    }
}

fn weight(record: &StoredRecord) -> usize {
    let Envelope::Whole(envelope) = &record.envelope else { return 128 };
    envelope.len() + 128
}

fn as_wanted(record: &StoredRecord, wanted: &Wanted) -> StoredRecord {
    let mut record = record.clone();
    if !wanted.includes(record.name_index) {
        record.envelope = Envelope::Bare(record.envelope.hash());
    }
    record
}

#[cfg(test)]
mod tests {
    use zms_core::id::NameIndex;

    use super::*;

    fn at(number: u8) -> At {
        At { vault: VaultId([1; 16]), scope: ScopeId([2; 16]), head: [number; 32] }
    }

    fn record(number: u8, length: usize) -> StoredRecord {
        let mut name_index = NameIndex([0; _]);
        name_index.0[0] = number;
        let envelope = Envelope::Whole(vec![number; length]);
        StoredRecord { name_index, rev_from: 1, epoch: 1, envelope }
    }

    #[test]
    fn what_is_kept_is_shown_as_it_is_wanted() {
        let kept = Kept::new(1 << 20);
        let records = [record(1, 10), record(2, 10)];
        kept.keep(at(1), &records);
        assert_eq!(kept.records(&at(1), &Wanted::All), Some(records.to_vec()));
        assert_eq!(kept.records(&at(2), &Wanted::All), None);
        let one = Wanted::Only(vec![records[1].name_index]);
        let shown = kept.records(&at(1), &one).unwrap();
        assert_eq!(shown[0].envelope, Envelope::Bare(records[0].envelope.hash()));
        assert_eq!(shown[1], records[1]);
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let kept = Kept::new(64 << 10);
        kept.keep(at(0), &[record(0, 1000)]);
        for number in 1..200 {
            kept.keep(at(number), &[record(number, 1000)]);
            assert!(kept.records(&at(0), &Wanted::All).is_some(), "asked for all the time");
        }
        assert_eq!(kept.records(&at(1), &Wanted::All), None);
        let held = kept.held();
        assert!(held.young.len() + held.old.len() < 64, "it is bounded");
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let kept = Kept::new(64 << 10);
        kept.keep(at(1), &[record(1, 60 << 10)]);
        assert_eq!(kept.records(&at(1), &Wanted::All), None);
    }
}
