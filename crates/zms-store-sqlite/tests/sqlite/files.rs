//! Which files are opened, and who can read them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use tempfile::TempDir;
use zms_core::bundle::{Trouble, TroubleClass};
use zms_store::{Store, contract::vault::Vault};
use zms_store_sqlite::SqliteStore;

fn made(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("zms.db");
    Vault::written(&mut SqliteStore::create(&path).expect("the database is made"));
    path
}

fn refused(path: &Path) -> Trouble {
    match SqliteStore::open(path) {
        Ok(_) => panic!("it was opened"),
        Err(trouble) => trouble,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o7777
}

#[test]
fn what_is_not_there_is_none() {
    let folder = TempDir::new().unwrap();
    assert!(SqliteStore::open(&folder.path().join("zms.db")).unwrap().is_none());
}

#[test]
fn making_what_is_there_opens_it() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    let store = SqliteStore::create(&path).unwrap();
    assert_eq!(store.bundle().unwrap().vault().unwrap(), Some(Vault::unmade().id));
}

#[test]
fn a_link_is_refused_and_a_linked_folder_is_not() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    let link = folder.path().join("link.db");
    symlink(&path, &link).unwrap();
    assert_eq!(refused(&link).class, TroubleClass::Other);
    assert!(SqliteStore::create(&link).is_err());
    let dangling = folder.path().join("dangling.db");
    symlink(folder.path().join("nowhere.db"), &dangling).unwrap();
    assert!(SqliteStore::create(&dangling).is_err());
    let linked = folder.path().join("linked");
    symlink(folder.path(), &linked).unwrap();
    assert!(SqliteStore::open(&linked.join("zms.db")).unwrap().is_some());
}

#[test]
fn a_folder_or_a_file_of_somebody_else_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    assert_eq!(refused(folder.path()).class, TroubleClass::Other);
    // Only root can give a file away.
    if chown(&path, Some(65534), None).is_ok() {
        assert_eq!(refused(&path).class, TroubleClass::Other);
    }
}

#[test]
fn what_is_no_database_of_ours_is_corrupt() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("zms.db");
    for garbage in [vec![], b"garbage".to_vec(), vec![0; 16384], vec![0x5a; 100_000]] {
        fs::write(&path, garbage).unwrap();
        assert_eq!(refused(&path).class, TroubleClass::Corrupt);
    }
    fs::remove_file(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE vault (id); PRAGMA user_version = 1").unwrap();
    drop(other);
    assert_eq!(refused(&path).class, TroubleClass::Corrupt);
}

#[test]
fn a_damaged_database_is_corrupt_and_never_read_wrongly() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    let whole = fs::read(&path).unwrap();
    for kept in [1, 99, 100, 511, 1024, 16384, whole.len() / 2, whole.len() - 16384] {
        fs::write(&path, &whole[..kept]).unwrap();
        let _ = fs::remove_file(path.with_extension("db-wal"));
        let _ = fs::remove_file(path.with_extension("db-shm"));
        assert_eq!(refused(&path).class, TroubleClass::Corrupt, "of {kept} bytes");
    }
    // A page of noise is found when it is read, if not before.
    for page in 1..whole.len() / 16384 {
        let mut damaged = whole.clone();
        damaged[page * 16384..(page + 1) * 16384].fill(0xa5);
        fs::write(&path, &damaged).unwrap();
        let class = match SqliteStore::open(&path) {
            Err(trouble) => trouble.class,
            Ok(store) => read_all(&store.unwrap()).err().map_or(TroubleClass::Corrupt, |t| t.class),
        };
        assert_eq!(class, TroubleClass::Corrupt, "page {page}");
    }
}

fn read_all(store: &SqliteStore) -> Result<(), Trouble> {
    let bundle = store.bundle()?;
    bundle.roster()?;
    for part in bundle.members()? {
        bundle.standing(part.principal)?;
        bundle.keyring(part.principal)?;
    }
    let vault = Vault::unmade();
    bundle.head(vault.id.root())?;
    bundle.children(vault.id.root())?;
    store.audit_read(0, 0, usize::MAX).map(|_| ())
}

#[test]
fn a_newer_database_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = made(&folder);
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 1000").unwrap();
    assert_eq!(refused(&path).class, TroubleClass::Newer);
    let mut names = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!names.any(|name| name.to_string_lossy().ends_with(".bak")), "nothing is backed up");
}

#[test]
fn a_copy_is_complete_and_private_and_takes_nobodys_place() {
    let folder = TempDir::new().unwrap();
    let (path, copy) = (made(&folder), folder.path().join("copy's.db"));
    let mut store = SqliteStore::open(&path).unwrap().unwrap();
    store.copy_to(&copy).unwrap();
    assert_eq!(mode(&copy), 0o600);
    let copied = SqliteStore::open(&copy).unwrap().unwrap();
    let mut vault = Vault::unmade();
    assert_eq!(vault.scope(&copied, "shop/production").open_records().unwrap().len(), 3);
    assert_eq!(copied.audit_read(0, 0, 9).unwrap(), store.audit_read(0, 0, 9).unwrap());
    let before = fs::read(&copy).unwrap();
    assert!(store.copy_to(&copy).is_err());
    assert!(store.copy_to(&path).is_err());
    assert!(fs::read(&copy).unwrap() == before);
    drop((store, copied));
    let names = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name());
    let drafts = names.filter(|name| name.to_string_lossy().contains(".new")).count();
    assert_eq!(drafts, 0);
}
