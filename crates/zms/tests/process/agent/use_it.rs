//! Asked once, it serves every command.

use std::{fs, thread};

use super::{Vault, send};
use crate::scratch::Go;

#[test]
fn once_unlocked_no_command_asks_until_it_is_locked() {
    let vault = Vault::locked();
    let said = vault.unlock(&[]);
    assert!(said.contains("is unlocked until") && said.contains("`zms lock`"), "{said}");
    assert_eq!(vault.zms(&["get", "A"]).go().text(), "1");
    vault.scratch.set(&[], "B", "2");
    vault.scratch.token(&["ci"]);
    vault.zms(&["doctor"]).go().good();
    // Another session, without a terminal, and with nothing of the first in its environment.
    let mut other = vault.scratch.other(["setsid", "--wait", "env", "-i"]);
    let home = format!("ZMS_HOME={}", vault.scratch.home().display());
    let zms = crate::tools::ZMS;
    assert_eq!(other.args([&home, zms, "get", "B"]).go().text(), "2");
    let status = vault.scratch.json(&["status"]);
    assert!(status["unlocked_until"].as_str().unwrap().ends_with('Z'), "{status}");
    let said = vault.zms(&["lock"]).go();
    assert!(said.stderr.contains("the vault default is locked"), "{}", said.stderr);
    let said = vault.zms(&["get", "A"]).go().refused(5);
    assert!(said.contains("hint: "), "{said}");
    assert_eq!(vault.agents(), Vec::<u32>::new());
}

#[test]
fn who_unlocks_twice_keeps_one_agent_and_a_new_time_replaces_it() {
    let vault = Vault::locked();
    vault.unlock(&[]);
    let first = vault.agent();
    let ran = vault.zms(&["unlock"]).go();
    assert!(ran.code() == 0 && ran.stderr.contains("is unlocked already"), "{}", ran.stderr);
    assert_eq!(vault.agent(), first);
    vault.unlock(&["--ttl", "30m"]);
    assert_ne!(vault.agent(), first);
    assert_eq!(vault.zms(&["get", "A"]).go().text(), "1");
}

#[test]
fn commands_at_once_are_all_served_and_a_lock_between_them_leaves_none_hanging() {
    let vault = Vault::locked();
    vault.unlock(&[]);
    let read = || vault.zms(&["get", "A"]).go();
    thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(read)).collect();
        for one in all {
            assert_eq!(one.join().unwrap().text(), "1");
        }
    });
    thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(read)).collect();
        let lock = scope.spawn(|| vault.zms(&["lock"]).go());
        for one in all {
            let ran = one.join().unwrap();
            assert!(ran.code() == 5 || ran.text() == "1");
        }
        lock.join().unwrap().good();
    });
    read().refused(5);
}

#[test]
fn several_at_once_unlock_one_agent() {
    let vault = Vault::locked();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| vault.with_credential(&["unlock"]).go());
        }
    });
    assert_eq!(vault.agents().len(), 1);
    assert_eq!(vault.zms(&["get", "A"]).go().text(), "1");
}

#[test]
fn each_vault_has_an_agent_of_its_own_and_lock_all_ends_them_all() {
    let vault = Vault::locked();
    let credential = vault.credential().display().to_string();
    let init = ["init", "--vault", "work", "--protect", "systemd", "--credential", &credential];
    vault.zms(&init).go().good();
    vault.unlock(&[]);
    vault.unlock(&["--vault", "work"]);
    assert_eq!(vault.agents().len(), 2);
    vault.zms(&["ls", "--vault", "work"]).go().good();
    vault.zms(&["lock", "--vault", "work"]).go().good();
    vault.zms(&["ls", "--vault", "work"]).go().refused(5);
    assert_eq!(vault.zms(&["get", "A"]).go().text(), "1");
    vault.unlock(&["--vault", "work"]);
    vault.zms(&["lock", "--all"]).go().good();
    assert_eq!(vault.agents(), Vec::<u32>::new());
}

#[test]
fn an_agent_that_was_killed_leaves_nothing_that_is_in_the_way() {
    let vault = Vault::locked();
    vault.unlock(&[]);
    vault.kill();
    assert!(vault.socket().exists());
    vault.zms(&["get", "A"]).go().refused(5);
    assert!(!vault.socket().exists(), "what it left is removed");
    vault.unlock(&[]);
    vault.kill();
    vault.unlock(&[]);
    assert_eq!(vault.zms(&["get", "A"]).go().text(), "1");
}

#[test]
fn an_agent_that_does_not_listen_holds_nobody_up_and_lock_kills_it() {
    let vault = Vault::locked();
    vault.unlock(&[]);
    send("STOP", vault.agent());
    let said = vault.zms(&["get", "A"]).go().refused(5);
    assert!(said.contains("does not answer") && said.contains("`zms lock`"), "{said}");
    vault.zms(&["lock"]).go().good();
    vault.until_ended();
    let said = vault.zms(&["get", "A"]).go().refused(5);
    assert!(said.contains("is protected by a credential"), "{said}");
}

#[test]
fn it_keeps_nothing_of_who_started_it() {
    let vault = Vault::locked();
    // A pipe that it kept open would keep its reader waiting for ever.
    let line = "said=$(\"$@\" 2>&1 3>&1 4<zms-key); echo \"$said\"";
    let mut shell = vault.scratch.other(["timeout", "60", "sh", "-c", line, "sh"]);
    shell.env("CREDENTIALS_DIRECTORY", vault.scratch.work()).env("MARK", "of the environment");
    let said = shell.args([crate::tools::ZMS, "unlock", "--ttl", "1h"]).go().text();
    assert!(said.contains("is unlocked until"), "{said}");
    let proc = |name: &str| format!("/proc/{}/{name}", vault.agent());
    let words = fs::read(proc("cmdline")).unwrap();
    assert_eq!(words, b"zms-agent\0default\0");
    let home = format!("ZMS_HOME={}\0", vault.scratch.home().display());
    assert_eq!(fs::read(proc("environ")).unwrap(), home.as_bytes());
    assert_eq!(fs::read_link(proc("cwd")).unwrap().to_str(), Some("/"));
    let stat = fs::read_to_string(proc("stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    let own = vault.agent().to_string();
    assert_eq!((fields[3], fields[4]), (&*own, "0"), "a session of its own, without a terminal");
    let open = fs::read_dir(proc("fd")).unwrap().flatten();
    let open = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    let open: Vec<String> = open.map(|path| path.display().to_string()).collect();
    assert!(
        open.iter().all(|path| !path.contains("zms-key") && !path.starts_with("pipe:")),
        "{open:?}"
    );
}

#[test]
fn a_database_elsewhere_has_an_agent_too() {
    let vault = Vault::locked();
    let database = vault.scratch.folder().join("elsewhere.db");
    fs::rename(vault.scratch.home().join("zms.db"), &database).unwrap();
    for end in ["-wal", "-shm"] {
        drop(fs::remove_file(vault.scratch.home().join(format!("zms.db{end}"))));
    }
    let with =
        |mut command: std::process::Command| command.env("ZMS_DATABASE", "../elsewhere.db").go();
    with(vault.with_credential(&["unlock"])).good();
    assert_eq!(with(vault.zms(&["get", "A"])).text(), "1");
    assert_eq!(vault.agents().len(), 1);
    fs::remove_file(&database).unwrap();
    with(vault.zms(&["get", "A"])).refused(5);
    vault.until_ended();
}
