//! Backups and restores on a terminal: what is offered, and what is asked before anything changes.

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
