//! A folder for the socket that others could reach is not used.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, chown, symlink},
        net::UnixListener,
    },
    path::Path,
};

use super::Vault;
use crate::scratch::Go;

#[track_caller]
fn refused(vault: &Vault, why: &str) {
    for args in [&["get", "A"][..], &["lock"], &["unlock"]] {
        let said = vault.with_credential(args).go().refused(4);
        assert!(said.contains(why) && said.contains("hint: "), "{args:?}: {said}");
    }
    assert_eq!(vault.agents(), Vec::<u32>::new());
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn attack_a_folder_that_others_could_reach_is_refused() {
    let vault = Vault::of_stranger();
    vault.unlock(&[]);
    vault.zms(&["lock"]).go().good();
    let folder = vault.scratch.home().join("agent");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
    for open in [0o755, 0o710, 0o701, 0o770] {
        mode(&folder, open);
        refused(&vault, "can be reached by others");
    }
    mode(&folder, 0o700);
    chown(&folder, Some(0), Some(0)).unwrap();
    refused(&vault, "can not be looked into");
    chown(&folder, Some(65533), None).unwrap();
    mode(&folder, 0o755);
    refused(&vault, "belongs to somebody else");
    fs::remove_dir(&folder).unwrap();
    let elsewhere = vault.scratch.work().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    mode(&elsewhere, 0o700);
    chown(&elsewhere, Some(65534), Some(65534)).unwrap();
    symlink(&elsewhere, &folder).unwrap();
    refused(&vault, "is no folder");
    fs::remove_file(&folder).unwrap();
    fs::write(&folder, "").unwrap();
    refused(&vault, "is no folder");
    fs::remove_file(&folder).unwrap();
    vault.unlock(&[]);
    assert_eq!(vault.zms(&["get", "A"]).go().text(), "1");
}

/// Root, who can put a socket anywhere, is somebody else too.
#[test]
fn attack_an_agent_of_another_user_is_not_asked() {
    let vault = Vault::of_stranger();
    vault.unlock(&[]);
    vault.zms(&["lock"]).go().good();
    let _listening = UnixListener::bind(vault.socket()).unwrap();
    mode(&vault.socket(), 0o777);
    refused(&vault, "is somebody else's");
}

#[test]
fn the_socket_is_for_its_owner_alone_whatever_the_mask() {
    let vault = Vault::of_stranger();
    let line = "umask 000; exec \"$@\"";
    let mut shell = vault.scratch.under(&["sh", "-c", line, "sh"], ["unlock"]);
    shell.env("CREDENTIALS_DIRECTORY", vault.scratch.work()).go().good();
    let found = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(found(&vault.socket()), 0o600);
    assert_eq!(found(vault.socket().parent().unwrap()), 0o700);
}

/// Longer than the address of a socket can be.
#[test]
fn a_folder_far_down_has_an_agent_too() {
    let vault = Vault::locked();
    let far = vault.scratch.folder().join("deep/".repeat(40)).join("home");
    fs::create_dir_all(far.parent().unwrap()).unwrap();
    fs::rename(vault.scratch.home(), &far).unwrap();
    let at = |args: &[&str]| vault.with_credential(args).env("ZMS_HOME", &far).go();
    at(&["unlock", "--ttl", "5m"]).good();
    let get = vault.zms(&["get", "A"]).env("ZMS_HOME", &far).go().text();
    assert_eq!(get, "1");
    at(&["lock"]).good();
}
