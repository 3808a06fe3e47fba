//! Administrators at work from homes of their own on one database.

use std::fs;

use crate::machine::{Machine, run};

/// A token by its name, as a full rotation prints it.
fn named(said: &str, name: &str) -> String {
    let line = said.lines().find(|line| line.split(' ').next() == Some(name));
    let token = line.and_then(|line| line.rsplit(' ').next());
    token.unwrap_or_else(|| panic!("no token of {name} in {said:?}")).to_owned()
}

#[test]
fn an_administrator_works_from_a_home_of_its_own_on_the_same_database() {
    let machine = Machine::with_secret();
    let token = machine.sh("zms token create second --admin -q").done();
    let token = token.trim();
    let home = machine.home().join("second");
    let database = machine.vault("zms.db");
    let theirs = |token: &str, args: &[&str]| {
        let mut command = machine.zms(args);
        command.env("ZMS_HOME", &home).env("ZMS_DATABASE", &database);
        command.env("ZMS_TOKEN", token);
        run(command)
    };
    assert_eq!(theirs(token, &["get", "A"]).done().trim(), "first");
    // All that an owner does: tokens, structure, revocation, the audit.
    theirs(token, &["project", "create", "shop"]).done();
    let made = theirs(token, &["token", "create", "made", "-p", "shop", "-q"]).done();
    theirs(made.trim(), &["ls", "-p", "shop"]).done();
    theirs(token, &["token", "revoke", "made", "--yes"]).done();
    theirs(made.trim(), &["ls", "-p", "shop"]).refused(4);
    theirs(token, &["audit", "verify"]).done();
    machine.sh("zms ls -p shop").done();
    // No key lies in its home, and what it has seen is its own.
    let mut left: Vec<_> = fs::read_dir(&home)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["pins"]);

    // A full rotation from there: its own new token is printed with the others'.
    let said = theirs(token, &["key", "rotate", "--full", "--yes"]).done();
    theirs(token, &["get", "A"]).refused(4);
    machine.sh("zms get A").refused(4);
    let (next, owner) = (named(&said, "second"), named(&said, "owner"));
    assert_eq!(theirs(&next, &["get", "A"]).done().trim(), "first");
    assert_eq!(theirs(&owner, &["get", "A"]).done().trim(), "first");

    // It is taken out by the other, and opens nothing any more.
    let mut command = machine.zms(&["admin", "rm", "second", "--yes"]);
    command.env("ZMS_TOKEN", &owner);
    let said = run(command).done();
    theirs(&next, &["get", "A"]).refused(4);
    assert_eq!(theirs(&named(&said, "owner"), &["get", "A"]).done().trim(), "first");
}

/// Interrupted between the commit and the printing, by an administrator who has his token only.
#[test]
fn an_administrator_whose_output_is_lost_is_shown_the_tokens_by_the_next_command() {
    let machine = Machine::with_secret();
    let token = machine.sh("zms token create second --admin -q > second; cat second").done();
    let token = token.trim();
    machine.sh("ZMS_TOKEN=$(cat second) zms key rotate --full --yes > /dev/full").refused(1);
    machine.sh("ZMS_TOKEN=$(cat second) zms get A").refused(4);
    let said = machine.sh("ZMS_TOKEN=$(cat second) zms key rotate --full --yes").done();
    let next = named(&said, "second");
    assert_ne!(next, token);
    let mut command = machine.zms(&["get", "A"]);
    command.env("ZMS_TOKEN", &next);
    assert_eq!(run(command).done().trim(), "first");
    // Shown once: now the old token is nobody's.
    machine.sh("ZMS_TOKEN=$(cat second) zms key rotate --full --yes").refused(4);
}
