//! Several connections at once, in threads and in processes.

use std::{
    env,
    path::Path,
    process::{Child, Command},
    thread,
};

use tempfile::TempDir;
use zms_core::{
    audit::{Action, first_bad},
    revision::Revision,
};
use zms_store::{
    CommitError, Store,
    contract::vault::{Vault, event, put},
};
use zms_store_sqlite::SqliteStore;

const ROUNDS: u64 = 25;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).expect("the database opens").expect("the database is there")
}

/// Writes until every write was committed once, and notes as many reads.
fn write_many(path: &Path, who: &str) {
    let (mut store, mut vault) = (open(path), Vault::unmade());
    let events = [event(vault.owner.id(), Action::Write)];
    for round in 0..ROUNDS {
        loop {
            let value = format!("{who} {round}");
            let edits = [put(who, value.as_bytes())];
            let batch = vault.write(&store, "shop/production", &edits);
            match store.commit(&batch, &events) {
                Ok(()) => break,
                Err(CommitError::Conflict) => {}
                Err(error) => panic!("{error}: {error:?}"),
            }
        }
        store.audit_append(&[event(vault.owner.id(), Action::Read)]).expect("appended");
    }
}

fn assert_nothing_is_lost(path: &Path, writers: &[String]) {
    let (store, mut vault) = (open(path), Vault::unmade());
    let scope = vault.scope(&store, "shop/production");
    let writes = ROUNDS * writers.len() as u64;
    assert_eq!(scope.head.revision, 1 + writes);
    let opened = scope.open_records().expect("records open");
    for who in writers {
        let (_, last) = opened
            .iter()
            .find(|(_, payload)| payload.name.as_str() == who)
            .expect("every writer wrote");
        // EXPOSE: the test's own value.
        assert_eq!(*last.value.expose(), format!("{who} {}", ROUNDS - 1).into_bytes());
    }
    let bundle = store.bundle().expect("it is read");
    let messages = bundle.revision_messages(scope.id(), 0).expect("read");
    let numbers = messages.iter().map(|message| Revision::parse(message).expect("ours").revision);
    assert!(numbers.eq(1..=writes));
    let entries = store.audit_read(0, 0, usize::MAX).expect("read");
    assert_eq!(entries.len() as u64, 1 + 2 * writes);
    assert_eq!(first_bad(vault.id, &entries), None);
}

#[test]
fn eight_threads_lose_no_write() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("zms.db");
    Vault::made(&mut SqliteStore::create(&path).unwrap());
    let writers: Vec<String> = (0..8).map(|number| format!("W{number}")).collect();
    thread::scope(|scope| {
        for who in &writers {
            scope.spawn(|| write_many(&path, who));
        }
    });
    assert_nothing_is_lost(&path, &writers);
}

#[test]
fn four_processes_lose_no_write() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("zms.db");
    Vault::made(&mut SqliteStore::create(&path).unwrap());
    let writers: Vec<String> = (0..4).map(|number| format!("W{number}")).collect();
    let children: Vec<Child> = writers
        .iter()
        .map(|who| {
            let mut command = Command::new(env::current_exe().unwrap());
            command.args(["--exact", "concurrent::a_child_writes"]).env("PATH_OF_DB", &path);
            command.env("WRITER", who).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_nothing_is_lost(&path, &writers);
}

/// What each process of the test above does; nothing where nobody asked.
#[test]
fn a_child_writes() {
    if let (Some(path), Ok(who)) = (env::var_os("PATH_OF_DB"), env::var("WRITER")) {
        write_many(Path::new(&path), &who);
    }
}

#[test]
fn of_threads_that_make_one_vault_at_once_one_does() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("zms.db");
    let make = || {
        let (mut store, mut vault) = (SqliteStore::create(&path).unwrap(), Vault::unmade());
        match store.commit(&vault.init(), &[]) {
            Ok(()) => true,
            Err(CommitError::Exists) => false,
            Err(error) => panic!("{error}: {error:?}"),
        }
    };
    let made = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    let left = folder.path().read_dir().unwrap().count();
    assert!(left <= 3, "no draft is left beside the database");
}
