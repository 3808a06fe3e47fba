//! The real store below the one that lies: memory, or a database file.

use std::{path::Path, process::Command};

use zms_store::{Keeper, memory::MemoryStore};
use zms_store_sqlite::SqliteStore;

use crate::tamper::full;

/// Says to these tests that the real store is a database file.
const OVER: &str = "ZMS_TEST_TRUST_OVER";

/// What a run that is not full tries over a database file.
const PICK: [&str; 4] = ["heads::", "records::", "children::", "moves::"];
/// What lies in no store that lies, or tries so much that memory alone takes minutes.
const SKIP: [&str; 2] = ["tamper::", "property::"];

#[expect(clippy::disallowed_methods, reason = "the test below says so to itself")]
fn over_a_file() -> bool {
    std::env::var_os(OVER).is_some()
}

/// An empty store, whose file lies in this folder where it has one.
pub(crate) fn store(folder: &Path) -> Box<dyn Keeper> {
    if !over_a_file() {
        return Box::<MemoryStore>::default();
    }
    Box::new(SqliteStore::create(&folder.join("real.db")).expect("a new database"))
}

#[test]
fn every_attack_fails_over_a_database_file_as_over_memory() {
    if over_a_file() {
        return;
    }
    let mut again = Command::new(std::env::current_exe().expect("these tests"));
    again.env(OVER, "sqlite").args(SKIP.iter().flat_map(|name| ["--skip", name]));
    // Whether a file survives a crash is not what is asked here.
    if Path::new("/dev/shm").is_dir() {
        again.env("TMPDIR", "/dev/shm");
    }
    if !full() {
        again.args(PICK);
    }
    let ran = again.output().expect("these tests start");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{said}");
    let passed = said.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(passed > if full() { 140 } else { 30 }, "only {passed} were run: {said}");
}
