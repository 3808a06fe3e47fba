//! `--mask`: what real encoders make of a value is hidden.

use std::collections::BTreeMap;

use crate::{
    random::{Random, cases},
    scratch::{Go, Scratch},
    tools::{ZMS, fixture, python, tool},
};

/// A value of anything that can be typed, and what is escaped in its own way somewhere.
fn value(random: &mut Random) -> String {
    let typed = (' '..='~').chain("é€😀\u{7f}\u{2028}\u{ad}".chars()).collect::<Vec<_>>();
    let length = 6 + random.below(30);
    (0..length).map(|_| *random.pick(&typed)).collect::<String>()
}

#[test]
fn what_encoders_make_of_a_value_is_hidden() {
    let mut random = Random::new();
    let vault = Scratch::vault();
    let values = (0..cases().min(300)).map(|at| (format!("S{at}"), value(&mut random)));
    // And one of all that is neither a letter nor a digit.
    let all = ("ALL".to_owned(), (' '..='~').filter(|char| !char.is_alphanumeric()).collect());
    let secrets: BTreeMap<String, String> = values.chain([all]).collect();
    vault.import(&[], &secrets);
    for (encoder, script, forms) in
        [(python(), "beside/encoded.py", 6), (tool("node").into(), "beside/encoded.cjs", 8)]
    {
        let zms = [ZMS, "run", "-q", "--mask", "--"].map(Into::into);
        let words = zms.into_iter().chain([encoder, fixture(script).into()]);
        let said = vault.other(words).go().text();
        let shown: Vec<&str> = said.lines().filter(|line| !line.ends_with("<***>")).collect();
        assert_eq!(shown, [""; 0], "{script}");
        assert_eq!(said.lines().count(), forms * secrets.len(), "{script}");
    }
}
