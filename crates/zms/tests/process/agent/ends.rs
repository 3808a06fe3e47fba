//! When it ends, and with it what it holds.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use super::Vault;
use crate::scratch::Go;

#[test]
fn it_ends_at_its_time() {
    let vault = Vault::locked();
    let begun = Instant::now();
    vault.unlock(&["--ttl", "3s"]);
    assert_eq!(vault.zms(&["get", "A"]).go().text(), "1");
    assert!(begun.elapsed() < Duration::from_secs(3), "this machine is too slow for this test");
    vault.until_ended();
    assert!(begun.elapsed() >= Duration::from_secs(3));
    assert!(!vault.socket().exists());
    vault.zms(&["get", "A"]).go().refused(5);
}

#[test]
fn it_ends_with_the_key_file_or_the_database() {
    for gone in ["zms.master.key", "zms.db", "agent/socket", "agent"] {
        let vault = Vault::locked();
        vault.unlock(&[]);
        fs::rename(vault.scratch.home().join(gone), vault.scratch.folder().join("away")).unwrap();
        vault.until_ended();
    }
}

#[test]
fn it_ends_when_the_key_is_protected_anew_or_replaced() {
    for args in [&["key", "protect", "none"][..], &["key", "rotate", "--yes"]] {
        let vault = Vault::locked();
        vault.unlock(&[]);
        vault.with_credential(args).go().good();
        assert_eq!(vault.agents(), Vec::<u32>::new(), "{args:?}");
        assert_eq!(vault.with_credential(&["get", "A"]).go().text(), "1");
    }
    // And by whatever other hand the file is another one.
    let vault = Vault::locked();
    vault.unlock(&[]);
    let path = vault.scratch.home().join("zms.master.key");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "\n").unwrap();
    vault.until_ended();
}

#[test]
fn it_never_outlives_reset() {
    let vault = Vault::locked();
    vault.unlock(&[]);
    vault.zms(&["reset", "--yes"]).go().good();
    assert_eq!(vault.agents(), Vec::<u32>::new());
    assert!(!vault.scratch.home().join("agent").exists());
    // Nor one that does not listen.
    vault.zms(&["init"]).go().good();
    let credential = vault.credential().display().to_string();
    vault.zms(&["key", "protect", "systemd", "--credential", &credential]).go().good();
    vault.unlock(&[]);
    super::send("STOP", vault.agent());
    vault.zms(&["reset", "--yes"]).go().good();
    sleep(Duration::from_millis(50));
    assert_eq!(vault.agents(), Vec::<u32>::new());
}
