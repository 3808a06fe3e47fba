//! A walk along one chain, entry by entry: what fits, what does not, and what checkpoints prove.
//! spec/audit.md#verifying

use super::{Entry, Head};
use crate::id::VaultId;

/// How far behind its place an entry is looked for that was moved up.
const NEAR: u64 = 1000;

/// What is wrong at a place of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The entry says something else than what its hash was made of.
    Edited,
    /// One entry or more are missing here.
    Missing,
    /// The entry that belongs here stands elsewhere.
    Reordered {
        /// Where.
        stands_at: u64,
    },
    /// The entry is whole, but follows another one than the one before it: that one was made
    /// anew, or some between are gone.
    Unlinked,
    /// The store can not read the entry.
    Unreadable,
    /// The entry is not the one that a checkpoint covers: the chain was made anew up to here.
    Remade,
    /// The chain ends before an entry that a checkpoint covers.
    Cut {
        /// The entry that was there.
        covered: u64,
    },
}

/// The first place of a chain that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// The place, from 1.
    pub seq: u64,
    /// Unix seconds that the entry there tells; `None` where there is none.
    pub time: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// Which chain.
    pub chain: u64,
    /// How many entries were there.
    pub entries: u64,
    /// The last one; `None` where there was none.
    pub last: Option<Head>,
    /// The first place that does not fit.
    pub bad: Option<Bad>,
    /// The first and the last entry that a checkpoint proves.
    pub proven: Option<(u64, u64)>,
}

/// A walk from the first entry to the last. It goes on behind what does not fit.
pub struct Walk {
    vault: VaultId,
    chain: u64,
    /// The entry before.
    seq: u64,
    hash: [u8; 32],
    entries: u64,
    /// From here on every entry fits the one before.
    sound_from: u64,
    bad: Option<Bad>,
    /// The hash that the entry that belongs in the first bad place names as its predecessor.
    wanted: Option<[u8; 32]>,
    /// What checkpoints say of this chain, the nearest last.
    marks: Vec<Head>,
    proven: Option<(u64, u64)>,
}

impl Walk {
    /// Begins before the first entry. `marks` are the entries that verified checkpoints cover.
    pub fn new(vault: VaultId, chain: u64, marks: impl IntoIterator<Item = Head>) -> Self {
        let mut marks: Vec<Head> = marks.into_iter().filter(|mark| mark.chain == chain).collect();
        marks.sort_unstable_by_key(|mark| std::cmp::Reverse(mark.seq));
        Self {
            vault,
            chain,
            seq: 0,
            hash: [0; 32],
            entries: 0,
            sound_from: 1,
            bad: None,
            wanted: None,
            marks,
            proven: None,
        }
    }

    /// Begins behind an entry that is known.
    pub fn behind(vault: VaultId, head: &Head) -> Self {
        let start = Self::new(vault, head.chain, []);
        Self { seq: head.seq, hash: head.hash, sound_from: head.seq, ..start }
    }

    /// The place of the entry before.
    pub const fn at(&self) -> u64 {
        self.seq
    }

    /// Whether everything so far fits.
    pub const fn is_good(&self) -> bool {
        self.bad.is_none()
    }

    /// The entry before, as a head.
    pub const fn head(&self) -> Head {
        Head { chain: self.chain, seq: self.seq, hash: self.hash }
    }

    /// Takes the next entry, as the store gives it.
    pub fn take(&mut self, entry: &Entry) {
        let whole = entry.chain == self.chain && entry.hash == entry.computed_hash(self.vault);
        let next = self.seq.checked_add(1) == Some(entry.seq);
        if !(whole && next && entry.prev_hash == self.hash) {
            if self.bad.is_none() {
                let fault = self.fault(entry, whole, next);
                let time = (fault != Fault::Missing).then_some(entry.event.time);
                let seq = self.seq.saturating_add(1);
                self.bad = Some(Bad { seq, time, fault });
                self.wanted = (entry.prev_hash != self.hash).then_some(self.hash);
            }
            self.sound_from = if whole { entry.seq } else { entry.seq.saturating_add(1) };
        }
        if self.wanted == Some(entry.prev_hash)
            && let Some(bad) = &mut self.bad
        {
            bad.fault = Fault::Reordered { stands_at: entry.seq };
            self.wanted = None;
        }
        (self.seq, self.hash) = (entry.seq, entry.hash);
        self.entries += 1;
        self.pass_marks(entry);
    }

