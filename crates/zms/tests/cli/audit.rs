//! The audit under the hands of somebody who can write to the database, and its checkpoints.

mod attacks;
mod checkpoints;
mod follow;

use std::{fs, path::PathBuf};

use rusqlite::{Connection, params};
use zms_core::{audit::Entry, id::VaultId};
use zms_store::Store;
use zms_store_sqlite::SqliteStore;

use crate::machine::{Machine, Ran};

/// A vault with some entries, all under the owner's checkpoint, and one above it.
fn machine() -> Machine {
    let machine = Machine::with_secret();
    for line in [
        "zms token create ci -q > ci && chmod 600 ci",
        "for n in 1 2 3; do zms get A; done",
        "printf 2 | zms set A",
        "zms audit checkpoint --out elsewhere",
        "ZMS_TOKEN_FILE=ci zms get A",
    ] {
        machine.sh(line).done();
    }
    assert_eq!(verify(&machine).code, 0);
    // Verifying has taken the checkpoint further; the one elsewhere is older.
    machine.sh("ZMS_TOKEN_FILE=ci zms get A").done();
    machine
}

fn verify(machine: &Machine) -> Ran {
    machine.sh("zms audit verify")
}

/// What verifying finds bad: the line that names it, and what else it prints.
#[track_caller]
fn bad(machine: &Machine) -> (String, String) {
    let ran = verify(machine);
    assert_eq!(ran.code, 6, "{}", ran.err);
    let told = String::from_utf8(ran.out).unwrap();
    assert!(ran.err.starts_with("error: the audit does not verify: "), "{}", ran.err);
    assert!(ran.err.contains("\nhint: "), "{}", ran.err);
    let line = told.lines().find_map(|line| line.strip_prefix("first bad   ")).unwrap();
    (line.to_owned(), told.clone())
}

/// Edits the database by hand.
fn tamper(machine: &Machine, edit: impl FnOnce(&Connection)) {
    let connection = Connection::open(machine.vault("zms.db")).unwrap();
    edit(&connection);
    connection.close().unwrap();
    machine.own(&machine.vault(""));
}

fn sql(machine: &Machine, text: &str) {
    tamper(machine, |connection| connection.execute_batch(text).unwrap());
}

/// The entries and the vault, to make hashes anew with.
fn entries(machine: &Machine) -> (VaultId, Vec<Entry>) {
    // A copy of our own: the store opens nobody else's file.
    let folder = tempfile::tempdir().unwrap();
    for name in ["zms.db", "zms.db-wal"].iter().filter(|name| machine.vault(name).exists()) {
        fs::write(folder.path().join(name), fs::read(machine.vault(name)).unwrap()).unwrap();
    }
    let store = SqliteStore::open(&folder.path().join("zms.db")).unwrap().unwrap();
    let vault = store.bundle().unwrap().vault().unwrap().unwrap();
    (vault, store.audit_read(0, 0, usize::MAX).unwrap())
}

/// Puts another chain in the place of the one that is there, every hash of it in order.
fn remake(machine: &Machine, edit: impl FnOnce(&mut Vec<Entry>)) {
    let (vault, mut chain) = entries(machine);
    edit(&mut chain);
    let (mut seq, mut prev_hash) = (0, [0; 32]);
    tamper(machine, |connection| {
        connection.execute("DELETE FROM audit", ()).unwrap();
        for entry in chain {
            seq += 1;
            let entry = Entry::new(vault, 0, seq, prev_hash, entry.event);
            prev_hash = entry.hash;
            let event = &entry.event;
            let row = params![
                seq.cast_signed(),
                event.time.cast_signed(),
                event.principal.0,
                event.action as u8,
                event.scope.map(|scope| scope.0),
                event.revision.cast_signed(),
                event.outcome as u8,
                entry.prev_hash,
                entry.hash,
            ];
            let insert = "INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            connection.execute(insert, row).unwrap();
        }
    });
}

/// The checkpoint that the owner keeps.
fn kept(machine: &Machine) -> PathBuf {
    let files = fs::read_dir(machine.vault("pins")).unwrap().map(|file| file.unwrap().path());
    let mut notes = files.filter(|path| path.extension().is_some_and(|it| it == "checkpoint"));
    let note = notes.next().unwrap();
    assert!(notes.next().is_none(), "a token keeps no checkpoint");
    note
}

/// The next command of the owner works, says once what is wrong, and keeps the checkpoint.
#[track_caller]
fn noticed(machine: &Machine, words: &str) {
    let before = fs::read(kept(machine)).unwrap();
    for line in ["zms get A", "printf 3 | zms set B", "zms run -- true"] {
        let ran = machine.sh(line);
        assert_eq!(ran.err.matches(words).count(), 1, "{line}: {}", ran.err);
        assert_eq!(ran.err.matches("warning: ").count(), 1, "{line}: {}", ran.err);
        ran.done();
        assert_eq!(fs::read(kept(machine)).unwrap(), before, "{line}");
    }
    let ran = machine.sh("ZMS_TOKEN_FILE=ci zms get A");
    assert_eq!(ran.err, "", "a token has nothing to compare with");
}

const CUT: &str = "warning: the audit was cut or edited: run `zms audit verify`";
