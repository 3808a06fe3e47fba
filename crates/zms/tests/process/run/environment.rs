//! What an environment can carry, to the byte.

use std::collections::BTreeMap;

use crate::scratch::{Go, Scratch, numbered};

/// Bytes of `NAME=value` without its NUL.
const LIMIT: usize = 131_071;

#[test]
fn a_value_at_the_limit_works_and_one_byte_more_is_refused() {
    let vault = Scratch::vault();
    for name in ["A", "A_LONGER_NAME"] {
        let most = LIMIT - name.len() - 1;
        let value: String = ('a'..='z').cycle().take(most).collect();
        vault.set(&[], name, &value);
        let environ = vault.run(&["--only", name], &["cat", "/proc/self/environ"]).go().text();
        assert!(environ.split('\0').any(|entry| entry == format!("{name}={value}")));
        vault.set(&[], name, value + "z");
        let run = ["--only", name];
        let said = vault.run(&run, &["touch", "x"]).go().refused(2);
        assert!(
            said.contains(&format!("the value of {name} ")) && said.contains("131071"),
            "{said}"
        );
        vault.run(&["--except", name], &["true"]).go().good();
        vault.zms(["rm", name]).go().good();
    }
    assert!(!vault.work().join("x").exists());
}

#[test]
fn the_limit_counts_the_name_that_the_program_sees() {
    let vault = Scratch::vault();
    vault.set(&[], "A", "x".repeat(LIMIT - 2));
    vault.run(&[], &["true"]).go().good();
    vault.run(&["--map", "A=AB"], &["true"]).go().refused(2);
    vault.run(&["--prefix", "P"], &["true"]).go().refused(2);
}

#[test]
fn a_nul_byte_is_refused_by_the_secrets_name() {
    let vault = Scratch::vault();
    vault.set(&[], "GOOD", "x");
    vault.set(&[], "SPLIT", b"a\0B=c");
    let said = vault.run(&[], &["touch", "x"]).go().refused(2);
    assert!(said.contains("SPLIT") && said.contains("NUL") && !said.contains("B=c"), "{said}");
    assert!(!vault.work().join("x").exists());
    vault.run(&["--except", "SPLIT"], &["true"]).go().good();
}

#[test]
fn an_environment_that_is_too_large_names_the_largest() {
    let vault = Scratch::vault();
    let mut secrets: BTreeMap<String, String> =
        numbered("FILL", 80).into_keys().map(|name| (name, "x".repeat(100_000))).collect();
    secrets.insert("GREATEST".to_owned(), "y".repeat(120_000));
    vault.import(&[], &secrets);
    let said = vault.run(&[], &["touch", "x"]).go().refused(125);
    assert!(said.contains("GREATEST"), "{said}");
    assert!(!vault.work().join("x").exists());
    vault.run(&["--only", "GREATEST,FILL_1"], &["true"]).go().good();
}

#[test]
fn values_of_any_bytes_arrive_as_they_are() {
    let vault = Scratch::vault();
    let value: Vec<u8> = (1..=255).rev().collect();
    vault.set(&[], "ALL", &value);
    vault.set(&[], "EMPTY", "");
    let environ = vault.run(&["--pristine"], &["cat", "/proc/self/environ"]).go().good();
    let expected = [b"ALL=", &value[..], b"\0EMPTY=\0"].concat();
    assert!(environ == expected, "the environment differs");
}
