//! The stream in pieces, against the plain definition: all of it at once, form by form.

use std::rc::Rc;

use proptest::prelude::*;

use super::{HIDDEN, Mask, Words, forms::forms};

/// A text with every form of every value hidden, as one reads the rule.
fn plainly(values: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
    let mut hidden = vec![false; text.len()];
    for form in values.iter().filter(|value| value.len() >= 5).flat_map(|value| forms(value)) {
        let length = form.text.len();
        for at in 0..(text.len() + 1).saturating_sub(length) {
            if text[at..at + length] == form.text[..] {
                let carried = text.get(at + length).is_some_and(|next| form.edge.carries(*next));
                hidden[at..at + length + usize::from(carried)].fill(true);
            }
        }
    }
    let mut out = Vec::new();
    for at in 0..text.len() {
        match (hidden[at], at > 0 && hidden[at - 1]) {
            (false, _) => out.push(text[at]),
            (true, false) => out.extend_from_slice(HIDDEN),
            (true, true) => {}
        }
    }
    out
}

/// Few letters, so that words overlap, repeat and almost meet.
fn letters(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"ab+\n6YWJh& /\"".to_vec()), length)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn pieces_of_any_size_give_what_the_whole_gives(
        values in prop::collection::vec(letters(4..14), 1..5),
        parts in prop::collection::vec((letters(0..9), 0..64_usize), 0..24),
        cuts in prop::collection::vec(1..40_usize, 1..8),
    ) {
        // Some letters, and then one form of some value, whole or not to its end.
        let mut text = Vec::new();
        for (between, which) in &parts {
            text.extend_from_slice(between);
            let all = forms(&values[which % values.len()]);
            if let Some(form) = all.get(which % (all.len() + 1)) {
                text.extend_from_slice(&form.text[..form.text.len() - usize::from(which % 3 == 0)]);
            }
        }
        let words = Rc::new(Words::new(values.iter().map(Vec::as_slice)).unwrap());
        let (mut mask, mut out) = (Mask::new(words), Vec::new());
        let (mut rest, mut cuts) = (text.as_slice(), cuts.iter().cycle());
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            mask.feed(piece, &mut out);
            rest = after;
        }
        mask.release(&mut out);
        prop_assert_eq!(out, plainly(&values, &text));
    }
}
