//! Calls that have no place in the order yet.

use std::time::Instant;

use super::Call;

/// A list from which calls are taken and put back in reverse, as they began.
pub struct Left {
    pub calls: Vec<Call>,
    /// The neighbours of each that is left, in a ring that begins and ends behind the last call.
    next: Vec<usize>,
    previous: Vec<usize>,
    /// A bit for each that is left.
    there: Vec<u64>,
    /// How many of them happened for sure.
    unexplained: usize,
}

impl Left {
    pub fn new(mut calls: Vec<Call>) -> Self {
        calls.sort_by_key(|call| call.begun);
        let ring = calls.len() + 1;
        Self {
            next: (0..ring).map(|at| (at + 1) % ring).collect(),
            previous: (0..ring).map(|at| (at + ring - 1) % ring).collect(),
            there: vec![u64::MAX; ring.div_ceil(64)],
            unexplained: calls.iter().filter(|call| call.over().is_some()).count(),
            calls,
        }
    }

    /// Those that nothing else that is left came before, and that a rule takes.
    pub fn possible(&self, rule: impl Fn(&Call) -> bool) -> Vec<usize> {
        let mut possible = Vec::new();
        let mut first_over: Option<Instant> = None;
        let mut at = self.next[self.calls.len()];
        while let Some(call) = self.calls.get(at) {
            if first_over.is_some_and(|over| call.begun > over) {
                break;
            }
            if rule(call) {
                possible.push(at);
            }
            first_over = first_over.into_iter().chain(call.over()).min();
            at = self.next[at];
        }
        possible
    }

    pub fn take(&mut self, at: usize) {
        let (next, previous) = (self.next[at], self.previous[at]);
        (self.next[previous], self.previous[next]) = (next, previous);
        self.there[at / 64] &= !(1 << (at % 64));
        self.unexplained -= usize::from(self.calls[at].over().is_some());
    }

    /// Puts back the one that was taken last.
    pub fn put_back(&mut self, at: usize) {
        let (next, previous) = (self.next[at], self.previous[at]);
        (self.next[previous], self.previous[next]) = (at, at);
        self.there[at / 64] |= 1 << (at % 64);
        self.unexplained += usize::from(self.calls[at].over().is_some());
    }

    /// Whether all that is left may as well never have happened.
    pub fn all_explained(&self) -> bool {
        self.unexplained == 0
    }

    pub fn there(&self) -> &[u64] {
        &self.there
    }
}