    /// Notes that the store can not read the next entry.
    pub fn unreadable(&mut self) {
        self.seq = self.seq.saturating_add(1);
        let bad = Bad { seq: self.seq, time: None, fault: Fault::Unreadable };
        self.bad.get_or_insert(bad);
        self.sound_from = self.seq.saturating_add(1);
        // No hash is zero but that before the first entry.
        self.hash = [0; 32];
        self.entries += 1;
    }

    /// Ends the walk behind the last entry.
    pub fn end(mut self) -> Walked {
        // The farthest one first: it says how much is gone.
        if let Some(mark) = self.marks.first().filter(|mark| mark.seq > self.seq) {
            let (seq, fault) = (self.seq.saturating_add(1), Fault::Cut { covered: mark.seq });
            self.bad.get_or_insert(Bad { seq, time: None, fault });
        }
        let last = (self.entries > 0).then(|| self.head());
        let Self { chain, entries, bad, proven, .. } = self;
        Walked { chain, entries, last, bad, proven }
    }

    /// What the first entry that does not fit shows of what was done.
    fn fault(&self, entry: &Entry, whole: bool, next: bool) -> Fault {
        let moved = || {
            let near = self.seq.saturating_add(2)..self.seq.saturating_add(NEAR);
            near.into_iter().any(|seq| Entry { seq, ..entry.clone() }.fits(self.vault))
        };
        let relinked = || Entry { prev_hash: self.hash, ..entry.clone() }.fits(self.vault);
        match (whole, next) {
            (_, false) => Fault::Missing,
            (true, true) => Fault::Unlinked,
            (false, true) if entry.prev_hash == self.hash || relinked() => Fault::Edited,
            (false, true) if moved() => Fault::Missing,
            (false, true) => Fault::Edited,
        }
    }

