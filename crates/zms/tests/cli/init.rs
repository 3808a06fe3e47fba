//! `init` makes one vault, whoever else makes one and wherever it was interrupted.

use std::{process::Stdio, thread};

use zms_store_sqlite::SqliteStore;

use crate::machine::{Machine, Ran};

#[test]
fn of_many_inits_at_once_exactly_one_wins() {
    let machine = Machine::new();
    let ran: Vec<Ran> = thread::scope(|scope| {
        let start = || Ran::of("zms init", machine.zms(&["init"]).output().unwrap());
        let started: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ran.iter().filter(|ran| ran.code == 0).count(), 1);
    for loser in ran.into_iter().filter(|ran| ran.code != 0) {
        assert!(loser.refused(1).starts_with("error: there is a vault already in "));
    }
    machine.sh("printf 1 | zms set A").done();
    assert_eq!(machine.sh("zms get A").done(), "1");
    let left = machine.sh("ls ~/.zexio").done();
    assert!(!left.contains("new"), "{left}");
}

#[test]
fn an_init_that_was_interrupted_anywhere_goes_on_with_its_key() {
    let whole = Machine::with_vault();
    let key = std::fs::read(whole.vault("zms.master.key")).unwrap();
    for database in [false, true] {
        let machine = Machine::new();
        machine.sh("mkdir -m 700 ~/.zexio && cat > ~/.zexio/zms.master.key").done();
        std::fs::write(machine.vault("zms.master.key"), &key).unwrap();
        machine.sh("chmod 600 ~/.zexio/zms.master.key").done();
        if database {
            drop(SqliteStore::create(&machine.vault("zms.db")).unwrap());
            machine.own(&machine.vault(""));
            assert!(machine.sh("zms ls").refused(5).starts_with("error: there is no vault"));
        }
        machine.sh("zms init").done();
        assert_eq!(std::fs::read(machine.vault("zms.master.key")).unwrap(), key);
        assert_eq!(machine.sh("zms env ls").done(), "development\nproduction\nstaging\n");
        machine.sh("zms init").refused(1);
    }
}

#[test]
fn a_home_that_can_not_be_made_is_named() {
    let machine = Machine::new();
    let mut command = machine.zms(&["init"]);
    command.env("ZMS_HOME", "/proc/zms").stdout(Stdio::piped());
    let ran = Ran::of("zms init", command.output().unwrap());
    assert!(ran.refused(1).starts_with("error: /proc/zms can not be made: "));
    machine.sh("chmod 500 ~ && zms init").refused(1);
    machine.sh("chmod 700 ~ && zms init").done();
}
