//! All forms of all values, as one automaton.

use std::cell::OnceCell;

use aho_corasick::{
    Anchored,
    automaton::{Automaton as _, StateID},
    nfa::noncontiguous::NFA,
};

use super::{
    beginnings::Beginnings,
    forms::{Edge, Form, forms},
};

/// Values of fewer bytes are not hidden: they stand everywhere.
pub(in crate::supervise) const SHORTEST: usize = 5;

/// Most bytes that all forms may have together; what several of one value begin with alike counts
/// once. The automaton takes about forty for each.
const MOST: usize = 8 * 1024 * 1024;

/// There is too much to look for.
#[derive(Debug)]
pub(in crate::supervise) struct Unmaskable;

/// Each text once, with every edge that it has.
fn distinct(forms: &mut Vec<Form>) {
    forms.sort_by(|a, b| a.text.cmp(&b.text));
    forms.dedup_by(|again, first| {
        let same = again.text == first.text;
        if same {
            first.edge = first.edge.or(again.edge);
        }
        same
    });
}

/// How many bytes forms have that stand behind different ones: of each, what it does not share with
/// the one before it, as they are sorted.
fn apart(forms: &[Form]) -> usize {
    let mut before: &[u8] = &[];
    let mut size = 0;
    for form in forms {
        let shared = before.iter().zip(form.text.iter()).take_while(|(a, b)| a == b).count();
        size += form.text.len() - shared;
        before = &form.text;
    }
    size
}

/// What is looked for.
pub(in crate::supervise) struct Words {
    /// Each text once.
    forms: Vec<Form>,
    beginnings: Beginnings,
    /// Made when the first of the forms begins somewhere: most programs never print one.
    automaton: OnceCell<Automaton>,
}

/// Tells forms in a text, byte by byte.
struct Automaton {
    states: NFA,
    /// By state: how many bytes of a form it stands for.
    depths: Vec<u32>,
}

impl Default for Words {
    /// Nothing.
    fn default() -> Self {
        Self::of(Vec::new())
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
            size += apart(&forms);
            all.append(&mut forms);
            if size > MOST {
                return Err(Unmaskable);
            }
        }
        distinct(&mut all);
        Ok(Self::of(all))
    }

    fn of(forms: Vec<Form>) -> Self {
        let beginnings = Beginnings::of(forms.iter().map(|form| form.text.as_slice()));
        Self { forms, beginnings, automaton: OnceCell::new() }
    }

    fn automaton(&self) -> &Automaton {
        self.automaton.get_or_init(|| Automaton::of(&self.forms))
    }

    /// Where in a text the next form may begin, its first bytes being all there.
    pub(super) fn beginning(&self, text: &[u8], from: usize) -> Option<usize> {
        self.beginnings.next(text, from)
    }

    /// How many bytes at the end of a text, too few for [`Self::beginning`], a form begins with.
    pub(super) fn begun(&self, text: &[u8]) -> usize {
        self.beginnings.last(text)
    }

    /// Where a stream stands behind a text; `None` where there is none.
    pub(super) fn state_behind(&self, text: &[u8]) -> Option<StateID> {
        let last = text.iter();
        (!text.is_empty()).then(|| last.fold(self.start(), |state, byte| self.step(state, *byte)))
    }

    /// Where every stream begins.
    pub(super) fn start(&self) -> StateID {
        self.automaton().start()
    }

    pub(super) fn step(&self, state: StateID, byte: u8) -> StateID {
        self.automaton().step(state, byte)
    }

    /// Whether a form ends here.
    pub(super) fn ends_here(&self, state: StateID) -> bool {
        let states = &self.automaton().states;
        states.is_special(state) && states.is_match(state)
    }

    /// The longest form that ends here.
    pub(super) fn longest(&self, state: StateID) -> (usize, Edge) {
        let states = &self.automaton().states;
        let ends = (0..states.match_len(state))
            .map(|index| &self.forms[states.match_pattern(state, index).as_usize()]);
        let (mut length, mut edge) = (0, Edge::Sharp);
        for form in ends {
            (length, edge) = (length.max(form.text.len()), edge.or(form.edge));
        }
        (length, edge)
    }

    /// How many of the last bytes are the beginning of a form.
    pub(super) fn depth(&self, state: StateID) -> usize {
        self.automaton().depths.get(state.as_usize()).copied().unwrap_or(0) as usize
    }
}

impl Automaton {
    fn of(forms: &[Form]) -> Self {
        let texts = || forms.iter().map(|form| form.text.as_slice());
        let built = NFA::builder().prefilter(false).build(texts());
        let states = built.expect("so few bytes have fewer states than there are numbers");
        let mut automaton = Self { states, depths: Vec::new() };
        for text in texts() {
            let mut state = automaton.start();
            for (at, byte) in text.iter().enumerate() {
                // Along a form from its start, each state stands for all of it up to there.
                state = automaton.step(state, *byte);
                let index = state.as_usize();
                if automaton.depths.len() <= index {
                    automaton.depths.resize(index + 1, 0);
                }
                automaton.depths[index] = u32::try_from(at + 1).unwrap_or(u32::MAX);
            }
        }
        automaton
    }

    fn start(&self) -> StateID {
        self.states.start_state(Anchored::No).expect("it is built for unanchored search")
    }

    fn step(&self, state: StateID, byte: u8) -> StateID {
        self.states.next_state(Anchored::No, state, byte)
    }
}
