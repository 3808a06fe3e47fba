//! The promises of every store, and what a store in a file promises besides.

use tempfile::TempDir;
use zms_store::contract;
use zms_store_sqlite::SqliteStore;

#[test]
fn every_promise_is_kept() {
    let folder = TempDir::new().unwrap();
    let mut made = 0;
    let mut new_store = || {
        made += 1;
        SqliteStore::create(&folder.path().join(format!("{made}.db"))).unwrap()
    };
    contract::run(&mut new_store);
    contract::run_kept(new_store);
}

#[test]
fn every_promise_between_two_connections_is_kept() {
    let folder = TempDir::new().unwrap();
    let mut made = 0;
    let mut two_handles = || {
        made += 1;
        let path = folder.path().join(format!("{made}.db"));
        (SqliteStore::create(&path).unwrap(), SqliteStore::open(&path).unwrap().unwrap())
    };
    contract::run_shared(&mut two_handles);
    contract::run_shared_kept(two_handles);
}
