//! A database that is locked, damaged, cut, newer or put back: nothing of it is used.

use std::{fs, process::Stdio, thread, time::Duration};

use rusqlite::Connection;

use crate::machine::{Machine, Ran};

/// Holds the write lock of the vault's database until it is dropped.
fn lock(machine: &Machine) -> Connection {
    let connection = Connection::open(machine.vault("zms.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[test]
fn a_locked_database_is_waited_for_and_then_reported() {
    let machine = Machine::with_secret();
    let held = lock(&machine);
    let ran: Vec<Ran> = thread::scope(|scope| {
        let lines = ["zms get A", "zms run -- echo not reached", "printf 2 | zms set A"];
        let started = lines.map(|line| scope.spawn(|| machine.sh(line)));
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (ran, code) in ran.into_iter().zip([8, 8, 1]) {
        let said = ran.refused(code);
        assert!(said.contains("the database is locked by another process"), "{said}");
        assert!(said.contains("hint: try again"), "{said}");
    }
    drop(held);
    assert_eq!(machine.sh("zms get A").done(), "first");
}

#[test]
fn who_waits_for_a_short_lock_gets_through() {
    let machine = Machine::with_secret();
    let held = lock(&machine);
    thread::scope(|scope| {
        let reader = scope.spawn(|| machine.sh("zms get A").done());
        thread::sleep(Duration::from_millis(300));
        drop(held);
        assert_eq!(reader.join().unwrap(), "first");
    });
}

#[test]
fn who_loses_the_same_secret_to_somebody_else_is_told() {
    let machine = Machine::with_secret();
    let held = lock(&machine);
    let mut slow = machine.zms(&["set", "--unsafe-argv", "A", "slow"]);
    let slow = slow.stdin(Stdio::null()).spawn().unwrap();
    // It has prepared its change, and waits to commit it.
    thread::sleep(Duration::from_millis(500));
    machine.sh(&format!("kill -STOP {}", slow.id())).done();
    drop(held);
    machine.sh("printf fast | zms set A").done();
    machine.sh(&format!("kill -CONT {}", slow.id())).done();
    let said = Ran::of("zms set", slow.wait_with_output().unwrap()).refused(7);
    assert!(said.starts_with("error: somebody else changed the same meanwhile\nhint: "), "{said}");
    assert_eq!(machine.sh("zms get A").done(), "fast");
}

#[test]
fn writers_of_different_secrets_all_get_through() {
    let machine = Machine::with_vault();
    thread::scope(|scope| {
        for number in 0..8 {
            let machine = &machine;
            scope.spawn(move || machine.sh(&format!("printf {number} | zms set N{number}")).done());
        }
    });
    let all: String = (0..8).map(|number| format!("N{number}={number}\n")).collect();
    assert_eq!(machine.sh("zms export").done(), all);
}

#[test]
fn a_newer_database_is_not_touched() {
    let machine = Machine::with_secret();
    let path = machine.vault("zms.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    for line in ["zms get A", "printf 1 | zms set B", "zms status", "zms init"] {
        let said = machine.sh(line).refused(1);
        assert!(said.contains("newer version of zms"), "{line}: {said}");
    }
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn a_database_of_something_else_is_not_touched() {
    let machine = Machine::with_secret();
    let path = machine.vault("zms.db");
    Connection::open(&path).unwrap().pragma_update(None, "application_id", 1).unwrap();
    let before = fs::read(&path).unwrap();
    for line in ["zms get A", "printf 1 | zms set B", "zms status", "zms init"] {
        machine.sh(line).refused(6);
    }
    assert!(fs::read(&path).unwrap() == before);
}

/// Puts a changed database in the place of the good one, alone.
fn put(machine: &Machine, bytes: &[u8]) {
    machine.sh("rm -f ~/.zexio/zms.db-*").done();
    fs::write(machine.vault("zms.db"), bytes).unwrap();
}

#[test]
fn a_cut_database_gives_nothing_out() {
    let machine = Machine::with_secret();
    let good = fs::read(machine.vault("zms.db")).unwrap();
    for length in [0, 1, 15, 16, 99, 100, 4096, 16384, 32768, good.len() / 2, good.len() - 1] {
        put(&machine, &good[..length]);
        for line in ["zms get A", "zms run -- echo not reached", "zms ls", "zms export"] {
            let ran = machine.sh(line);
            // A last page that ends in zeros reads as it was.
            if length < good.len() - 1 || ran.code != 0 {
                let said = ran.refused(6);
                assert!(said.starts_with("error: the database is damaged"), "{length}: {said}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_gives_nothing_wrong_out() {
    let machine = Machine::with_secret();
    let good = fs::read(machine.vault("zms.db")).unwrap();
    // The header, and of each page its head, its first cells and its last bytes, where cells lie.
    let page = 16384;
    let mut places: Vec<usize> = (0..100).step_by(7).collect();
    for start in (0..good.len()).step_by(page) {
        places.extend(
            [0, 3, 5, 8, 9, page - 1, page - 40, page - 150, page - 400].map(|at| start + at),
        );
    }
    let mut noticed = 0;
    for at in places {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        put(&machine, &bad);
        let ran = machine.sh("zms get A");
        assert!(matches!(ran.code, 0..=8), "byte {at}: {} {}", ran.code, ran.err);
        if ran.code == 0 {
            assert_eq!(ran.out, b"first", "byte {at}");
        } else {
            assert!(ran.out.is_empty() && ran.err.starts_with("error: "), "byte {at}: {}", ran.err);
        }
        noticed += usize::from(ran.code == 6);
    }
    assert!(noticed > 20, "the changes hit nothing that is read: {noticed}");
}

#[test]
fn a_row_that_was_changed_is_named() {
    let machine = Machine::with_secret();
    let flip = "UPDATE record SET envelope = zeroblob(length(envelope))";
    Connection::open(machine.vault("zms.db")).unwrap().execute_batch(flip).unwrap();
    let said = machine.sh("zms get A").refused(6);
    assert!(said.starts_with("error: default/development does not verify\nhint: "), "{said}");
    machine.sh("zms get A -e staging").refused(3);
}
