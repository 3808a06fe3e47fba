//! A clock that is wrong by a year: an end is told by it and by nothing else, and no wrong clock
//! makes anything that a right one refuses.

use super::disk::library;
use crate::scratch::{Go, Ran, Scratch};

const YEAR: i64 = 365 * 24 * 60 * 60;

/// The program under a clock that is so many seconds ahead, the owner's or with a token.
fn at(ahead: i64, vault: &Scratch, token: Option<&str>, args: &[&str], input: &str) -> Ran {
    let preload = format!("LD_PRELOAD={}", library().display());
    let clock = ["env".to_owned(), preload, format!("AHEAD={ahead}")];
    let mut command = vault.under(&clock, args);
    token.map(|token| command.env("ZMS_TOKEN", token));
    command.feed(input.as_bytes())
}

#[test]
fn a_token_ends_by_the_clock_and_comes_back_with_it() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "1");
    let month = vault.token(&["month", "--ttl", "30d"]);
    let get = |ahead| at(ahead, &vault, Some(&month), &["get", "A"], "");
    assert_eq!(get(0).text(), "1");
    assert_eq!(get(YEAR / 13).text(), "1");
    for ahead in [YEAR / 12, YEAR] {
        let said = get(ahead).refused(4);
        assert!(said.contains("the token expired on "), "{said}");
    }
    assert_eq!(get(0).text(), "1");
    // One whose time has not come is no such thing: it reads, and what it signs counts as of then.
    assert_eq!(get(-YEAR).text(), "1");
    // Made where the clock is ahead, it ends by that clock too.
    let made = at(YEAR, &vault, None, &["token", "create", "later", "--ttl", "30d"], "").text();
    let later = at(YEAR * 2, &vault, Some(made.trim()), &["get", "A"], "");
    later.refused(4);
    for ahead in [0, YEAR] {
        assert_eq!(at(ahead, &vault, Some(made.trim()), &["get", "A"], "").text(), "1");
    }
}

/// Under the clock of the machine the vault is whole, and gives what was written last.
fn whole(vault: &Scratch, held: &str) {
    assert_eq!(vault.zms(["get", "A"]).go().text(), held);
    vault.zms(["audit", "verify"]).go().good();
}

#[test]
fn what_was_written_under_a_wrong_clock_is_good_under_a_right_one() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "0");
    let writer = vault.token(&["writer", "--write"]);
    let mut number = 0;
    for ahead in [YEAR, -YEAR, 0, YEAR] {
        for token in [None, Some(&*writer)] {
            number += 1;
            let value = number.to_string();
            at(ahead, &vault, token, &["set", "A"], &format!("{value}\n")).good();
            whole(&vault, &value);
        }
        let name = format!("t-{number}");
        let made = at(ahead, &vault, None, &["token", "create", &name, "--write"], "").text();
        // Nothing that a member signs counts from before it was one, wherever it acts.
        number += 1;
        let value = number.to_string();
        let mut set = vault.zms(["set", "A"]);
        set.env("ZMS_TOKEN", made.trim()).feed(format!("{value}\n").as_bytes()).good();
        whole(&vault, &value);
        at(ahead, &vault, None, &["token", "revoke", &name, "--yes"], "").good();
        whole(&vault, &value);
        vault.zms(["get", "A"]).env("ZMS_TOKEN", made.trim()).go().refused(4);
    }
    assert_eq!(vault.json(&["history", "A"])["versions"].as_array().unwrap().len(), number + 1);
    // The vault tells of a clock that is behind what it has seen.
    let doctor = vault.zms(["doctor"]).go();
    let found = String::from_utf8(doctor.stdout).unwrap();
    assert!(found.contains("FAIL  clock") && found.contains("the vault was used on"), "{found}");
    let at_its_time = at(YEAR, &vault, None, &["doctor"], "").text();
    assert!(at_its_time.contains("ok    clock"), "{at_its_time}");
}
