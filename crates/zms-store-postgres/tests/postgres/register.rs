//! Whether one order explains what many saw of one register: each call at one moment between its
//! begin and its end, and each seeing what the calls before it left. This is linearizability, and
//! the search is that of Wing and Gong with Lowe's memory of what was tried.
//!
//! A call of which nobody knows the outcome may have happened at any moment since it began, however
//! late, or never.

#[path = "register/left.rs"]
mod left;
#[cfg(test)]
#[path = "register/tests.rs"]
mod tests;

use std::{collections::HashSet, time::Instant};

use self::left::Left;

/// What a register holds.
pub type Value = [u8; 32];

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saw {
    /// It was shown this.
    Read(Value),
    /// It put one value in the place of another.
    Swapped { from: Value, to: Value },
    /// It would have, and something else was there.
    Refused { from: Value },
    /// It would have, and nobody knows.
    Perhaps { from: Value, to: Value },
}

/// A call, with its times by one clock.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub saw: Saw,
    pub begun: Instant,
    pub ended: Instant,
}

impl Call {
    /// What the register holds after it, where it can happen now.
    fn after(&self, held: Value) -> Option<Value> {
        match self.saw {
            Saw::Read(shown) => (shown == held).then_some(held),
            Saw::Refused { from } => (from != held).then_some(held),
            Saw::Swapped { from, to } | Saw::Perhaps { from, to } => (from == held).then_some(to),
        }
    }

    /// When it had happened, where it did for sure.
    fn over(&self) -> Option<Instant> {
        (!matches!(self.saw, Saw::Perhaps { .. })).then_some(self.ended)
    }
}

/// The most states of a search. Where no value is written twice there is about one for each.
const MOST: usize = 100_000;

/// A moment at which one of several changes comes next.
struct Choice {
    /// How many calls came before.
    taken: usize,
    held: Value,
    /// Changes that were not tried yet.
    next: Vec<usize>,
}

/// Calls in an order that explains them all, without those that never happened.
///
/// # Panics
/// Where there are too many orders to try.
pub fn order(first: Value, calls: Vec<Call>) -> Option<Vec<Call>> {
    let mut left = Left::new(calls);
    let mut held = first;
    let mut taken: Vec<usize> = Vec::new();
    let mut tried = HashSet::new();
    let mut choices: Vec<Choice> = Vec::new();
    loop {
        // What changes nothing is in nobody's way, so it is never wrong to take it at once.
        loop {
            let same = left.possible(|call| call.after(held) == Some(held));
            if same.is_empty() {
                break;
            }
            same.iter().for_each(|at| left.take(*at));
            taken.extend(same);
        }
        if left.all_explained() {
            return Some(taken.iter().map(|at| left.calls[*at]).collect());
        }
        let next = match tried.insert((left.there().to_vec(), held)) {
            true => left.possible(|call| call.after(held).is_some()),
            false => Vec::new(),
        };
        assert!(tried.len() <= MOST, "there are too many orders to try");
        choices.push(Choice { taken: taken.len(), held, next });
        loop {
            let choice = choices.last_mut()?;
            for at in taken.drain(choice.taken..).rev() {
                left.put_back(at);
            }
            if let Some(at) = choice.next.pop() {
                held = left.calls[at].after(choice.held).expect("it is possible");
                left.take(at);
                taken.push(at);
                break;
            }
            choices.pop();
        }
    }
}
