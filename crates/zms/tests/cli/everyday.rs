//! Moving and finding secrets beside other processes and on a terminal.

use std::{process::Stdio, thread, time::Duration};

use rusqlite::Connection;

use crate::{
    machine::{Machine, Ran},
    terminal::Terminal,
};

/// A move that has prepared its change is held back while something else happens.
fn move_beside(machine: &Machine, meanwhile: &str) -> Ran {
    let held = Connection::open(machine.vault("zms.db")).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut slow = machine.zms(&["mv", "A", "--to-env", "staging"]);
    let slow = slow.stdin(Stdio::null()).spawn().unwrap();
    thread::sleep(Duration::from_millis(500));
    machine.sh(&format!("kill -STOP {}", slow.id())).done();
    drop(held);
    machine.sh(meanwhile).done();
    machine.sh(&format!("kill -CONT {}", slow.id())).done();
    Ran::of("zms mv", slow.wait_with_output().unwrap())
}

#[test]
fn a_move_of_what_changes_meanwhile_moves_the_new_value_or_nothing() {
    let machine = Machine::with_secret();
    let ran = move_beside(&machine, "printf second | zms set A");
    if ran.code == 0 {
        // It was still waiting to look.
        assert_eq!(machine.sh("zms get A -e staging").done(), "second");
        machine.sh("zms get A").refused(3);
    } else {
        let said = ran.refused(7);
        assert!(said.starts_with("error: somebody else changed the same meanwhile"), "{said}");
        assert_eq!(machine.sh("zms get A").done(), "second");
        machine.sh("zms get A -e staging").refused(3);
    }
}

#[test]
fn a_move_goes_on_beside_other_secrets() {
    let machine = Machine::with_secret();
    move_beside(&machine, "printf b | zms set B && printf c | zms set C -e staging").done();
    machine.sh("zms get A").refused(3);
    assert_eq!(machine.sh("zms get A -e staging").done(), "first");
    assert_eq!(machine.sh("zms get B && zms get C -e staging").done(), "bc");
}

#[test]
fn a_move_that_is_killed_leaves_the_secret_in_one_place() {
    let machine = Machine::with_secret();
    for delay in [0, 1, 2, 4, 8, 16, 32] {
        let (from, to) = match machine.sh("zms get A").code {
            0 => ("development", "staging"),
            _ => ("staging", "development"),
        };
        let mut child = machine.zms(&["mv", "A", "-e", from, "--to-env", to]).spawn().unwrap();
        thread::sleep(Duration::from_millis(delay));
        let _ended_already = child.kill();
        child.wait().unwrap();
        let there = ["development", "staging"]
            .map(|env| machine.sh(&format!("zms get A -e {env}")))
            .into_iter()
            .filter(|ran| ran.code == 0 && ran.out == b"first");
        assert_eq!(there.count(), 1, "after {delay} ms");
        machine.sh("zms doctor | grep -q 'ok    vault'").done();
    }
}

#[test]
fn what_is_looked_for_in_values_is_typed_hidden() {
    let machine = Machine::with_secret();
    let mut terminal = Terminal::start(&machine, &["search", "-", "--values"]);
    let (code, screen) = terminal.until_hidden("Look for: ").press("FIRS\n").end();
    assert!(code == 0 && screen.contains("default/development/A\r\n"), "{screen}");
    assert!(!screen.to_lowercase().contains("firs"), "{screen}");
}

#[test]
fn a_generated_value_is_on_the_screen_only_where_that_is_asked_for() {
    let machine = Machine::with_vault();
    let (code, screen) = Terminal::start(&machine, &["set", "A", "--generate", "hex:32"]).end();
    let value = machine.sh("zms get A").done();
    assert!(code == 0 && value.len() == 64 && !screen.contains(&value), "{screen}");
    let args = ["set", "A", "--generate", "words:8", "--print"];
    let (_, screen) = Terminal::start(&machine, &args).end();
    assert!(screen.contains(&machine.sh("zms get A").done()), "{screen}");
}

#[test]
fn the_end_of_a_secret_has_a_heading_where_there_is_one() {
    let machine = Machine::with_secret();
    let (_, screen) = Terminal::start(&machine, &["ls"]).end();
    assert!(!screen.contains("EXPIRES"), "{screen}");
    machine.sh("zms set A --keep-value --expires 2999-01-01").done();
    let (_, screen) = Terminal::start(&machine, &["ls"]).end();
    assert!(screen.contains("UPDATED               EXPIRES"), "{screen}");
    assert!(screen.contains("  2999-01-01T00:00:00Z"), "{screen}");
}
