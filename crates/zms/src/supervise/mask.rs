//! Hides values in a stream, in every form in which programs usually print them, and holds back
//! no more of it than may yet become one.

mod beginnings;
mod forms;
mod json;
mod known;
mod percent;
mod words;

pub(super) use self::{
    known::Known,
    words::{SHORTEST, Words},
};

use std::rc::Rc;

use aho_corasick::automaton::StateID;
use zeroize::Zeroizing;

/// What stands in the place of a value.
pub(super) const HIDDEN: &[u8] = b"***";

/// One stream on its way through.
pub(super) struct Mask {
    words: Rc<Words>,
    /// Where in the words the stream stands; `None` where it is at most at their first bytes.
    state: Option<StateID>,
    /// How many first bytes these are.
    tail: usize,
    /// The last bytes that were passed on, where they may be the beginning of a value all the same:
    /// hidden as one, or let go.
    before: Zeroizing<Vec<u8>>,
    /// What is not passed on yet.
    held: Zeroizing<Vec<u8>>,
    /// Ranges of `held` that are part of a value: apart from each other, ascending.
    hidden: Vec<(usize, usize)>,
    /// Whether the last byte that was passed on was hidden.
    within: bool,
    /// Whether the next byte still carries bits of a value that was just seen in this alphabet.
    edge: forms::Edge,
}

impl Mask {
    /// A stream that has not begun.
    pub(super) fn new(words: Rc<Words>) -> Self {
        let [before, held] = [Zeroizing::default(), Zeroizing::default()];
        let edge = forms::Edge::Sharp;
        Self { words, state: None, tail: 0, before, held, hidden: vec![], within: false, edge }
    }

    /// More words from here on, the ones until now among them. What is held back stays so: it may
    /// be the beginning of either.
    pub(super) fn replace(&mut self, words: Rc<Words>, out: &mut Vec<u8>) {
        let next = Self { within: self.within, ..Self::new(words) };
        let Self { before, held, edge, .. } = std::mem::replace(self, next);
        self.state = self.words.state_behind(&before);
        self.before = before;
        if held.is_empty() {
            self.edge = edge;
        }
        self.feed(&held, out);
    }

    /// Takes in a piece of the stream, and passes on all of which is known what it is.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(first) = bytes.first() else { return };
        let begin = self.held.len();
        self.held.extend_from_slice(bytes);
        if std::mem::replace(&mut self.edge, forms::Edge::Sharp).carries(*first) {
            self.hide(begin, begin + 1);
        }
        if self.state.is_some() {
            self.look(begin);
        } else {
            // What is held and what went before it is at most a few first bytes: once more.
            self.state = self.words.state_behind(&self.before);
            self.look(0);
        }
        let mut known = self.held.len().saturating_sub(self.open());
        // What is hidden already stays so, whatever follows.
        for (from, to) in &self.hidden {
            if *from <= known && known < *to {
                known = *to;
            }
        }
        self.pass_on(known, out);
    }

    /// Finds every form in what is held. From place to place where one begins as the stream does,
    /// and only from there byte by byte.
    fn look(&mut self, mut at: usize) {
        let words = Rc::clone(&self.words);
        let mut least = 0;
        loop {
            let Some(state) = self.state else {
                let Some(begin) = words.beginning(&self.held, at) else { break };
                (at, least) = (begin, begin + SHORTEST);
                self.state = Some(words.start());
                continue;
            };
            let Some(byte) = self.held.get(at) else { break };
            let state = words.step(state, *byte);
            at += 1;
            if words.ends_here(state) {
                let (length, edge) = words.longest(state);
                // What was passed on already, because nothing followed for long, is gone.
                self.hide(at.saturating_sub(length), at);
                match self.held.get(at) {
                    Some(next) if edge.carries(*next) => self.hide(at, at + 1),
                    Some(_) => {}
                    None => self.edge = edge,
                }
            }
            let depth = words.depth(state);
            if depth < SHORTEST && depth <= at && at >= least {
                at -= depth;
                self.state = None;
            } else {
                self.state = Some(state);
            }
        }
        self.tail = words.begun(&self.held);
    }

    /// How many of the last bytes may be the beginning of a value, passed on or not.
    fn open(&self) -> usize {
        self.state.map_or(self.tail, |state| self.words.depth(state))
    }

    /// How many of the last bytes may be the beginning of a value; none where none is held back.
    pub(super) fn waits_for(&self) -> usize {
        if self.held.is_empty() { 0 } else { self.open() }
    }

    /// Passes on what was held back. Should it turn out to be the beginning of a value, the rest of
    /// that is hidden.
    pub(super) fn release(&mut self, out: &mut Vec<u8>) {
        self.pass_on(self.held.len(), out);
    }

    fn hide(&mut self, mut from: usize, mut to: usize) {
        while let Some((first, last)) = self.hidden.last().copied()
            && last >= from
        {
            (from, to) = (from.min(first), to.max(last));
            self.hidden.pop();
        }
        self.hidden.push((from, to));
    }

    fn pass_on(&mut self, end: usize, out: &mut Vec<u8>) {
        let mut at = 0;
        for (from, to) in &self.hidden {
            if *from >= end {
                break;
            }
            if *from > at {
                out.extend_from_slice(&self.held[at..*from]);
                self.within = false;
            }
            if !self.within {
                out.extend_from_slice(HIDDEN);
                self.within = true;
            }
            at = (*to).min(end);
        }
        if at < end {
            out.extend_from_slice(&self.held[at..end]);
            self.within = false;
        }
        let kept = self.open().saturating_sub(self.held.len() - end);
        let old = self.before.len();
        self.before.drain(..(old + end).saturating_sub(kept).min(old));
        self.before.extend_from_slice(&self.held[end.saturating_sub(kept)..end]);
        self.held.drain(..end);
        self.hidden.retain(|(_, to)| *to > end);
        for (from, to) in &mut self.hidden {
            (*from, *to) = (from.saturating_sub(end), *to - end);
        }
    }
}

#[cfg(test)]
mod agree;
#[cfg(test)]
mod tests;
