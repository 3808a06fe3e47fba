//! Backups and restores on a terminal: what is offered, and what is asked before anything changes.

use std::{fs, path::Path};

use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use zms_core::{
    backup::{CHUNK, Chunks},
    key_file::KeyFile,
};

use crate::{machine::Machine, terminal::Terminal};

fn until_word(terminal: &mut Terminal, word: &str) {
    terminal.until(&format!("Type {word:?} to go on: "));
}

#[test]
fn reset_offers_a_backup_first() {
    let machine = Machine::with_secret();
    machine.sh("cp ~/.zexio/zms.master.key key; echo taken > taken").done();
    let mut terminal = Terminal::start(&machine, &["reset"]);
    let (code, screen) = terminal.until("Encrypted backup first? ").press("taken\n").end();
    assert_eq!(code, 2, "{screen}");
    assert!(screen.contains("taken is there already; nothing was destroyed"), "{screen}");
    let mut terminal = Terminal::start(&machine, &["reset"]);
    terminal.until("Encrypted backup first? ").press("last.backup\n");
    until_word(&mut terminal, "reset");
    let (code, screen) = terminal.press("reset\n").end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("without a copy of that key"), "{screen}");
    machine.sh("test ! -e ~/.zexio/zms.db && test ! -e ~/.zexio/zms.master.key").done();
    machine.sh("zms restore last.backup --key key").done();
    assert_eq!(machine.sh("zms get A").done(), "first");
}

#[test]
fn a_vault_that_does_not_verify_is_backed_up_and_both_say_so() {
    let machine = Machine::with_secret();
    let database = rusqlite::Connection::open(machine.vault("zms.db")).unwrap();
    let flip = "UPDATE record SET envelope = zeroblob(length(envelope))";
    assert!(database.execute(flip, ()).unwrap() > 0);
    drop(database);
    let made = machine.sh("zms backup now");
    assert!(
        made.code == 6 && made.err.contains("things in the vault do not verify"),
        "{}",
        made.err
    );
    let verified = machine.sh("zms backup verify now");
    let said = verified.err.contains("things in it do not verify");
    assert!(verified.code == 6 && said, "{}", verified.err);
}

#[test]
fn restore_asks_which_tokens_stay_and_for_a_typed_word() {
    let machine = Machine::with_secret();
    machine.sh("for name in api ci; do zms token create $name -e development > $name; done").done();
    machine.sh("zms backup all.backup && printf second | zms set A").done();
    let started = || {
        let mut terminal = Terminal::start(&machine, &["restore", "all.backup"]);
        terminal.until("or `none`: ");
        assert!(terminal.screen.contains("NAME  SCOPES"), "{}", terminal.screen);
        terminal
    };
    for (keep, word) in [("\x04", ""), ("\x03", ""), ("all\n", "no\n"), ("api, ci\n", "\x04")] {
        let mut terminal = started();
        terminal.press(keep);
        if !word.is_empty() {
            until_word(&mut terminal, "restore");
            terminal.press(word);
        }
        let (code, screen) = terminal.end();
        assert_ne!(code, 0, "{keep:?}: {screen}");
        assert_eq!(machine.sh("zms get A").done(), "second");
    }
    let mut terminal = started();
    terminal.press("nobody\n").until("there is no token nobody in the backup").press("ci\n");
    until_word(&mut terminal, "restore");
    let (code, screen) = terminal.press("restore\n").end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("revoked: api;") && screen.contains("still good: ci"), "{screen}");
    assert_eq!(machine.sh("zms get A").done(), "first");
    assert_eq!(machine.sh("ZMS_TOKEN=$(cat ci) zms get A").done(), "first");
    machine.sh("ZMS_TOKEN=$(cat api) zms get A").refused(4);
}

#[test]
fn nobody_else_can_read_a_backup_whatever_the_mask() {
    let machine = Machine::with_secret();
    machine.sh("umask 000; zms backup all.backup; test $(stat -c %a all.backup) = 600").done();
    machine
        .sh("umask 000; zms restore all.backup --vault copy --key ~/.zexio/zms.master.key")
        .done();
    let open = "find ~/.zexio -perm /077 | grep .";
    assert_eq!(machine.sh(open).code, 1, "something of it is open to others");
}

/// What an older version would have written: its database, sealed as it lies.
fn sealed(database: &[u8], key: &str) -> Vec<u8> {
    let file = KeyFile::parse(key).unwrap();
    let owner = file.open(None).unwrap();
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    let holders = [(owner.id(), owner.wrap_key())];
    let (mut sealed, mut chunks) =
        Chunks::begin(file.vault(), 1_767_225_600, CHUNK, &holders, &mut rng);
    let mut parts = database.chunks(CHUNK as usize).peekable();
    while let Some(part) = parts.next() {
        sealed.extend(chunks.seal_next(part, parts.peek().is_none(), &mut rng));
    }
    sealed
}

#[test]
fn a_backup_of_an_older_schema_is_brought_up_to_date() {
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/frozen");
    let mut seen = 0;
    for entry in fs::read_dir(frozen).unwrap() {
        let home = entry.unwrap().path().join("home");
        let Ok(database) = fs::read(home.join("zms.db")) else { continue };
        let key = fs::read_to_string(home.join("zms.master.key")).unwrap();
        let machine = Machine::new();
        fs::write(machine.home().join("app/old.backup"), sealed(&database, &key)).unwrap();
        fs::write(machine.home().join("app/key"), key).unwrap();
        machine.own(&machine.home().join("app"));
        machine.sh("chmod 600 key && zms restore old.backup --key key --keep-all").done();
        machine.sh("zms doctor | grep 'ok    vault' && zms audit verify").done();
        assert!(!machine.vault("zms.db.v1.bak").exists(), "nothing of the making is left");
        seen += 1;
    }
    assert!(seen > 1, "only {seen} older vaults were found");
}
