//! Texts that stand nowhere else, and are looked for in every form.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

/// A mark, in every form that it could be kept or sent in.
pub struct Mark {
    /// What it marks.
    pub what: &'static str,
    /// As it is given in.
    pub plain: String,
    forms: Vec<Vec<u8>>,
}

impl Mark {
    /// Of a text that stands nowhere else.
    pub fn new(what: &'static str, plain: String) -> Self {
        let bytes = plain.as_bytes();
        let mut forms = vec![bytes.to_vec(), plain.to_uppercase().into_bytes()];
        forms.push(hex::encode(bytes).into_bytes());
        forms.push(hex::encode_upper(bytes).into_bytes());
        let json = bytes.iter().map(u8::to_string).collect::<Vec<_>>();
        forms.push(json.join(",").into_bytes());
        forms.push(json.join(", ").into_bytes());
        forms.push(bytes.iter().flat_map(|byte| [*byte, 0]).collect());
        for shift in 0..3 {
            // Behind other bytes base64 looks different; the characters at the borders depend on
            // the neighbours, and those between do not.
            let shifted = [&vec![0; shift], bytes].concat();
            let own = (8 * shift).div_ceil(6)..8 * shifted.len() / 6;
            for engine in [STANDARD, URL_SAFE] {
                forms.push(engine.encode(&shifted).as_bytes()[own.clone()].to_vec());
            }
        }
        Self { what, plain, forms }
    }

    /// Whether a form of it stands there.
    pub fn is_in(&self, haystack: &[u8]) -> bool {
        // The first bytes of any form are rare enough to be looked for one by one.
        self.forms.iter().any(|form| find(haystack, form))
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> bool {
    let first = needle[0];
    let mut rest = haystack;
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

#[test]
fn a_mark_is_found_in_every_form_wherever_it_begins() {
    let text = "m\u{e4}rk>?-0";
    let mark = Mark::new("a mark", text.to_owned());
    for before in 0..9 {
        for after in 0..4 {
            let text = [&vec![b'\x9f'; before], text.as_bytes(), &vec![b'\xe7'; after]].concat();
            let hidden = [
                text.clone(),
                STANDARD.encode(&text).into_bytes(),
                URL_SAFE.encode(&text).into_bytes(),
                hex::encode(&text).into_bytes(),
                hex::encode_upper(&text).into_bytes(),
            ];
            for hidden in hidden {
                assert!(mark.is_in(&hidden), "{before} {after} {hidden:?}");
            }
        }
    }
    let other = Mark::new("another", "m\u{e4}rk>?-1".to_owned());
    assert!(!other.is_in(STANDARD.encode(text).as_bytes()));
}
