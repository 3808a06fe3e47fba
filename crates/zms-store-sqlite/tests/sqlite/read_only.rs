//! Databases and folders that can be read and not written.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    thread,
};

use rustix::{
    process::{Uid, geteuid},
    thread::set_thread_res_uid,
};
use tempfile::TempDir;
use zms_core::{
    audit::Action,
    bundle::{Trouble, TroubleClass},
};
use zms_store::{
    CommitError, Store,
    contract::vault::{Vault, event, put},
};
use zms_store_sqlite::SqliteStore;

const NOBODY: u32 = 65534;

/// Runs on a thread that modes apply to: as root, one that is no longer root.
fn as_user(use_it: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let bound = scope.spawn(|| {
            if geteuid().is_root() {
                let nobody = Uid::from_raw(NOBODY);
                set_thread_res_uid(nobody, nobody, nobody).expect("root may become nobody");
            }
            use_it();
        });
        bound.join().expect("the test holds");
    });
}

fn give(path: &Path, mode: u32) {
    if geteuid().is_root() {
        chown(path, Some(NOBODY), None).expect("root gives files away");
    }
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode is set");
}

fn made(folder: &TempDir) -> PathBuf {
    // Every byte of a path must survive the way to a folder that can not be written.
    let path = folder.path().join("a b?c#d%41é.db");
    Vault::written(&mut SqliteStore::create(&path).expect("the database is made"));
    path
}

fn assert_read_only(path: &Path) {
    let mut store = SqliteStore::open(path).expect("it can be read").expect("it is there");
    let mut vault = Vault::unmade();
    assert_eq!(vault.scope(&store, "shop/production").open_records().expect("open").len(), 3);
    let noted = store.audit_append(&[event(vault.owner.id(), Action::Read)]);
    assert!(matches!(noted, Err(Trouble { class: TroubleClass::ReadOnly, .. })), "{noted:?}");
    let batch = vault.write(&store, "shop/production", &[put("A", b"new")]);
    let committed = store.commit(&batch, &[]);
    let refused = matches!(
        committed,
        Err(CommitError::Trouble(Trouble { class: TroubleClass::ReadOnly, .. }))
    );
    assert!(refused, "{committed:?}");
}

#[test]
fn a_folder_that_can_not_be_written_is_read() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    for mode in [0o600, 0o400] {
        give(&path, mode);
        give(folder.path(), 0o500);
        as_user(|| assert_read_only(&path));
    }
}

#[test]
fn a_file_that_can_not_be_written_is_read() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    give(&path, 0o400);
    give(folder.path(), 0o700);
    as_user(|| assert_read_only(&path));
}

#[test]
fn a_log_in_a_folder_that_can_not_be_written_is_trouble_or_read() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    let owner = Vault::unmade().owner.id();
    let mut store = SqliteStore::open(&path).unwrap().unwrap();
    store.audit_append(&[event(owner, Action::Read)]).unwrap();
    drop(store);
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        give(Path::new(&name), 0o400);
    }
    give(folder.path(), 0o500);
    // With its shared memory there to be read, the log is read too.
    as_user(|| {
        let store = SqliteStore::open(&path).unwrap().unwrap();
        assert_eq!(store.audit_read(0, 0, 9).unwrap().len(), 3);
    });
    give(folder.path(), 0o700);
    let mut shared = path.clone().into_os_string();
    shared.push("-shm");
    fs::remove_file(shared).unwrap();
    give(folder.path(), 0o500);
    // Without, what is in the log can not be known, and the file alone would be an older state.
    as_user(|| match SqliteStore::open(&path) {
        Ok(_) => panic!("an older state was opened"),
        Err(trouble) => assert_eq!(trouble.class, TroubleClass::ReadOnly),
    });
}

#[test]
fn a_file_that_can_not_be_read_is_trouble() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    give(&path, 0o000);
    give(folder.path(), 0o700);
    as_user(|| match SqliteStore::open(&path) {
        Ok(_) => panic!("it was opened"),
        Err(trouble) => assert_eq!(trouble.class, TroubleClass::ReadOnly),
    });
}
