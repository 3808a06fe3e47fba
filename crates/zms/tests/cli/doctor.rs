//! `zms doctor` where something is wrong that no transcript can set up.

use rusqlite::Connection;

use crate::machine::{Machine, Ran};

fn line<'r>(ran: &'r Ran, check: &str) -> Vec<&'r str> {
    let text = std::str::from_utf8(&ran.out).unwrap();
    let named = |line: &&str| line.get(6..).is_some_and(|rest| rest.starts_with(check));
    text.lines().filter(named).collect()
}

#[track_caller]
fn says(ran: &Ran, check: &str, words: &str) {
    let lines = line(ran, check);
    assert!(lines.iter().any(|line| line.contains(words)), "{check}: {lines:#?}");
}

#[test]
fn a_locked_database_is_reported() {
    let machine = Machine::with_secret();
    let held = Connection::open(machine.vault("zms.db")).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = machine.sh("zms doctor");
    assert_eq!(ran.code, 1, "{}", ran.err);
    says(&ran, "integrity", "ok  ");
    says(&ran, "vault", "the database is locked by another process");
    says(&ran, "clock", "ok  ");
}

#[test]
fn a_folder_that_can_not_be_written_is_reported() {
    let machine = Machine::with_secret();
    machine.sh("chmod 500 ~/.zexio").done();
    let ran = machine.sh("zms doctor");
    machine.sh("chmod 700 ~/.zexio").done();
    assert_eq!(ran.code, 1, "{}", ran.err);
    says(&ran, "hard links", "FAIL");
    says(&ran, "vault", "FAIL");
    assert!(machine.sh("ls ~/.zexio | grep try").code == 1, "nothing of the attempt stays");
}

#[test]
fn every_scope_that_does_not_verify_is_named_and_the_others_are_proven() {
    let machine = Machine::with_secret();
    machine.sh("printf 2 | zms set B -e staging && printf 3 | zms set C -e production").done();
    let database = Connection::open(machine.vault("zms.db")).unwrap();
    let cut = "UPDATE record SET envelope = zeroblob(length(envelope)) WHERE rowid IN \
               (SELECT rowid FROM record LIMIT 2)";
    let cut = cut.replace("rowid", "name_index");
    assert_eq!(database.execute(&cut, ()).unwrap(), 2);
    drop(database);
    let ran = machine.sh("zms doctor");
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert_eq!(line(&ran, "vault").len(), 2);
    says(&ran, "vault", "does not verify");
    says(&ran, "tokens", "ok  ");
    assert!(ran.err.contains("2 checks failed"), "{}", ran.err);
}

#[test]
fn a_clock_behind_the_vault_is_reported() {
    let machine = Machine::with_secret();
    let database = Connection::open(machine.vault("zms.db")).unwrap();
    let last = "seq = (SELECT max(seq) FROM audit)";
    // A day from now, and times that no calendar has.
    for time in ["time + 86400", "9223372036854775807", "-1"] {
        let update = format!("UPDATE audit SET time = {time} WHERE {last}");
        assert_eq!(database.execute(&update, ()).unwrap(), 1);
        let ran = machine.sh("zms doctor");
        assert_eq!(ran.code, 1, "{}", ran.err);
        says(&ran, "clock", "FAIL");
        says(&ran, "clock", "the vault was used on");
    }
}

#[test]
fn core_dumps_are_told_by_the_limit_and_the_pattern() {
    let machine = Machine::with_vault();
    let piped = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap().starts_with('|');
    let none = machine.sh("ulimit -S -c 0; zms doctor");
    says(&none, "core dumps", if piped { "warn  " } else { "ok  " });
    let some = machine.sh("ulimit -S -c 1000 && zms doctor");
    says(&some, "core dumps", "warn");
    assert_eq!((none.code, some.code), (0, 0), "a warning is no failure");
}

#[test]
fn a_file_of_somebody_else_is_reported() {
    let machine = Machine::with_secret();
    if !rustix::process::geteuid().is_root() {
        // Only root can give files away.
        return;
    }
    std::os::unix::fs::chown(machine.vault("zms.db"), Some(0), Some(0)).unwrap();
    let ran = machine.sh("zms doctor");
    assert_eq!(ran.code, 1, "{}", ran.err);
    says(&ran, "database", "belongs to somebody else");
    says(&ran, "integrity", "the file belongs to another user");
}
