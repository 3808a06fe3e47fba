//! What long work shows on a terminal, and when it shows nothing.

use std::time::Duration;

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rusqlite::Connection;
use zms_core::key_file::{KeyFile, Opener, Protection};
use zms_crypto::passphrase::Cost;

use crate::{machine::Machine, terminal::Terminal};

/// Keeps everybody else from writing.
fn hold(machine: &Machine) -> Connection {
    let connection = Connection::open(machine.vault("zms.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

fn import(machine: &Machine, variables: &[(&str, &str)], flags: &[&str]) -> Terminal {
    let args = [&["import", ".env", "--keep"], flags].concat();
    Terminal::sized(80, machine, variables, &args)
}

const WORDS: &str = "importing 2 secrets";

fn machine() -> Machine {
    let machine = Machine::with_vault();
    machine.sh("printf 'A=1\nB=2\n' > .env").done();
    machine
}

#[test]
fn work_that_takes_over_a_second_is_shown_until_it_is_done() {
    let machine = machine();
    let held = hold(&machine);
    let mut terminal = import(&machine, &[("TERM", "xterm")], &[]);
    terminal.until(WORDS);
    drop(held);
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let (_, after) = screen.rsplit_once(WORDS).unwrap();
    assert!(after.contains("\r\x1b[2K"), "the line is cleared: {screen:?}");
    assert!(
        after.ends_with(
            "2 secrets imported into default/development (2 new, 0 changed, 0 unchanged)\r\n"
        ),
        "{screen:?}"
    );
    assert!(!screen.contains("0/0") && !screen.contains('░'), "nothing else is drawn: {screen:?}");
    assert!(!screen.contains("\x1b[?25l"), "the cursor stays as it is: {screen:?}");
}

#[test]
fn quick_work_shows_nothing() {
    let machine = machine();
    let (code, screen) = import(&machine, &[("TERM", "xterm")], &[]).end();
    assert!(code == 0 && !screen.contains(WORDS) && !screen.contains('\x1b'), "{screen:?}");
}

#[test]
fn who_wants_no_words_or_has_a_dumb_terminal_sees_nothing() {
    let machine = machine();
    for (term, flags) in [("xterm", &["--quiet"][..]), ("xterm", &["--json"]), ("dumb", &[])] {
        let held = hold(&machine);
        let mut terminal = import(&machine, &[("TERM", term)], flags);
        std::thread::sleep(Duration::from_millis(1500));
        drop(held);
        let (code, screen) = terminal.end();
        assert!(code == 0 && !screen.contains(WORDS), "{flags:?} {screen:?}");
    }
}

#[test]
fn an_error_comes_whole_and_below_what_was_shown() {
    let machine = machine();
    let _held = hold(&machine);
    let (code, screen) = import(&machine, &[("TERM", "xterm")], &[]).until(WORDS).end();
    let (_, after) = screen.rsplit_once(WORDS).unwrap();
    let error = after.rfind("error:").unwrap();
    assert!(code == 1 && after[..error].contains("\r\x1b[2K"), "{screen:?}");
    assert!(after[error..].contains("hint:"), "{screen:?}");
}

#[test]
fn ctrl_c_leaves_the_terminal_as_it_was() {
    let machine = machine();
    let _held = hold(&machine);
    let mut terminal = import(&machine, &[("TERM", "xterm")], &[]);
    let (code, screen) = terminal.until(WORDS).press("\x03").end();
    assert_eq!(code, 130, "{screen}");
    assert!(terminal.echoes() && !screen.contains("\x1b[?25l"), "{screen:?}");
}

#[test]
fn a_passphrase_that_takes_long_is_shown_to_be_worked_on() {
    let machine = Machine::with_vault();
    let path = machine.vault("zms.master.key");
    let file = KeyFile::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let owner = file.open(None).unwrap();
    let slow = Protection::Passphrase(Cost { memory_kib: 256 * 1024, passes: 16, lanes: 1 });
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let with = Some(Opener::Passphrase("correct horse"));
    let text = KeyFile::write(&owner, file.vault(), slow, with, &mut rng).unwrap();
    std::fs::write(&path, &*text).unwrap();
    let mut terminal = Terminal::sized(80, &machine, &[("TERM", "xterm")], &["project", "ls"]);
    terminal.until_hidden("Passphrase of the master key: ").press("correct horse\n");
    let (code, screen) = terminal.until("opening the master key").end();
    assert!(code == 0 && screen.ends_with("default\r\n"), "{screen:?}");
}
