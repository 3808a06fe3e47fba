//! What a process leaves when it ends without closing, and what it leaves when it closes.

use std::{
    env, fs,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{self, Command},
};

use tempfile::TempDir;
use zms_core::audit::{Action, first_bad};
use zms_store::{
    Store,
    contract::vault::{Vault, event, put},
};
use zms_store_sqlite::SqliteStore;

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path).expect("the database opens").expect("the database is there")
}

fn made(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("zms.db");
    Vault::written(&mut SqliteStore::create(&path).expect("the database is made"));
    path
}

fn log_of(path: &Path) -> u64 {
    fs::metadata(path.with_extension("db-wal")).map_or(0, |log| log.len())
}

fn child(path: &Path, ends: &str) -> process::ExitStatus {
    let mut command = Command::new(env::current_exe().expect("this test has a path"));
    command.args(["--exact", "durable::a_child_ends"]).env("PATH_OF_DB", path).env("ENDS", ends);
    command.status().expect("the child starts")
}

/// Commits, notes a read, and ends without closing; nothing where nobody asked.
#[test]
fn a_child_ends() {
    let (Some(path), Some(ends)) = (env::var_os("PATH_OF_DB"), env::var_os("ENDS")) else {
        return;
    };
    let (mut store, mut vault) = (open(Path::new(&path)), Vault::unmade());
    let batch = vault.write(&store, "shop/production", &[put("A", b"last words")]);
    vault.commit(&mut store, &batch);
    store.audit_append(&[event(vault.owner.id(), Action::Read)]).unwrap();
    let held = store.bundle().unwrap();
    if ends == "exec" {
        panic!("{}", Command::new("true").exec());
    }
    drop(held);
    process::abort();
}

fn assert_last_words(path: &Path) {
    let (store, mut vault) = (open(path), Vault::unmade());
    let scope = vault.scope(&store, "shop/production");
    assert_eq!(scope.head.revision, 3);
    let opened = scope.open_records().expect("it is read");
    // EXPOSE: the test's own value.
    assert!(opened.iter().any(|(_, payload)| *payload.value.expose() == b"last words"));
    let entries = store.audit_read(0, 0, usize::MAX).expect("it is read");
    assert_eq!(entries.len(), 4);
    assert_eq!(first_bad(vault.id, &entries), None);
}

#[test]
fn a_process_that_dies_leaves_all_it_committed() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    assert!(child(&path, "abort").signal().is_some());
    assert_last_words(&path);
}

#[test]
fn a_process_that_is_replaced_leaves_all_it_committed_and_no_lock() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    assert!(child(&path, "exec").success());
    assert_last_words(&path);
    let (mut store, mut vault) = (open(&path), Vault::unmade());
    let batch = vault.write(&store, "shop/production", &[put("A", b"goes on")]);
    vault.commit(&mut store, &batch);
}

#[test]
fn a_session_that_commits_leaves_one_file_that_is_complete() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    assert_eq!(log_of(&path), 0);
    let alone = folder.path().join("alone.db");
    fs::copy(&path, &alone).unwrap();
    let scope = Vault::unmade().scope(&open(&alone), "shop/production");
    assert_eq!(scope.open_records().unwrap().len(), 3);
}

#[test]
fn a_session_that_only_notes_leaves_the_log_and_the_log_stays_short() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    let owner = Vault::unmade().owner.id();
    let (mut longest, mut left) = (0, 0);
    for _ in 0..200 {
        open(&path).audit_append(&[event(owner, Action::Read)]).unwrap();
        left += u32::from(log_of(&path) > 0);
        longest = longest.max(log_of(&path));
    }
    assert!(left > 180, "{left} of 200 sessions left it");
    assert!(longest < 100 * 16384, "the log grew to {longest} bytes");
    assert_eq!(open(&path).audit_read(0, 0, usize::MAX).unwrap().len(), 202);
}

#[test]
fn a_session_that_only_reads_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    let before = fs::read(&path).unwrap();
    Vault::unmade().scope(&open(&path), "shop/production");
    assert_eq!(log_of(&path), 0);
    assert!(fs::read(&path).unwrap() == before);
}
