//! All forms of all values, as one automaton.

use aho_corasick::{
    Anchored,
    automaton::{Automaton, StateID},
    nfa::contiguous::NFA,
};

use super::forms::{Edge, Form, forms};

/// Values of fewer bytes are not hidden: they stand everywhere.
pub(in crate::supervise) const SHORTEST: usize = 5;

/// Most bytes that all forms may have together. The automaton takes about forty for each.
const MOST: usize = 8 * 1024 * 1024;

/// There is too much to look for.
#[derive(Debug)]
pub(in crate::supervise) struct Unmaskable;

/// Each text once, with the widest edge.
fn distinct(forms: &mut Vec<Form>) {
    forms.sort_by(|a, b| a.text.cmp(&b.text).then(b.edge.cmp(&a.edge)));
    forms.dedup_by(|a, b| a.text == b.text);
}

/// What is looked for.
pub(in crate::supervise) struct Words {
    automaton: NFA,
    /// By state: how many bytes of a form it stands for.
    depths: Vec<u32>,
    /// By pattern: how long it is, and how it ends.
    patterns: Vec<(usize, Edge)>,
}

impl Default for Words {
    /// Nothing.
    fn default() -> Self {
        Self::of(&[]).expect("nothing is not too much")
    }
}

impl Words {
    /// From values, the short ones among which are passed over.
    pub(in crate::supervise) fn new<'v>(
        values: impl IntoIterator<Item = &'v [u8]>,
    ) -> Result<Self, Unmaskable> {
        let mut all: Vec<Form> = Vec::new();
        let mut size = 0;
        for value in values.into_iter().filter(|value| value.len() >= SHORTEST) {
            let mut forms = forms(value);
            distinct(&mut forms);
            size += forms.iter().map(|form| form.text.len()).sum::<usize>();
            all.append(&mut forms);
            if size > MOST {
                return Err(Unmaskable);
            }
        }
        distinct(&mut all);
        Self::of(&all)
    }

    fn of(all: &[Form]) -> Result<Self, Unmaskable> {
        let texts: Vec<&[u8]> = all.iter().map(|form| form.text.as_slice()).collect();
        let automaton = NFA::builder().prefilter(false).build(&texts).map_err(|_| Unmaskable)?;
        let patterns = all.iter().map(|form| (form.text.len(), form.edge)).collect();
        let mut words = Self { automaton, depths: Vec::new(), patterns };
        for text in texts {
            let mut state = words.start();
            for (at, byte) in text.iter().enumerate() {
                // Along a form from its start, each state stands for all of it up to there.
                state = words.step(state, *byte);
                let index = state.as_usize();
                if words.depths.len() <= index {
                    words.depths.resize(index + 1, 0);
                }
                words.depths[index] = u32::try_from(at + 1).unwrap_or(u32::MAX);
            }
        }
        Ok(words)
    }

    /// Where every stream begins.
    pub(super) fn start(&self) -> StateID {
        self.automaton.start_state(Anchored::No).expect("it is built for unanchored search")
    }

    pub(super) fn step(&self, state: StateID, byte: u8) -> StateID {
        self.automaton.next_state(Anchored::No, state, byte)
    }

    /// Whether a form ends here.
    pub(super) fn ends_here(&self, state: StateID) -> bool {
        self.automaton.is_special(state) && self.automaton.is_match(state)
    }

    /// The longest form that ends here.
    pub(super) fn longest(&self, state: StateID) -> (usize, Edge) {
        let ends = (0..self.automaton.match_len(state))
            .map(|index| self.patterns[self.automaton.match_pattern(state, index).as_usize()]);
        let (mut length, mut edge) = (0, Edge::Sharp);
        for (other, its) in ends {
            (length, edge) = (length.max(other), edge.max(its));
        }
        (length, edge)
    }

    /// How many of the last bytes are the beginning of a form.
    pub(super) fn depth(&self, state: StateID) -> usize {
        self.depths.get(state.as_usize()).copied().unwrap_or(0) as usize
    }
}
