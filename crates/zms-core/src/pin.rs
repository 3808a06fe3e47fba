//! Pins: what a client has seen and will not go behind. spec/pins.md

use std::collections::BTreeMap;

use crate::{id::ScopeId, scope::Lineage};

/// The newest roster seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RosterPin {
    /// Its generation.
    pub generation: u64,
    /// Its version.
    pub version: u64,
    /// Hash of its message: a number alone is no pin.
    pub hash: [u8; 32],
}

/// The newest revision seen of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadPin {
    /// Its number.
    pub revision: u64,
    /// Hash of its message.
    pub hash: [u8; 32],
}

/// All that one principal has seen of its vault.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pins {
    /// Absent at first use.
    pub roster: Option<RosterPin>,
    /// By lineage and not by scope id, so that an id grafted elsewhere moves no pin.
    pub heads: BTreeMap<Lineage, HeadPin>,
}

/// What is pinned, however it is kept: only what is asked for needs to be looked up.
pub trait Pinned {
    /// The newest roster seen; absent at first use.
    fn roster(&self) -> Option<RosterPin>;

    /// The newest head seen of one lineage.
    fn head(&self, lineage: &[ScopeId]) -> Option<HeadPin>;

    /// Whether taking this in would change anything.
    fn gains(&self, seen: &Pins) -> bool {
        let Some(new) = seen.roster else { return false };
        let Some(old) = self.roster().filter(|old| old.generation >= new.generation) else {
            return true;
        };
        let older = |lineage, head: &HeadPin| {
            self.head(lineage).is_none_or(|held| head.revision > held.revision)
        };
        let higher = || seen.heads.iter().any(|(lineage, head)| older(lineage, head));
        old.generation == new.generation && (new.version > old.version || higher())
    }
}

impl Pinned for Pins {
    fn roster(&self) -> Option<RosterPin> {
        self.roster
    }

    fn head(&self, lineage: &[ScopeId]) -> Option<HeadPin> {
        self.heads.get(lineage).copied()
    }
}

impl Pins {
    /// Takes in what was seen since. A higher generation voids all older pins; within one,
    /// nothing is lowered.
    pub fn advance(&mut self, seen: Self) {
        let Some(new) = seen.roster else { return };
        match self.roster {
            Some(old) if old.generation > new.generation => {}
            Some(old) if old.generation == new.generation => {
                if new.version > old.version {
                    self.roster = Some(new);
                }
                for (lineage, head) in seen.heads {
                    let held = self.heads.entry(lineage).or_insert(head);
                    if head.revision > held.revision {
                        *held = head;
                    }
                }
            }
            _ => *self = Self { roster: Some(new), heads: seen.heads },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(generation: u64, version: u64, revision: u64) -> Pins {
        let head = HeadPin { revision, hash: [revision as u8; 32] };
        Pins {
            roster: Some(RosterPin { generation, version, hash: [version as u8; 32] }),
            heads: [(vec![ScopeId([1; 16])], head)].into(),
        }
    }

    #[test]
    fn nothing_lowers_a_pin_but_a_higher_generation() {
        let mut pins = seen(2, 5, 7);
        pins.advance(seen(2, 4, 6));
        assert_eq!(pins, seen(2, 5, 7));
        pins.advance(seen(1, 9, 9));
        assert_eq!(pins, seen(2, 5, 7));
        pins.advance(seen(2, 6, 8));
        assert_eq!(pins, seen(2, 6, 8));
        pins.advance(seen(3, 7, 1));
        assert_eq!(pins, seen(3, 7, 1));
    }

    #[test]
    fn what_changes_nothing_is_no_gain() {
        let elsewhere = |mut pins: Pins| {
            let moved = pins.heads.pop_first().expect("one head").1;
            pins.heads.insert(vec![ScopeId([2; 16])], moved);
            pins
        };
        let all = [Pins::default(), seen(1, 9, 9), seen(2, 5, 7), seen(2, 6, 6), seen(2, 5, 8)];
        let all: Vec<Pins> =
            all.into_iter().chain([seen(3, 1, 1), elsewhere(seen(2, 5, 7))]).collect();
        for pins in &all {
            for seen in &all {
                let mut after = pins.clone();
                after.advance(seen.clone());
                assert_eq!(pins.gains(seen), after != *pins, "{pins:?} and {seen:?}");
            }
        }
    }
}
