//! A passphrase that is asked for once.

use base64::{Engine, engine::general_purpose::STANDARD};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use zms_core::key_file::{KeyFile, Opener, Protection};
use zms_crypto::passphrase::Cost;

use crate::{
    machine::Machine,
    terminal::{Terminal, ends},
};

const QUESTION: &str = "Passphrase of the master key: ";

/// What stands behind a wrong answer.
const AGAIN: &str = "\r\nthat passphrase does not open it\r\nPassphrase of the master key: ";

/// A vault under a passphrase that costs little.
fn machine() -> Machine {
    let machine = Machine::with_secret();
    let path = machine.vault("zms.master.key");
    let file = KeyFile::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let owner = file.open(None).unwrap();
    let cheap = Protection::Passphrase(Cost { memory_kib: 19 * 1024, passes: 1, lanes: 1 });
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    let with = Some(Opener::Passphrase("correct horse"));
    let text = KeyFile::write(&owner, file.vault(), cheap, with, &mut rng).unwrap();
    std::fs::write(&path, &*text).unwrap();
    machine
}

#[test]
fn it_is_asked_for_once_and_again_after_a_lock() {
    let machine = machine();
    let said = machine.sh("zms unlock").refused(5);
    assert!(said.contains("is protected by a passphrase\nhint: "), "{said}");
    let mut terminal = Terminal::start(&machine, &["unlock", "--ttl", "10m"]);
    terminal.until_hidden(QUESTION).press("correct mule\n");
    terminal.until_hidden(AGAIN).press("correct mule\n");
    let (code, screen) = terminal.until_hidden(&AGAIN.repeat(2)).press("correct mule\n").end();
    assert!(code == 6 && screen.contains("the passphrase is wrong"), "{screen}");
    machine.sh("zms get A").refused(5);
    let mut terminal = Terminal::start(&machine, &["unlock", "--ttl", "10m"]);
    terminal.until_hidden(QUESTION).press("correct mule\n");
    let (code, screen) = terminal.until_hidden(AGAIN).press("correct horse\n").end();
    assert!(code == 0 && screen.contains("is unlocked until"), "{screen}");
    // In another terminal, and without one.
    let (code, screen) = Terminal::start(&machine, &["get", "A"]).end();
    assert!(code == 0 && !screen.contains(QUESTION), "{screen}");
    assert_eq!(machine.sh("zms get A").done(), "first");
    assert_eq!(machine.sh("zms run -- printenv A").done(), "first\n");
    machine.sh("zms lock").done();
    machine.sh("zms get A").refused(5);
    let mut terminal = Terminal::start(&machine, &["get", "A"]);
    let (code, screen) = terminal.until_hidden(QUESTION).press("correct horse\n").end();
    assert!(code == 0 && screen.contains("first"), "{screen}");
}

/// The terminal that it was started from goes away, and it stays.
#[test]
fn it_outlives_the_terminal_it_was_started_from() {
    let machine = machine();
    let mut terminal = Terminal::start(&machine, &["unlock", "--ttl", "10m"]);
    terminal.until_hidden(QUESTION).press("correct horse\n");
    assert_eq!(terminal.end().0, 0);
    drop(terminal);
    assert_eq!(machine.sh("zms get A").done(), "first");
    machine.sh("zms lock").done();
}

/// A key file of this machine that asks for so much memory.
fn asking(machine: &Machine, memory_kib: u32) {
    let path = machine.vault("zms.master.key");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let mut body = STANDARD.decode(lines).unwrap();
    body[5..9].copy_from_slice(&memory_kib.to_be_bytes());
    let body = STANDARD.encode(body);
    let text = format!("-----BEGIN ZMS MASTER KEY-----\n{body}\n-----END ZMS MASTER KEY-----\n");
    std::fs::write(&path, text).unwrap();
}

#[test]
fn attack_a_key_file_that_asks_for_too_much_is_refused_before_memory_is_taken() {
    let machine = machine();
    // Less than what is asked for below.
    let limited = |words: &[&str]| {
        let limit = [&["prlimit", "--as=800000000", "zms"], words].concat();
        Terminal::with(ends(), &machine, &[], &limit)
    };
    let mut cheap = limited(&["get", "A"]);
    assert_eq!(cheap.until_hidden(QUESTION).press("correct horse\n").end().0, 0);
    // What a reader accepts is taken, and is more than there is.
    asking(&machine, 1024 * 1024);
    let mut greedy = limited(&["get", "A"]);
    let (code, screen) = greedy.until_hidden(QUESTION).press("correct horse\n").end();
    assert!(code != 0 && !screen.contains("outside"), "the limit holds: {code} {screen}");
    for memory_kib in [2 * 1024 * 1024 + 1, u32::MAX, 19 * 1024 - 1, 0] {
        asking(&machine, memory_kib);
        for words in
            [&["get", "A"][..], &["unlock"], &["key", "status"], &["key", "protect", "none"]]
        {
            let (code, screen) = limited(words).end();
            assert!(code == 6 && screen.contains("outside 19 MiB..2 GiB"), "{words:?}: {screen}");
            assert!(!screen.contains(QUESTION), "{screen}");
        }
    }
}