    fn pass_marks(&mut self, entry: &Entry) {
        while let Some(mark) = self.marks.pop_if(|mark| mark.seq <= entry.seq) {
            if mark.seq < entry.seq {
                // What it covers is missing, which is noted already.
                continue;
            }
            if mark.hash != entry.hash {
                let (seq, time) = (entry.seq, Some(entry.event.time));
                self.bad.get_or_insert(Bad { seq, time, fault: Fault::Remade });
                // A later checkpoint proves nothing of what this one contests.
                self.sound_from = seq.saturating_add(1);
            } else if self.sound_from <= entry.seq {
                self.proven = Some((self.sound_from, entry.seq));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{Action, Event, Outcome},
        id::PrincipalId,
    };

    const VAULT: VaultId = VaultId([1; 16]);

    fn chain(length: u64) -> Vec<Entry> {
        chain_by(length, 7)
    }

    fn chain_by(length: u64, who: u8) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for seq in 1..=length {
            let prev_hash = entries.last().map_or([0; 32], |entry| entry.hash);
            let event = Event {
                time: 1000 + seq,
                principal: PrincipalId([who; 16]),
                action: Action::Read,
                scope: None,
                revision: seq,
                outcome: Outcome::Done,
            };
            entries.push(Entry::new(VAULT, 0, seq, prev_hash, event));
        }
        entries
    }

    fn mark(entry: &Entry) -> Head {
        Head { chain: entry.chain, seq: entry.seq, hash: entry.hash }
    }

    fn walked(entries: &[Entry], marks: &[Head]) -> Walked {
        let mut walk = Walk::new(VAULT, 0, marks.iter().copied());
        entries.iter().for_each(|entry| walk.take(entry));
        walk.end()
    }

    /// The first bad place, and the entries that are proven.
    type Found = (Option<(u64, Fault)>, Option<(u64, u64)>);

    /// As walked with checkpoints at entries 4 and 8 of the real chain.
    fn found(edit: impl FnOnce(&mut Vec<Entry>)) -> Found {
        let mut entries = chain(10);
        let marks = [mark(&entries[3]), mark(&entries[7])];
        edit(&mut entries);
        let walked = walked(&entries, &marks);
        (walked.bad.map(|bad| (bad.seq, bad.fault)), walked.proven)
    }

    #[test]
    fn a_chain_as_it_was_made_is_proven_up_to_the_newest_checkpoint() {
        assert_eq!(found(|_| ()), (None, Some((1, 8))));
        let whole = walked(&chain(10), &[]);
        assert_eq!((whole.entries, whole.bad, whole.proven), (10, None, None));
        assert_eq!(whole.last, chain(10).last().map(mark));
        assert_eq!(walked(&[], &[]).last, None);
    }

    #[test]
    fn an_edit_is_named() {
        assert_eq!(found(|e| e[4].event.revision = 9), (Some((5, Fault::Edited)), Some((6, 8))));
        assert_eq!(found(|e| e[4].prev_hash[0] ^= 1), (Some((5, Fault::Edited)), Some((6, 8))));
        assert_eq!(found(|e| e[9].event.time = 0), (Some((10, Fault::Edited)), Some((1, 8))));
        assert_eq!(found(|e| e[7].event.time = 0), (Some((8, Fault::Edited)), Some((1, 4))));
        // With its hash made anew, the next one gives it away, which a checkpoint proves.
        let anew = |e: &mut Vec<Entry>| {
            e[4].event.revision = 9;
            e[4].hash = e[4].computed_hash(VAULT);
        };
        assert_eq!(found(anew), (Some((6, Fault::Unlinked)), Some((6, 8))));
    }

    #[test]
    fn what_is_missing_is_named() {
        let removed = found(|e| e.retain(|entry| entry.seq != 5));
        assert_eq!(removed, (Some((5, Fault::Missing)), Some((6, 8))));
        assert_eq!(found(|e| drop(e.drain(..3))), (Some((1, Fault::Missing)), Some((4, 8))));
        let renumbered = |e: &mut Vec<Entry>| {
            e.remove(4);
            e[4..].iter_mut().for_each(|entry| entry.seq -= 1);
        };
        assert_eq!(found(renumbered), (Some((5, Fault::Missing)), Some((1, 4))));
    }

    #[test]
    fn another_order_is_named() {
        let swap = |e: &mut Vec<Entry>| {
            (e[4].seq, e[6].seq) = (7, 5);
            e.swap(4, 6);
        };
        let (bad, proven) = found(swap);
        assert_eq!(bad, Some((5, Fault::Reordered { stands_at: 7 })));
        assert_eq!(
            proven,
            Some((8, 8)),
            "the eighth itself is whole, and what a checkpoint covers"
        );
        let to_the_end = |e: &mut Vec<Entry>| {
            let mut entry = e.remove(4);
            entry.seq = 11;
            e.push(entry);
        };
        assert_eq!(found(to_the_end).0, Some((5, Fault::Reordered { stands_at: 11 })));
    }

    #[test]
    fn a_cut_shows_against_a_checkpoint_only() {
        assert_eq!(found(|e| e.truncate(8)), (None, Some((1, 8))));
        let cut = Fault::Cut { covered: 8 };
        assert_eq!(found(|e| e.truncate(7)), (Some((8, cut)), Some((1, 4))));
        assert_eq!(found(Vec::clear), (Some((1, cut)), None));
    }

    #[test]
    fn a_chain_made_anew_shows_against_a_checkpoint_only() {
        assert_eq!(found(|e| *e = chain_by(10, 8)), (Some((4, Fault::Remade)), None));
        // From the fifth on only.
        let tail = |e: &mut Vec<Entry>| {
            for at in 4..e.len() {
                e[at].event.principal = PrincipalId([8; 16]);
                e[at].prev_hash = e[at - 1].hash;
                e[at].hash = e[at].computed_hash(VAULT);
            }
        };
        assert_eq!(found(tail), (Some((8, Fault::Remade)), Some((1, 4))));
        // A checkpoint of the chain that was made anew is no witness for what another contests.
        let other = chain_by(10, 8);
        let both = walked(&other, &[mark(&chain(4)[3]), mark(&other[7])]);
        assert_eq!((both.bad.map(|bad| bad.seq), both.proven), (Some(4), Some((5, 8))));
    }

    #[test]
    fn what_can_not_be_read_is_named_and_passed() {
        let entries = chain(10);
        let mut walk = Walk::new(VAULT, 0, [mark(&entries[7])]);
        walk.take(&entries[0]);
        walk.unreadable();
        entries[2..].iter().for_each(|entry| walk.take(entry));
        let walked = walk.end();
        let bad = Bad { seq: 2, time: None, fault: Fault::Unreadable };
        assert_eq!((walked.bad, walked.proven), (Some(bad), Some((3, 8))));
    }

    #[test]
    fn a_walk_goes_on_behind_a_known_entry() {
        let entries = chain(10);
        let mut walk = Walk::behind(VAULT, &mark(&entries[5]));
        entries[6..].iter().for_each(|entry| walk.take(entry));
        assert!(walk.is_good() && walk.head() == mark(&entries[9]));
        let mut walk = Walk::behind(VAULT, &mark(&chain_by(10, 8)[5]));
        walk.take(&entries[6]);
        assert!(!walk.is_good());
    }
}
